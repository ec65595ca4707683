//! The parts against crates that are not ours.

use crate::{
    expansion::{entries, words},
    kernel::{self, Isa},
    lanes::{Form, LANES, Streams, groups},
    tree,
};
use rand::{RngCore, SeedableRng};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};

fn stream(key: [u8; 32], index: u32, count: usize) -> Vec<i8> {
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(u64::from(index));
    let mut bytes = vec![0; count];
    rng.fill_bytes(&mut bytes);
    bytes.into_iter().map(|byte| (byte & 31) as i8 - 16).collect()
}

#[test]
fn expansion_is_chacha8() {
    for (index, count) in [(0, 1), (1, 63), (65_535, 64), (u32::MAX, 1_000), (7, 32_768)] {
        let key = [index as u8 ^ 0x5a; 32];
        assert_eq!(entries(&words(&key), index, count as u32), stream(key, index, count));
    }
}

#[test]
fn panels_hold_the_same_entries_under_every_instruction_set() {
    let key = [0x77; 32];
    for isa in Isa::all() {
        for k in [1, 3, 4, 61, 64, 67, 500] {
            for (form, bias) in [(Form::Biased, 16), (Form::Signed, 0)] {
                let mut panel = vec![[0; LANES]; groups(k)];
                kernel::panel(isa, &Streams::from(&words(&key), 90), k, form, &mut panel);
                for lane in 0..LANES {
                    let expected = stream(key, 90 + lane as u32, k as usize);
                    let bytes: Vec<u8> =
                        panel.iter().flat_map(|group| group[lane].to_le_bytes()).collect();
                    let (held, rest) = bytes.split_at(k as usize);
                    assert!(
                        held.iter().zip(expected).all(|(byte, entry)| *byte as i8 - bias == entry)
                    );
                    assert!(rest.iter().all(|byte| *byte == 0), "{isa:?}, k = {k}");
                }
            }
        }
    }
}

#[test]
fn hashes_side_by_side_are_blake3() {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let mut message = [[0; LANES]; 16];
    message.iter_mut().flatten().for_each(|word| *word = rng.next_u32());
    let leaf: fn(&[u8; 64]) -> [u8; 32] = tree::leaf;
    let node: fn(&[u8; 64]) -> [u8; 32] = |bytes| {
        let (left, right) = bytes.split_at(32);
        tree::node(left.try_into().unwrap(), right.try_into().unwrap())
    };
    for (context, hash) in [(tree::LEAF_CONTEXT, leaf), (tree::NODE_CONTEXT, node)] {
        let key = words(&blake3::hazmat::hash_derive_key_context(context));
        for isa in Isa::all() {
            let output = kernel::hash(isa, &key, &message);
            for lane in 0..LANES {
                let bytes: Vec<u8> =
                    message.iter().flat_map(|word| word[lane].to_le_bytes()).collect();
                let digest: Vec<u8> =
                    output.iter().flat_map(|word| word[lane].to_le_bytes()).collect();
                assert_eq!(digest, blake3::derive_key(context, &bytes), "{isa:?}");
                assert_eq!(digest, hash(&bytes.try_into().unwrap()), "{isa:?}");
            }
        }
    }
}

/// The kernel at the ends of the range, at the largest `k`: no sum leaves its width on the way.
#[test]
fn extreme_entries_multiply_exactly() {
    for isa in Isa::all() {
        for (a, b) in [(15_i8, -16_i8), (-16, -16), (15, 15), (-16, 15)] {
            let rows = vec![[u32::from_le_bytes([(a + 16) as u8; 4]); LANES]; 8_192];
            let columns = vec![[u32::from_le_bytes([b as u8; 4]); LANES]; 8_192];
            let sums = kernel::column_sums(isa, &columns);
            assert_eq!(sums, [32_768 * i32::from(b); LANES], "{isa:?}");
            let mut tile = sums.map(|sum| [-16 * sum; LANES]);
            kernel::multiply(isa, &rows, &columns, &mut tile);
            assert_eq!(tile, [[32_768 * i32::from(a) * i32::from(b); LANES]; LANES], "{isa:?}");
        }
    }
}
