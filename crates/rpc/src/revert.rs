//! What a reverted call says, in go-ethereum's words.

use alloy_primitives::U256;
use alloy_sol_types::{Panic, Revert, SolError};

/// `execution reverted`, with the reason when the output is Solidity's `Error(string)` or
/// `Panic(uint256)`.
pub(crate) fn message(output: &[u8]) -> String {
    match reason(output) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".to_owned(),
    }
}

/// The reason, when the output is one of these two.
pub(crate) fn reason(output: &[u8]) -> Option<String> {
    match output.first_chunk() {
        Some(&Revert::SELECTOR) => Revert::abi_decode(output).ok().map(|revert| revert.reason),
        Some(&Panic::SELECTOR) => Panic::abi_decode(output).ok().map(|panic| describe(panic.code)),
        _ => None,
    }
}

/// Solidity's panic codes.
fn describe(code: U256) -> String {
    let known = match u8::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn reasons_are_decoded_and_anything_else_is_only_a_revert() {
        let text = hex!(
            "08c379a0"
            "0000000000000000000000000000000000000000000000000000000000000020"
            "000000000000000000000000000000000000000000000000000000000000000a"
            "75736572206572726f7200000000000000000000000000000000000000000000"
        );
        assert_eq!(message(&text), "execution reverted: user error");
        assert_eq!(message(&text[..70]), "execution reverted");
        assert_eq!(message(&[]), "execution reverted");
        assert_eq!(message(&[1, 2, 3]), "execution reverted");
    }

    #[test]
    fn panics_have_names() {
        let panic = |code: u64| Panic { code: U256::from(code) }.abi_encode();
        assert_eq!(message(&panic(1)), "execution reverted: assert(false)");
        assert_eq!(message(&panic(0x11)), "execution reverted: arithmetic underflow or overflow");
        assert_eq!(message(&panic(0x99)), "execution reverted: unknown panic code: 0x99");
    }
}
