//! Ed25519, verified strictly.

use crate::{
    abi::{self, Arguments, Malformed},
    outcome::{Gas, PrecompileResult, words},
};
use ed25519_dalek::{Signature, VerifyingKey};

/// `verify(bytes32,bytes,bytes)`.
pub(crate) const SELECTOR: [u8; 4] = [0x5b, 0xf4, 0x8e, 0x3a];
const BASE_GAS: u64 = 5_000;
/// For each word of the message, which SHA-512 goes through.
const WORD_GAS: u64 = 12;

struct Call<'a> {
    key: &'a [u8; 32],
    signature: &'a [u8; 64],
    message: &'a [u8],
}

fn decode(input: &[u8]) -> Result<Call<'_>, Malformed> {
    let mut arguments = Arguments::of(input, SELECTOR, 3)?;
    let key = arguments.word()?;
    let signature = arguments.bytes()?.try_into();
    let signature = signature.map_err(|_| "a signature has 64 bytes")?;
    let message = arguments.bytes()?;
    arguments.end()?;
    Ok(Call { key, signature, message })
}

/// `verify(bytes32 publicKey, bytes signature, bytes message) returns (bool)`: whether the signature
/// holds, by RFC 8032 without cofactor, refusing points of small order and encodings that are not
/// canonical.
///
/// # Errors
/// Out of gas.
pub fn ed25519_verify(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let mut gas = Gas::charge(gas_limit, BASE_GAS)?;
    let call = match decode(input) {
        Ok(call) => call,
        Err(reason) => return gas.reverts(reason),
    };
    gas.charge_more(WORD_GAS * words(call.message.len()))?;
    let signature = Signature::from_bytes(call.signature);
    let holds = VerifyingKey::from_bytes(call.key)
        .is_ok_and(|key| key.verify_strict(call.message, &signature).is_ok());
    gas.returns(abi::boolean(holds))
}
