//! What a caller, or somebody who is none, can send: each request gets an error that names what
//! is wrong, under a code that no client retries, and the node goes on.

use crate::{
    node::Node,
    persistence::receipt,
    rpc::{CallError, Rpc},
    wallet::{CHAIN_ID, STRANGER, account, sign, transfer},
};
use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Bytes, TxKind, U256};
use serde_json::{Value, json};

/// The node still answers.
fn alive(rpc: &Rpc) {
    assert_eq!(rpc.quantity("eth_chainId", json!([])), CHAIN_ID);
}

/// The only error in an answer to one call, or to a refused batch.
fn error_of(answer: &Value) -> (i64, String) {
    let answer = answer.as_array().and_then(|answers| answers.first()).unwrap_or(answer);
    assert!(answer.get("result").is_none(), "{answer}");
    let error = &answer["error"];
    let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"));
    (code, error["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_is_not_json_rpc_is_answered_and_survived() {
    let node = Node::dev(None);
    let rpc = node.rpc();
    let call = |params: &str| {
        let head = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":"#;
        format!("{head}{params}}}").into_bytes()
    };
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        format!("{open}{close}").into_bytes()
    };
    let cases: [(&str, Vec<u8>, &[i64]); 10] = [
        ("half an object", b"{\"jsonrpc\":\"2.0\"".to_vec(), &[-32700]),
        ("not UTF-8", vec![0xff; 100], &[-32700]),
        ("nothing", Vec::new(), &[-32700, -32600]),
        ("a number", b"1e999".to_vec(), &[-32700, -32600]),
        ("an empty batch", b"[]".to_vec(), &[-32600]),
        ("deep arrays", deep("[", "]"), &[-32700, -32600]),
        ("deep objects", deep("{\"a\":", "}"), &[-32700, -32600]),
        ("deep parameters", call(&format!("[{}]", "[".repeat(50_000))), &[-32700, -32600, -32602]),
        (
            "a method that is a number",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}".to_vec(),
            &[-32600, -32700],
        ),
        (
            "an unknown method",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_no\"}".to_vec(),
            &[-32601],
        ),
    ];
    for (what, body, codes) in cases {
        let answer = rpc.post_once(&body).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let (code, message) =
            error_of(&answer.json().unwrap_or_else(|error| panic!("{what}: {error}")));
        assert!(codes.contains(&code), "{what}: {code} {message}");
        alive(&rpc);
    }
    for params in [
        r#"["0xffffffffffffffffffffffffffffffffff", false]"#,
        r#"["0x10000000000000000", false]"#,
        r#"["99999999999999999999999999", false]"#,
        "[123456789012345678901234567890, false]",
        "[1e400, false]",
        r#"["-0x1", false]"#,
        r#"["0x", false]"#,
        r#"["latest", 7]"#,
        r#"["no-such-tag", false]"#,
        r#"{"no": "such"}"#,
        "[]",
        "7",
    ] {
        let answer = rpc.post_once(&call(params)).unwrap();
        let (code, message) = error_of(&answer.json().unwrap());
        let parse_error = params.contains("1e400") || params == "7";
        assert!(
            code == -32602 || (parse_error && [-32700, -32600].contains(&code)),
            "{params}: {code} {message}"
        );
    }
    alive(&rpc);
    node.stop("TERM");
}

#[test]
fn too_much_at_once_is_refused() {
    let mut node = Node::dev(None);
    let rpc = node.rpc();
    let entry = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []});
    let batch = Value::from(vec![entry; 10_000]).to_string();
    let answer = rpc.post_once(batch.as_bytes()).unwrap().json().unwrap();
    let (code, message) = error_of(&answer);
    // Codes that clients retry would make them send it again.
    assert!(![-32005, -32603].contains(&code), "{code} {message}");
    alive(&rpc);

    let padding = "a".repeat(64 << 20);
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":["0x{padding}"]}}"#);
    match rpc.post_once(body.as_bytes()) {
        Ok(answer) if answer.status == 413 => {}
        Ok(answer) => {
            let (code, message) = error_of(&answer.json().unwrap());
            assert!(code != -32603, "{code} {message}");
        }
        // Closing on somebody who will not stop sending is an answer, too.
        Err(error) => println!("the node closed the connection: {error}"),
    }
    alive(&rpc);
    assert!(node.is_running());

    for (what, params) in [
        ("a fee history of everything", json!(["0xffffffffffffffff", "latest", []])),
        ("a fee history of a thousand percentiles", json!(["0x1", "latest", vec![50; 1_000]])),
        ("descending percentiles", json!(["0x1", "latest", [90, 10]])),
    ] {
        // geth caps the first and refuses the others; none may be slow or fatal.
        if let Err(error) = rpc.call("eth_feeHistory", params) {
            let (code, message) = error.into_rpc();
            assert!(code != -32603, "{what}: {code} {message}");
        }
    }
    alive(&rpc);
    node.stop("TERM");
}

/// Code and message of the refusal of `raw`.
fn refusal(rpc: &Rpc, raw: &Bytes) -> (i64, String) {
    match rpc.call("eth_sendRawTransaction", json!([raw])) {
        Ok(hash) => panic!("accepted as {hash}"),
        Err(error) => error.into_rpc(),
    }
}

