//! Seed and VRF output of a recent block.

use crate::{
    abi::{self, Arguments, Malformed},
    outcome::{Gas, PrecompileResult},
};
use alloy_primitives::B256;
use mfenx_primitives::precompile::RecordWord;
use mfenx_vrf::{Output, Proof};

/// `beacon(uint256)`.
pub(crate) const SELECTOR: [u8; 4] = [0x1d, 0x21, 0xc6, 0x69];
/// How many blocks before the one that asks can be asked for.
pub const BEACON_WINDOW_BLOCKS: u64 = 8_192;
/// As a slot that is read for the first time (EIP-2929).
pub const BEACON_GAS: u64 = 2_100;

/// Bytes of a record that can be read.
const RECORD_BYTES: usize = 32 * RecordWord::COUNT as usize;
/// Version of the records of a chain without authorities: `0 || seed || output`.
const SIDECAR: u8 = 0;
/// Version of the records of authorities: `1 || seed || proof || certificate`.
const DECISION: u8 = 1;

/// The randomness of a block.
#[derive(Clone, PartialEq, Eq)]
pub struct Beacon {
    /// The seed that was in force at its height.
    pub seed: B256,
    /// The output of its builder's verifiable random function.
    pub beta: [u8; Output::BYTES],
}

impl std::fmt::Debug for Beacon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let beta = alloy_primitives::hex::encode(self.beta);
        f.debug_struct("Beacon").field("seed", &self.seed).field("beta", &beta).finish()
    }
}

impl Beacon {
    /// Takes it out of what is kept beside the block at `height`, which `word` reads; `None` where
    /// nothing is kept, or nothing that this version knows.
    ///
    /// # Errors
    /// Whatever `word` fails with.
    pub fn read<E>(
        height: u64,
        mut word: impl FnMut(u64) -> Result<B256, E>,
    ) -> Result<Option<Self>, E> {
        let mut record = [0; RECORD_BYTES];
        for (index, chunk) in (0..RecordWord::COUNT).zip(record.chunks_exact_mut(32)) {
            let Some(number) = (RecordWord { height, word: index }).number() else {
                return Ok(None);
            };
            chunk.copy_from_slice(word(number)?.as_slice());
        }
        Ok(Self::from_record(&record))
    }

    /// The record of authorities was verified before its block was kept, so its proof is only
    /// turned into the output.
    fn from_record(record: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (version, rest) = record.split_first()?;
        let (seed, rest) = rest.split_at_checked(32)?;
        // What is not there reads as zeros.
        if seed.iter().all(|byte| *byte == 0) {
            return None;
        }
        let beta = match *version {
            SIDECAR => *rest.first_chunk()?,
            DECISION => *Proof::from_bytes(rest.get(..Proof::BYTES)?).ok()?.output().as_bytes(),
            _ => return None,
        };
        Some(Self { seed: B256::from_slice(seed), beta })
    }
}

/// The height asked for; `None` for one of 2^64 or more.
fn decode(input: &[u8]) -> Result<Option<u64>, Malformed> {
    let mut arguments = Arguments::of(input, SELECTOR, 1)?;
    let height = arguments.u64()?;
    arguments.end()?;
    Ok(height)
}

/// `beacon(uint256 height) returns (bytes32 seed, bytes beta)` of one of the last
/// [`BEACON_WINDOW_BLOCKS`] blocks before the one numbered `current`; anything else reverts. `read`
/// gives the randomness of a block, if there is any.
///
/// # Errors
/// What `read` fails with; that is no outcome of the call.
pub fn beacon<E>(
    input: &[u8],
    gas_limit: u64,
    current: u64,
    read: impl FnOnce(u64) -> Result<Option<Beacon>, E>,
) -> Result<PrecompileResult, E> {
    let gas = match Gas::charge(gas_limit, BEACON_GAS) {
        Ok(gas) => gas,
        Err(out_of_gas) => return Ok(Err(out_of_gas)),
    };
    let height = match decode(input) {
        Ok(height) => height,
        Err(reason) => return Ok(gas.reverts(reason)),
    };
    let first = current.saturating_sub(BEACON_WINDOW_BLOCKS);
    let Some(height) = height.filter(|height| (first..current).contains(height)) else {
        return Ok(gas.reverts("not one of the last 8192 blocks"));
    };
    Ok(match read(height)? {
        Some(Beacon { seed, beta }) => gas.returns(abi::word_and_bytes(&seed.0, &beta)),
        None => gas.reverts("no beacon for this block"),
    })
}
