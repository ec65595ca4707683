//! The verifiable random function.

use crate::{
    abi::{self, Arguments, Malformed},
    outcome::{Gas, PrecompileResult},
};
use mfenx_vrf::{Output, Proof, PublicKey};

/// `verify(bytes32,bytes,bytes)`.
pub(crate) const SELECTOR: [u8; 4] = [0x5b, 0xf4, 0x8e, 0x3a];
/// The most bytes of an input to the function; whoever has more hashes them first.
pub const ALPHA_BYTES_MAX: usize = 1_024;
/// Includes the rare inputs for which try-and-increment needs many tries.
const GAS: u64 = 20_000;

struct Call<'a> {
    key: &'a [u8; 32],
    proof: &'a [u8],
    alpha: &'a [u8],
}

fn decode(input: &[u8]) -> Result<Call<'_>, Malformed> {
    let mut arguments = Arguments::of(input, SELECTOR, 3)?;
    let (key, proof, alpha) = (arguments.word()?, arguments.bytes()?, arguments.bytes()?);
    arguments.end()?;
    if proof.len() != Proof::BYTES {
        return Err("a proof has 80 bytes");
    }
    if alpha.len() > ALPHA_BYTES_MAX {
        return Err("alpha has more than 1,024 bytes");
    }
    Ok(Call { key, proof, alpha })
}

/// `verify(bytes32 publicKey, bytes proof, bytes alpha) returns (bool ok, bytes beta)` by RFC 9381,
/// suite ECVRF-EDWARDS25519-SHA512-TAI; `beta` is empty when the proof does not hold.
///
/// # Errors
/// Out of gas.
pub fn vrf_verify(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let gas = Gas::charge(gas_limit, GAS)?;
    let call = match decode(input) {
        Ok(call) => call,
        Err(reason) => return gas.reverts(reason),
    };
    let output = verify(&call);
    let beta = output.as_ref().map_or([].as_slice(), |output| output.as_bytes().as_slice());
    gas.returns(abi::word_and_bytes(&abi::boolean(output.is_some()), beta))
}

fn verify(call: &Call<'_>) -> Option<Output> {
    let key = PublicKey::from_bytes(call.key).ok()?;
    let proof = Proof::from_bytes(call.proof).ok()?;
    key.verify(call.alpha, &proof).ok()
}