#[test]
fn transactions_that_cannot_be_taken_are_refused_in_geth_words() {
    let node = Node::dev(None);
    let rpc = node.rpc();
    let signer = account(0);
    let good = || transfer(0, STRANGER);
    let legacy = |chain_id| TxLegacy {
        chain_id,
        gas_price: 100_000_000_000,
        gas_limit: 21_000,
        to: TxKind::Call(STRANGER),
        ..Default::default()
    };
    let zeros = |length| Bytes::from(vec![0; length]);
    let mut trailing = sign(&signer, good()).to_vec();
    trailing.push(0);
    let mut cut = sign(&signer, good()).to_vec();
    cut.truncate(cut.len() / 2);
    let of = |transaction: TxEip1559| sign(&signer, transaction);
    let cases: Vec<(&str, Bytes, &str)> = vec![
        ("another chain", of(TxEip1559 { chain_id: 1, ..good() }), "chain id"),
        ("another chain, legacy", sign(&signer, legacy(Some(1))), "chain id"),
        ("no chain", sign(&signer, legacy(None)), "only replay-protected"),
        (
            "129 KiB",
            of(TxEip1559 { input: zeros(129 << 10), gas_limit: 16_000_000, ..good() }),
            "oversized data",
        ),
        ("too little gas", of(TxEip1559 { gas_limit: 20_999, ..good() }), "intrinsic gas too low"),
        (
            "too little gas for its data",
            of(TxEip1559 { gas_limit: 30_000, input: vec![1; 512].into(), ..good() }),
            "gas",
        ),
        (
            "more gas than EIP-7825 allows",
            of(TxEip1559 { gas_limit: 16_777_217, ..good() }),
            "gas limit too high",
        ),
        ("more than it has", of(TxEip1559 { value: U256::MAX, ..good() }), "insufficient funds"),
        (
            "a tip above the fee",
            of(TxEip1559 { max_priority_fee_per_gas: 200_000_000_000, ..good() }),
            "max priority fee per gas higher than max fee per gas",
        ),
        ("the last nonce", of(TxEip1559 { nonce: u64::MAX, ..good() }), "nonce"),
        ("bytes after the end", trailing.into(), ""),
        ("half of one", cut.into(), ""),
        ("nothing", Bytes::new(), ""),
        ("an unknown type", vec![0x7f, 0xc0].into(), ""),
        ("a list that claims 4 GiB", vec![0x02, 0xfb, 0xff, 0xff, 0xff, 0xff].into(), ""),
    ];
    for (what, raw, words) in cases {
        let (code, message) = refusal(&rpc, &raw);
        assert!(message.contains(words), "{what}: {code} {message}");
        assert!(![-32603, -32005].contains(&code), "{what}: {code} {message}");
        assert!(!message.is_empty(), "{what}");
    }
    alive(&rpc);
    node.stop("TERM");
}

#[test]
fn ten_percent_more_replaces_and_less_does_not() {
    let node = Node::dev(None);
    let rpc = node.rpc();
    let signer = account(0);
    let good = || transfer(0, STRANGER);
    let of = |transaction: TxEip1559| sign(&signer, transaction);
    // One nonce ahead, so that it waits in the pool.
    let waiting = |percent: u128, value| TxEip1559 {
        nonce: 1,
        max_fee_per_gas: good().max_fee_per_gas * percent / 100,
        max_priority_fee_per_gas: good().max_priority_fee_per_gas * percent / 100,
        value: U256::from(value),
        ..good()
    };
    rpc.get("eth_sendRawTransaction", json!([of(waiting(100, 1))]));
    assert!(refusal(&rpc, &of(waiting(109, 2))).1.contains("replacement transaction underpriced"));
    let replacement = rpc.get("eth_sendRawTransaction", json!([of(waiting(110, 3))]));
    // Known twice is known: the pool names it, or answers its hash.
    if let Err(error) = rpc.call("eth_sendRawTransaction", json!([of(waiting(110, 3))])) {
        assert!(error.into_rpc().1.contains("already known"));
    }
    rpc.get("eth_sendRawTransaction", json!([of(good())]));
    let mined = receipt(&rpc, &replacement);
    assert_eq!(mined["status"], "0x1");
    let (_, message) = refusal(&rpc, &of(good()));
    assert!(message.contains("nonce too low") || message.contains("already known"), "{message}");
    node.stop("TERM");
}

#[test]
fn a_revert_has_code_3_and_data_in_hex_also_when_there_is_none() {
    let node = Node::dev(None);
    let rpc = node.rpc();
    // Init code that reverts with nothing, and with the four bytes 0xdeadbeef.
    for (code, expected) in [("0x60006000fd", "0x"), ("0x63deadbeef5f526004601cfd", "0xdeadbeef")] {
        for method in ["eth_call", "eth_estimateGas"] {
            match rpc.call(method, json!([{"data": code}])) {
                Err(CallError::Rpc { code: 3, message, data }) => {
                    assert_eq!(message, "execution reverted", "{method} {code}");
                    assert_eq!(data, expected, "{method} {code}");
                }
                other => panic!("{method} {code}: {other:?}"),
            }
        }
    }
    node.stop("TERM");
}
