use super::support::*;
use crate::{BEACON_GAS, Beacon, OutOfGas, PrecompileResult, beacon};
use alloy_primitives::{B256, U256};
use alloy_sol_types::SolCall;
use mfenx_primitives::precompile::RecordWord;
use mfenx_vrf::SecretKey;
use std::convert::Infallible;

/// Reads a record as a database that keeps it for height 7 gives it.
fn read(record: &[u8], height: u64) -> Option<Beacon> {
    let Ok(beacon) = Beacon::read::<Infallible>(height, |number| {
        let word = RecordWord::of_number(number).unwrap();
        Ok(if word.height == 7 { B256::from(word.of(record)) } else { B256::ZERO })
    });
    beacon
}

#[test]
fn both_kinds_of_record_are_read() {
    let (seed, beta) = (B256::repeat_byte(3), [5; 64]);
    let record = [&[0], &seed[..], &beta].concat();
    assert_eq!(read(&record, 7), Some(Beacon { seed, beta }));
    assert_eq!(read(&record, 8), None);

    let (proof, output) = SecretKey::from_seed([9; 32]).prove(b"alpha");
    let record = [&[1], &seed[..], &proof.to_bytes(), &[7; 5_000]].concat();
    assert_eq!(read(&record, 7), Some(Beacon { seed, beta: *output.as_bytes() }));
}

#[test]
fn what_is_no_record_is_none() {
    for record in [
        vec![],
        vec![0; 97],
        [&[2][..], &[1; 200]].concat(),
        // No proof has a Gamma of ones.
        [&[1][..], &[1; 32], &[0xff; 80]].concat(),
    ] {
        assert_eq!(read(&record, 7), None);
    }
    assert_eq!(read(&[1; 200], 1 << 60), None);
}

fn ask(height: U256, current: u64, gas: u64) -> PrecompileResult {
    let call = Beacons::beaconCall { height }.abi_encode();
    let Ok(result) = beacon::<Infallible>(&call, gas, current, |height| {
        Ok((height != 9_999).then(|| Beacon { seed: U256::from(height).into(), beta: [1; 64] }))
    });
    result
}

#[test]
fn the_window_is_the_last_8192_blocks() {
    for (height, current) in [(0_u64, 1_u64), (1, 8_192), (1_808, 10_000), (9_998, 10_000)] {
        let (answer, gas) =
            returned::<Beacons::beaconCall>(ask(U256::from(height), current, PLENTY));
        assert_eq!((answer.seed, gas), (U256::from(height).into(), BEACON_GAS));
        assert_eq!(answer.beta[..], [1; 64]);
    }
    let outside = "not one of the last 8192 blocks";
    for (height, current) in [(0_u64, 0_u64), (1, 1), (1_807, 10_000), (10_000, 10_000)] {
        assert_eq!(reason(ask(U256::from(height), current, PLENTY)), outside);
    }
    for height in [U256::from(1) << 64, U256::MAX] {
        assert_eq!(reason(ask(height, u64::MAX, PLENTY)), outside);
    }
    assert_eq!(reason(ask(U256::from(9_999), 10_000, PLENTY)), "no beacon for this block");
    assert_eq!(ask(U256::ZERO, 1, BEACON_GAS - 1), Err(OutOfGas));
}

#[test]
fn a_failing_read_is_no_outcome() {
    let call = Beacons::beaconCall { height: U256::ZERO }.abi_encode();
    assert_eq!(beacon(&call, PLENTY, 1, |_| Err("disk")), Err("disk"));
}
