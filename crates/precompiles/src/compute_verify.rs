//! Verification of a proof of compute.

use crate::{
    abi::{self, Arguments},
    outcome::{Gas, PrecompileResult},
};
use mfenx_compute::{Hash, MAX_ROUNDS, MAX_SAMPLES, Task, max_proof_bytes, verify};

/// `verify((bytes32,uint32,uint32,uint32,uint32),bytes32[],bytes32,uint32,bytes)`.
pub(crate) const SELECTOR: [u8; 4] = [0x3c, 0x6a, 0x1e, 0xd0];
const BASE_GAS: u64 = 10_000;
/// For each root, which the seed of the next round is hashed from.
const ROOT_GAS: u64 = 12;
/// For each sample, whatever its length: keys, leaf and draw.
const SAMPLE_GAS: u64 = 100;
/// For each node on the path from a leaf to the root.
const NODE_GAS: u64 = 12;
/// Two bytes of expansion for each entry along the sum, 5 sums a gas.
const EXPANSION_PER_GAS: u64 = 5;
const MULTIPLY_ADDS_PER_GAS: u64 = 32;

struct Call<'a> {
    task: Task,
    roots: Vec<Hash>,
    beacon: &'a Hash,
    samples: u32,
    proof: &'a [u8],
}

impl Call<'_> {
    fn gas(&self) -> u64 {
        let k = u64::from(self.task.k());
        // A proof of one sample is its leaf and the siblings on its path.
        let depth = (max_proof_bytes(&self.task, 1) as u64).saturating_sub(64) / 32;
        let sample =
            SAMPLE_GAS + k / EXPANSION_PER_GAS + k / MULTIPLY_ADDS_PER_GAS + NODE_GAS * depth;
        ROOT_GAS * self.roots.len() as u64 + u64::from(self.samples) * sample
    }
}

/// The sizes of the task are checked before the roots are copied, of which there is one a round.
fn decode(input: &[u8]) -> Result<Call<'_>, String> {
    let mut arguments = Arguments::of(input, SELECTOR, 9)?;
    let seed = *arguments.word()?;
    let (m, k, p) = (arguments.u32()?, arguments.u32()?, arguments.u32()?);
    let task = Task::new(seed, m, k, p, arguments.u32()?).map_err(|error| error.to_string())?;
    let roots = arguments.words(MAX_ROUNDS as usize)?;
    if roots.len() != task.rounds() as usize {
        return Err("not one root a round".to_owned());
    }
    let (beacon, samples) = (arguments.word()?, arguments.u32()?);
    if samples == 0 || samples > MAX_SAMPLES {
        return Err("samples are not from 1 to 256".to_owned());
    }
    let proof = arguments.bytes()?;
    arguments.end()?;
    Ok(Call { task, roots: roots.to_vec(), beacon, samples, proof })
}

/// `verify(Task task, bytes32[] roots, bytes32 beacon, uint32 samples, bytes proof) returns (bool)`:
/// whether the proof opens the entries that the beacon draws, under the roots, and each is the sum of
/// products that the task says.
///
/// # Errors
/// Out of gas.
pub fn compute_verify(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let mut gas = Gas::charge(gas_limit, BASE_GAS)?;
    let call = match decode(input) {
        Ok(call) => call,
        Err(reason) => return gas.reverts(&reason),
    };
    gas.charge_more(call.gas())?;
    let Call { task, roots, beacon, samples, proof } = &call;
    let holds = verify(task, roots, beacon, *samples, proof).is_ok();
    gas.returns(abi::boolean(holds))
}
