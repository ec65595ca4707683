//! Subscriptions over a real WebSocket: whoever hears of a block finds everything about it.

use crate::{
    node::Node,
    rpc::{Rpc, quantity},
    wallet::{account, sign, transfer},
};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, TxKind, bytes};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::HashMap, thread, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// A block each, since `mfenx dev` makes one when a transaction comes.
const TRANSACTIONS: u64 = 150;

/// A WebSocket and the kinds of its subscriptions.
struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kinds: HashMap<String, &'static str>,
}

impl Socket {
    async fn open(node: &Node) -> Self {
        let (stream, _) =
            connect_async(format!("ws://{}", node.http())).await.expect("a WebSocket");
        Self { stream, kinds: HashMap::new() }
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(60), self.stream.next());
            let message = message.await.expect("a message in time").expect("an open WebSocket");
            if let Message::Text(text) = message.expect("a message") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    async fn subscribe(&mut self, kind: &'static str) {
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": [kind]});
        self.stream.send(Message::text(request.to_string())).await.expect("an open WebSocket");
        let answer = self.next().await;
        self.kinds.insert(answer["result"].as_str().expect("an identifier").to_owned(), kind);
    }

    /// The next message of any subscription: its kind and what it says.
    async fn notified(&mut self) -> (&'static str, Value) {
        let mut message = self.next().await;
        let id = message["params"]["subscription"].as_str().expect("a message of a subscription");
        (self.kinds[id], message["params"]["result"].take())
    }
}

/// Init code that logs topic 0x11 and makes an empty contract.
fn logging(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        gas_limit: 100_000,
        to: TxKind::Create,
        input: bytes!("601160006000a100"),
        ..transfer(nonce, Address::ZERO)
    }
}

/// Everything about the block of a head, asked for the moment it is heard of.
fn everything_is_there(rpc: &Rpc, head: &Value) {
    let hash = &head["hash"];
    assert!(rpc.quantity("eth_blockNumber", json!([])) >= quantity(&head["number"]));
    let block = rpc.get("eth_getBlockByHash", json!([hash, false]));
    assert_eq!(block["hash"], *hash, "{head}");
    assert_eq!(rpc.get("eth_getBlockByNumber", json!([head["number"], false]))["hash"], *hash);
    let transactions = block["transactions"].as_array().expect("hashes");
    for transaction in transactions {
        let receipt = rpc.get("eth_getTransactionReceipt", json!([transaction]));
        assert_eq!(receipt["blockHash"], *hash, "{transaction}");
        let transaction = rpc.get("eth_getTransactionByHash", json!([transaction]));
        assert_eq!(transaction["blockHash"], *hash, "{transaction}");
    }
    let logs = rpc.get("eth_getLogs", json!([{"blockHash": hash}]));
    assert_eq!(logs.as_array().expect("logs").len(), transactions.len(), "{head}");
    let sender = account(0).address();
    let nonce = rpc.quantity("eth_getTransactionCount", json!([sender, head["number"]]));
    assert!(nonce > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hears_of_a_block_finds_everything_about_it() {
    let node = Node::dev(None);
    let (rpc, sending) = (node.rpc(), node.rpc());
    let mut socket = Socket::open(&node).await;
    for kind in ["newHeads", "logs", "transactionReceipts"] {
        socket.subscribe(kind).await;
    }
    let filter = rpc.get("eth_newBlockFilter", json!([]));
    let sender = thread::spawn(move || {
        let signer = account(0);
        for nonce in 0..TRANSACTIONS {
            sending.get("eth_sendRawTransaction", json!([sign(&signer, logging(nonce))]));
        }
    });
    let (mut heads, mut logs, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
    let mut polled = Vec::new();
    let count = TRANSACTIONS as usize;
    while logs.len() < count || receipts.len() < count {
        let (kind, mut result) = socket.notified().await;
        // What is in a block comes after its head, and before the next one.
        let head = heads.last().map(|head: &Value| &head["number"]);
        match kind {
            "logs" => assert_eq!(Some(&result["blockNumber"]), head),
            "transactionReceipts" => assert_eq!(Some(&result[0]["blockNumber"]), head),
            _ => {}
        }
        match kind {
            "newHeads" => {
                tokio::task::block_in_place(|| everything_is_there(&rpc, &result));
                let new = rpc.get("eth_getFilterChanges", json!([filter]));
                polled.extend(new.as_array().expect("hashes").iter().cloned());
                assert!(polled.contains(&result["hash"]), "{result}");
                heads.push(result);
            }
            "logs" => logs.push(result),
            _ => receipts.append(result.as_array_mut().expect("a list")),
        }
    }
    sender.join().expect("everything is sent");
    // One after the other, and nothing is missing.
    for (before, after) in heads.iter().zip(heads.iter().skip(1)) {
        assert_eq!(after["parentHash"], before["hash"]);
    }
    let nonces = |list: &[Value], field: &str| -> Vec<u64> {
        let hashes = list.iter().map(|entry| &entry[field]);
        hashes
            .map(|hash| quantity(&rpc.get("eth_getTransactionByHash", json!([hash]))["nonce"]))
            .collect()
    };
    let all: Vec<_> = (0..TRANSACTIONS).collect();
    assert_eq!(nonces(&logs, "transactionHash"), all);
    assert_eq!(nonces(&receipts, "transactionHash"), all);
    let asked = rpc.get("eth_getTransactionReceipt", json!([receipts[7]["transactionHash"]]));
    assert_eq!(receipts[7], asked);
    assert_eq!(node.metric(r#"mfenx_rpc_filters{kind="blocks"}"#), 1.0);
    assert_eq!(node.metric(r#"mfenx_rpc_subscriptions{kind="newHeads"}"#), 1.0);
    drop(socket);
    node.stop("TERM");
}
