//! Who proposes, and the randomness that says so.
//!
//! Of every height there is a seed. The proposer of a round is [`permutation`]`(seed)[round mod n]`;
//! the block's builder evaluates its verifiable random function on [`alpha`], and the output gives
//! both PREVRANDAO ([`mix_hash`]) and the seed of the next height ([`next_seed`]). The round is not
//! in alpha, so a builder has one output for a height and cannot look for a better one; it can only
//! withhold its block.

use alloy_primitives::B256;
use mfenx_vrf::{Output, Proof, VrfError};

use crate::{Domain, Height, ValidatorSet};

/// Length of the header's extraData.
pub const EXTRA_DATA_BYTES: usize = 8;

const EXTRA_DATA_VERSION: u8 = 1;

/// What a builder evaluates its VRF on: `"mfenx/vrf/v1" || chain ID (8) || height (8) || seed (32)`.
pub fn alpha(chain_id: u64, height: Height, seed: B256) -> [u8; 60] {
    let mut alpha = [0; 60];
    let (tag, rest) = alpha.split_at_mut(12);
    let (chain, rest) = rest.split_at_mut(8);
    let (number, place) = rest.split_at_mut(8);
    tag.copy_from_slice(b"mfenx/vrf/v1");
    chain.copy_from_slice(&chain_id.to_be_bytes());
    number.copy_from_slice(&height.0.to_be_bytes());
    place.copy_from_slice(seed.as_slice());
    alpha
}

/// The seed of the next height: `BLAKE3("mfenx/seed/v1" || seed || beta)`.
pub fn next_seed(seed: B256, beta: &[u8; 64]) -> B256 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"mfenx/seed/v1").update(seed.as_slice()).update(beta);
    B256::from(*hasher.finalize().as_bytes())
}

/// PREVRANDAO (EIP-4399) of a block: the BLAKE3 hash of its VRF output.
pub fn mix_hash(beta: &[u8; 64]) -> B256 {
    B256::from(*blake3::hash(beta).as_bytes())
}

/// The order of turns: a shuffle that draws by power, without replacement.
///
/// The first turn falls to each with a chance of its share of power, the second to each of the
/// others with its share of what is left, and so on; n turns reach everybody. Draws are 64-bit words
/// of BLAKE3's output stream keyed by the seed; words that would favour somebody are drawn again.
/// Only integers are involved, so every machine agrees.
///
/// `powers` are positive, at most 256 of them, and at most 2^60 together.
#[allow(clippy::indexing_slicing)] // `picked` is always a place in `left`
pub fn permutation(seed: B256, powers: &[u64]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"mfenx/perm/v1").update(seed.as_slice());
    let mut words = hasher.finalize_xof();
    let mut left: Vec<(u8, u64)> = (0u8..=u8::MAX).zip(powers.iter().copied()).collect();
    let mut total: u64 = powers.iter().sum();
    let mut turns = Vec::with_capacity(left.len());
    while left.len() > 1 {
        let mut point = draw_below(&mut words, total);
        let mut picked = 0;
        while picked + 1 < left.len() && point >= left[picked].1 {
            point -= left[picked].1;
            picked += 1;
        }
        let (index, power) = left.remove(picked);
        total -= power;
        turns.push(index);
    }
    turns.extend(left.first().map(|(index, _)| *index));
    turns
}

/// A uniform number below `bound`, which is positive.
fn draw_below(words: &mut blake3::OutputReader, bound: u64) -> u64 {
    let rejected = (u64::MAX % bound + 1) % bound;
    loop {
        let mut word = [0; 8];
        words.fill(&mut word);
        let word = u64::from_be_bytes(word);
        if word <= u64::MAX - rejected {
            return word % bound;
        }
    }
}

/// What a header's extraData says: version (1), built round (4, big endian), proposer index (3).
///
/// A block that is proposed again keeps its hash, hence its round and builder of old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtraData {
    /// The round the block was built in.
    pub built_round: u32,
    /// Index of the builder in the canonical order of its height's set.
    pub proposer_index: u32,
}

/// Why extraData is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtraDataError {
    /// Not [`EXTRA_DATA_BYTES`] long.
    #[error("extraData has {0} bytes, not {EXTRA_DATA_BYTES}")]
    Length(usize),
    /// Another version.
    #[error("extraData of version {0} is unknown")]
    Version(u8),
}

impl ExtraData {
    /// The eight bytes. Indices beyond 2^24 - 1 do not exist and would lose their high byte.
    pub fn encode(&self) -> [u8; EXTRA_DATA_BYTES] {
        let [r0, r1, r2, r3] = self.built_round.to_be_bytes();
        let [_, p0, p1, p2] = self.proposer_index.to_be_bytes();
        [EXTRA_DATA_VERSION, r0, r1, r2, r3, p0, p1, p2]
    }

    /// Reads extraData.
    ///
    /// # Errors
    /// [`ExtraDataError`] for any other length or version: the block is not valid.
    pub fn decode(bytes: &[u8]) -> Result<Self, ExtraDataError> {
        let &[version, r0, r1, r2, r3, p0, p1, p2] = bytes else {
            return Err(ExtraDataError::Length(bytes.len()));
        };
        if version != EXTRA_DATA_VERSION {
            return Err(ExtraDataError::Version(version));
        }
        Ok(Self {
            built_round: u32::from_be_bytes([r0, r1, r2, r3]),
            proposer_index: u32::from_be_bytes([0, p0, p1, p2]),
        })
    }
}

/// Why a block's randomness does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VrfCheckError {
    /// extraData names somebody else than the proposer of its round.
    #[error("authority {named} built, but round {round} was the turn of {elected}")]
    Builder {
        /// Index in extraData.
        named: u32,
        /// The built round.
        round: u32,
        /// Index of the elected.
        elected: u8,
    },
    /// The proof does not verify under the builder's key.
    #[error(transparent)]
    Proof(#[from] VrfError),
}

/// Checks a block's builder and proof, whatever round the block was decided in.
///
/// `validators` is the set of `height`, with its seed. The output gives [`mix_hash`], which the
/// caller compares with the header, and [`next_seed`].
///
/// # Errors
/// [`VrfCheckError`]: the block is not valid.
pub fn verify_vrf(
    domain: &Domain,
    validators: &ValidatorSet,
    height: Height,
    extra: ExtraData,
    proof: &Proof,
) -> Result<Output, VrfCheckError> {
    let elected = validators.proposer_index(extra.built_round);
    if extra.proposer_index != u32::from(elected) {
        return Err(VrfCheckError::Builder {
            named: extra.proposer_index,
            round: extra.built_round,
            elected,
        });
    }
    let builder = validators.proposer(extra.built_round);
    Ok(builder.vrf_key.verify(&alpha(domain.chain_id, height, validators.seed()), proof)?)
}
