//! Turns, seeds and extraData.

use alloy_primitives::{B256, b256};
use mfenx_consensus::{
    ExtraData, ExtraDataError, Height, VrfCheckError, alpha, mix_hash, next_seed, permutation,
    verify_vrf,
};
use mfenx_primitives::Quorum;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixtures::{DOMAIN, authorities, random_seed};

#[test]
fn inputs_and_outputs_are_frozen() {
    let seed = B256::repeat_byte(0x11);
    assert_eq!(
        hex::encode(alpha(177_155, Height(42), seed)),
        format!(
            "{}000000000002b403000000000000002a{}",
            hex::encode("mfenx/vrf/v1"),
            "11".repeat(32)
        )
    );
    let beta = [0x22; 64];
    assert_eq!(mix_hash(&beta), B256::from(*blake3::hash(&beta).as_bytes()));
    let hashed = [b"mfenx/seed/v1".as_slice(), &[0x11; 32], &[0x22; 64]].concat();
    assert_eq!(next_seed(seed, &beta), B256::from(*blake3::hash(&hashed).as_bytes()));
    assert_ne!(next_seed(seed, &beta), mix_hash(&beta));
}

/// The expected orders are of an implementation in Python, written from the description.
#[test]
fn turns_are_frozen() {
    let seed = b256!("00000000000000000000000000000000000000000000000000000000000000ff");
    assert_eq!(permutation(seed, &[5, 1, 1, 100, 7, 3]), [3, 4, 0, 1, 5, 2]);
    assert_eq!(permutation(B256::repeat_byte(0x5e), &[1; 7]), [0, 3, 2, 5, 6, 1, 4]);
    assert_eq!(permutation(seed, &[9]), [0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_has_one_turn(
        seed: [u8; 32],
        powers in proptest::collection::vec(1u64..1 << 53, 1..=128),
    ) {
        let mut turns = permutation(seed.into(), &powers);
        prop_assert_eq!(turns.len(), powers.len());
        turns.sort_unstable();
        prop_assert!(turns.iter().enumerate().all(|(at, turn)| at == usize::from(*turn)));
    }
}

#[test]
fn rounds_go_round() {
    let (_, set) = authorities(7, Quorum::Bft);
    for first in [0, 3, 1000, u32::MAX - 7] {
        let mut seen: Vec<_> = (first..first + 7).map(|r| set.proposer(r).operator).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7, "from round {first}");
    }
    assert_eq!(set.proposer(2), set.proposer(9));
    let index = set.proposer_index(5);
    assert_eq!(set.get(index), Some(set.proposer(5)));
    assert_ne!(
        (0..7).map(|r| set.proposer_index(r)).collect::<Vec<_>>(),
        {
            let other = set.with_seed(B256::repeat_byte(0x77));
            (0..7).map(|r| other.proposer_index(r)).collect::<Vec<_>>()
        },
        "the seed decides the order"
    );
}

/// The first turn falls by share of power, the second by share of what is left.
#[test]
fn turns_respect_power() {
    const DRAWS: u32 = 40_000;
    let powers = [1u64, 2, 3, 4, 10];
    let total: u64 = powers.iter().sum();
    let seed = random_seed("turns_respect_power");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut first, mut second) = ([0u32; 5], [0u32; 5]);
    for _ in 0..DRAWS {
        let turns = permutation(rng.random::<[u8; 32]>().into(), &powers);
        first[usize::from(turns[0])] += 1;
        second[usize::from(turns[1])] += 1;
    }
    let share = |power: u64, of: u64| power as f64 / of as f64;
    let expected_first = powers.map(|power| share(power, total));
    let expected_second: Vec<f64> = (0..5)
        .map(|who| {
            (0..5)
                .filter(|before| *before != who)
                .map(|before| {
                    share(powers[before], total) * share(powers[who], total - powers[before])
                })
                .sum()
        })
        .collect();
    for (name, counts, expected) in
        [("first", first, expected_first.to_vec()), ("second", second, expected_second)]
    {
        let chi_square: f64 = counts
            .iter()
            .zip(&expected)
            .map(|(count, share)| {
                let expected = share * f64::from(DRAWS);
                (f64::from(*count) - expected).powi(2) / expected
            })
            .sum();
        // Four degrees of freedom: 33.4 is exceeded once in a million runs.
        assert!(chi_square < 33.4, "{name} turn: {counts:?}, chi-square {chi_square}");
    }
}

#[test]
fn extra_data_is_eight_strict_bytes() {
    let extra = ExtraData { built_round: 0x0102_0304, proposer_index: 0x0005_0607 };
    assert_eq!(extra.encode(), [1, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ExtraData::decode(&extra.encode()), Ok(extra));
    assert_eq!(ExtraData::decode(&[1; 7]), Err(ExtraDataError::Length(7)));
    assert_eq!(ExtraData::decode(&[1; 9]), Err(ExtraDataError::Length(9)));
    assert_eq!(ExtraData::decode(&[2, 0, 0, 0, 0, 0, 0, 0]), Err(ExtraDataError::Version(2)));
}

#[test]
fn a_builder_is_checked_against_its_round_and_height() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let height = Height(9);
    for round in 0..4 {
        let builder = set.proposer(round).operator;
        let identity = identities.iter().find(|one| one.operator == builder).unwrap();
        let (proof, output) = identity.vrf.prove(&alpha(DOMAIN.chain_id, height, set.seed()));
        let index = u32::from(set.proposer_index(round));
        let extra = ExtraData { built_round: round, proposer_index: index };
        let check = |domain, set, height, extra| verify_vrf(domain, set, height, extra, &proof);

        assert_eq!(check(&DOMAIN, &set, height, extra), Ok(output));
        // The output is one for the height: a later round of the same builder has the same.
        let later = ExtraData { built_round: round + 4, ..extra };
        assert_eq!(check(&DOMAIN, &set, height, later), Ok(output));

        let stranger = ExtraData { proposer_index: (index + 1) % 4, ..extra };
        let named = stranger.proposer_index;
        let elected = set.proposer_index(round);
        assert_eq!(
            check(&DOMAIN, &set, height, stranger),
            Err(VrfCheckError::Builder { named, round, elected })
        );
        let next_round = ExtraData { built_round: round + 1, ..extra };
        assert!(check(&DOMAIN, &set, height, next_round).is_err());
        assert!(check(&DOMAIN, &set, Height(10), extra).is_err());
        let other_chain = mfenx_consensus::Domain { chain_id: 1, ..DOMAIN };
        assert!(check(&other_chain, &set, height, extra).is_err());
        let other_seed = set.with_seed(B256::ZERO);
        let elected = u32::from(other_seed.proposer_index(round));
        let there = ExtraData { built_round: round, proposer_index: elected };
        assert!(check(&DOMAIN, &other_seed, height, there).is_err());
    }
}
