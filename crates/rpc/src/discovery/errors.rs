//! The codes of errors, as callers see them. The words of each error are in `error`.

use crate::method::Method;

/// A code and what it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    /// Name of the entry in the document.
    pub(crate) name: &'static str,
    /// As it is sent.
    pub(crate) code: i32,
    /// When it is sent.
    pub(crate) when: &'static str,
}

const fn code(name: &'static str, code: i32, when: &'static str) -> Code {
    Code { name, code, when }
}

/// All codes there are. A test compares them with those of the snapshot of all errors.
pub(crate) const CODES: &[Code] = &[
    code("Parse", -32700, "The request is not JSON."),
    code(
        "InvalidRequest",
        -32600,
        "It is JSON but no request, an empty batch, or a batch or message that is too large.",
    ),
    code(
        "MethodNotFound",
        -32601,
        "`the method X does not exist/is not available`: nobody has it, its namespace is not exposed \
         here, or it needs a WebSocket.",
    ),
    code(
        "InvalidParams",
        -32602,
        "A parameter is missing, superfluous or unreadable (`invalid argument N: ...`, counted from \
         0), or a range is empty or too wide; an eth_getLogs over a limit names a range to try.",
    ),
    code(
        "Reverted",
        3,
        "A call reverted: `execution reverted[: reason]`, with what it reverted with in `data`.",
    ),
    code(
        "SyncTimeout",
        4,
        "eth_sendRawTransactionSync (EIP-7966): the transaction is in the pool and not yet in a block; \
         `data` is its hash.",
    ),
    code(
        "SyncUnready",
        5,
        "eth_sendRawTransactionSync (EIP-7966): the transaction cannot be executed, for a nonce or \
         funds are missing, or was dropped; `data` is its hash.",
    ),
    code(
        "Server",
        -32000,
        "What go-ethereum answers with -32000, in its words: `nonce too low`, `insufficient funds for \
         gas * price + value`, `replacement transaction underpriced`, `header not found`, ...",
    ),
    code(
        "RequestTimeout",
        -32002,
        "The request took longer than it may; the same request would again.",
    ),
    code("ResponseTooLarge", -32003, "The answer would be longer than it may be."),
    code(
        "Busy",
        -32005,
        "The node is busy: its turn did not come in time, or clients have left too many answers \
         unread. The same request may succeed later.",
    ),
    code("PrunedHistory", 4444, "The node no longer keeps the history that this needs."),
    code("NonceTooLow", -38010, "eth_simulateV1: the nonce of a call is too low."),
    code("NonceTooHigh", -38011, "eth_simulateV1: the nonce of a call is too high."),
    code("BaseFeeTooLow", -38012, "eth_simulateV1: a call offers less than the base fee."),
    code("IntrinsicGas", -38013, "eth_simulateV1: the gas of a call does not even start it."),
    code("InsufficientFunds", -38014, "eth_simulateV1: a sender cannot pay for gas and value."),
    code("BlockGasLimit", -38015, "eth_simulateV1: a call wants more gas than its block has."),
    code("BlockNumberOrder", -38020, "eth_simulateV1: a block's number is not above the last."),
    code("BlockTimeOrder", -38021, "eth_simulateV1: a block's time is not after the last."),
    code("MoveToItself", -38022, "movePrecompileToAddress names the precompile's own address."),
    code("SenderHasCode", -38024, "eth_simulateV1: a sender has code."),
    code("InitCodeTooLong", -38025, "eth_simulateV1: a creation has too much init code."),
    code(
        "ClientLimit",
        -38026,
        "eth_simulateV1, eth_getStorageValues: more is asked than one request may have.",
    ),
    code("Internal", -32603, "The node is at fault; the cause is in its log."),
];

/// The names of the codes of `eth_simulateV1`.
const SIMULATION: [&str; 12] = [
    "NonceTooLow",
    "NonceTooHigh",
    "BaseFeeTooLow",
    "IntrinsicGas",
    "InsufficientFunds",
    "BlockGasLimit",
    "BlockNumberOrder",
    "BlockTimeOrder",
    "MoveToItself",
    "SenderHasCode",
    "InitCodeTooLong",
    "ClientLimit",
];

/// The names of the codes that a method answers with, besides those of any request.
pub(crate) fn of(method: &Method) -> Vec<&'static str> {
    let takes = |schemas: &[&str]| {
        method.params.iter().any(|param| schemas.iter().any(|name| param.schema.contains(name)))
    };
    let mut names = Vec::new();
    if !method.params.is_empty() {
        names.push("InvalidParams");
    }
    if takes(&["CallRequest"]) {
        names.push("Reverted");
    }
    if takes(&["Block", "Filter"]) {
        names.extend(["Server", "PrunedHistory"]);
    } else if takes(&["Bytes"]) {
        names.push("Server");
    }
    if method.name == "eth_sendRawTransactionSync" {
        names.extend(["SyncTimeout", "SyncUnready"]);
    }
    if takes(&["SimulatePayload"]) {
        names.extend(SIMULATION);
    }
    names.extend(["RequestTimeout", "ResponseTooLarge", "Busy", "Internal"]);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_is_sent_is_described() {
        let mut sent = 0;
        for line in include_str!("../error/golden.txt").lines() {
            let error: serde_json::Value = serde_json::from_str(line).unwrap();
            let sent_code = error["code"].as_i64().unwrap();
            let known = CODES.iter().any(|known| i64::from(known.code) == sent_code);
            assert!(known, "discovery/errors.rs does not describe the code of {line}");
            sent += 1;
        }
        assert!(sent > 10);
    }

    #[test]
    fn names_and_codes_are_used_once() {
        for (index, one) in CODES.iter().enumerate() {
            for other in CODES.iter().skip(index + 1) {
                assert!(one.name != other.name && one.code != other.code, "{one:?}");
            }
        }
    }
}
