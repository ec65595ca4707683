//! Callers who leave, and callers who ask for too much: neither costs the others anything.

use crate::{node::Node, wallet::CHAIN_ID};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Calls that run at the same time.
const RUNNING: &str = r#"mfenx_rpc_running{class="calls"}"#;

/// A call that hashes 100 kB until its gas is used up: about a second, if nobody stops it.
fn slow_call() -> Value {
    // JUMPDEST, PUSH3 100000, PUSH0, KECCAK256, POP, PUSH0, JUMP.
    json!([{"data": "0x5b620186a05f20505f56"}])
}

fn request(method: &str, params: &Value) -> Vec<u8> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

#[test]
fn whoever_hangs_up_stops_the_machine() {
    let node = Node::dev(None);
    let alone = {
        let start = Instant::now();
        let error = node.rpc().call("eth_call", slow_call()).expect_err("it runs out of gas");
        assert!(error.into_rpc().1.contains("out of gas"));
        start.elapsed()
    };
    // The best of a few: the machine may be busy with something else.
    let stopped = (0..5).map(|_| {
        let mut connection = TcpStream::connect(node.http()).expect("the node listens");
        connection.write_all(&request("eth_call", &slow_call())).expect("the node reads");
        wait_until("the call runs", || node.metric(RUNNING) == 1.0);
        drop(connection);
        wait_until("the call ends", || node.metric(RUNNING) == 0.0)
    });
    let stopped = stopped.min().expect("a few");
    assert!(stopped < alone / 2, "{stopped:?} of {alone:?}");
    node.stop("TERM");
}

#[test]
fn floods_do_not_hold_up_what_is_cheap() {
    let node = Node::dev(None);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..24)
            .map(|caller| {
                let (node, over) = (&node, &over);
                scope.spawn(move || {
                    let rpc = node.rpc();
                    let mut answered = 0_u32;
                    while !over.load(Ordering::Relaxed) {
                        // Whether it is refused makes no difference.
                        let _ = match caller % 3 {
                            0 => rpc.call("eth_call", slow_call()),
                            1 => rpc.call("eth_estimateGas", slow_call()),
                            _ => rpc.call("eth_getLogs", json!([{"fromBlock": "0x0"}])),
                        };
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        wait_until("calls run", || node.metric(RUNNING) > 0.0);
        let rpc = node.rpc();
        let mut slow_ones = 0;
        for _ in 0..200 {
            let before = node.metric(r#"mfenx_rpc_requests_total{method="eth_call"}"#);
            assert_eq!(rpc.quantity("eth_chainId", json!([])), CHAIN_ID);
            assert_eq!(rpc.quantity("eth_blockNumber", json!([])), 0);
            let after = node.metric(r#"mfenx_rpc_requests_total{method="eth_call"}"#);
            // Whatever the machine's pace: hardly any slow call ends while two cheap ones run.
            slow_ones += u32::from(after - before > 1.0);
        }
        over.store(true, Ordering::Relaxed);
        let answered: u32 = floods.into_iter().map(|flood| flood.join().expect("a flood")).sum();
        assert!(answered > 0, "the flood was served as well");
        assert!(slow_ones < 100, "{slow_ones} of 200 cheap calls waited for slow ones");
    });
    node.stop("TERM");
}
