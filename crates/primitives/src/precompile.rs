//! Where the chain's precompiles stand, and how the EVM reads beacons.
//!
//! The EVM reads everything through revm's database traits, which have no method for what the chain
//! keeps beside its blocks. A beacon is therefore asked as the "block hash" of a number that no
//! block has: [`RecordWord`] is that number. A database that knows nothing of it answers zero, as
//! for any block that is not there, and that is how "no record" reads.

use alloy_primitives::{Address, address};

/// BLAKE3 of raw bytes.
pub const BLAKE3: Address = address!("00000000000000000000000000000002b4030001");
/// Strict verification of an Ed25519 signature.
pub const ED25519: Address = address!("00000000000000000000000000000002b4030002");
/// Verification of a proof of the verifiable random function.
pub const VRF: Address = address!("00000000000000000000000000000002b4030003");
/// Seed and VRF output of a recent block.
pub const BEACON: Address = address!("00000000000000000000000000000002b4030004");
/// Verification of a proof of compute.
pub const COMPUTE_VERIFY: Address = address!("00000000000000000000000000000002b4030005");
/// Exact product of two matrices.
pub const MATRIX: Address = address!("00000000000000000000000000000002b4030006");

/// All of them, by number.
pub const PRECOMPILES: [Address; 6] = [BLAKE3, ED25519, VRF, BEACON, COMPUTE_VERIFY, MATRIX];

/// What `eth_config` (EIP-7910) calls them, by number.
pub const PRECOMPILE_NAMES: [&str; 6] =
    ["BLAKE3", "ED25519_VERIFY", "VRF_VERIFY", "BEACON", "COMPUTE_VERIFY", "MATRIX_MULTIPLY"];

/// What genesis puts at each of [`PRECOMPILES`], so that a contract that looks for code finds some:
/// the invalid instruction (EIP-141).
pub const PRECOMPILE_CODE: [u8; 1] = [0xfe];

/// Set in the numbers that stand for words of records; no block has such a number.
const TAG: u64 = 1 << 63;
const WORD_BITS: u32 = 3;
const WORD_MASK: u64 = (1 << WORD_BITS) - 1;

/// 32 bytes of what is kept beside a block (the leading 128 bytes can be asked for).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordWord {
    /// Of the block; below 2^60.
    pub height: u64,
    /// Which of the words, from 0 to 3.
    pub word: u8,
}

impl RecordWord {
    /// Words of a record that can be asked for.
    pub const COUNT: u8 = 4;

    /// The number that stands for it; none where a height is no height.
    pub const fn number(self) -> Option<u64> {
        if self.height >= TAG >> WORD_BITS || self.word >= Self::COUNT {
            return None;
        }
        Some(TAG | self.height << WORD_BITS | self.word as u64)
    }

    /// What a number stands for; none for the number of a block.
    pub const fn of_number(number: u64) -> Option<Self> {
        let word = (number & WORD_MASK) as u8;
        if number & TAG == 0 || word >= Self::COUNT {
            return None;
        }
        Some(Self { height: (number ^ TAG) >> WORD_BITS, word })
    }

    /// This word of `record`, with zeros behind its end.
    pub fn of(self, record: &[u8]) -> [u8; 32] {
        let mut bytes = [0; 32];
        let rest = record.iter().skip(usize::from(self.word) * 32);
        bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_one_to_one() {
        for height in [0, 1, 8_192, (1 << 60) - 1] {
            for word in 0..4 {
                let asked = RecordWord { height, word };
                assert_eq!(RecordWord::of_number(asked.number().unwrap()), Some(asked));
            }
        }
        assert_eq!(RecordWord { height: 1 << 60, word: 0 }.number(), None);
        assert_eq!(RecordWord { height: 0, word: 4 }.number(), None);
        for number in [0, 1, 1 << 62, TAG - 1, TAG | 4, u64::MAX] {
            assert_eq!(RecordWord::of_number(number), None, "{number:#x}");
        }
    }

    #[test]
    fn a_word_is_padded_with_zeros() {
        let record: Vec<u8> = (1..=33).collect();
        let word = |word| RecordWord { height: 0, word }.of(&record);
        assert_eq!(word(0)[..], record[..32]);
        assert_eq!(word(1)[..2], [33, 0]);
        assert_eq!(word(2), [0; 32]);
    }
}
