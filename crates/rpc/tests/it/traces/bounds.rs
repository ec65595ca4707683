//! Memory, time, places: what a trace may take, and that the rest of the node does not notice.

use super::*;
use crate::chain::transfer;
use mfenx_rpc::RpcLimits;
use std::time::{Duration, Instant};

/// Words of the refusal, or none when there is a result.
async fn refusal(chain: &TestChain, method: &str, params: Value) -> Option<(i64, String)> {
    let answer = chain.answer(method, params).await;
    let error = answer.get("error")?;
    Some((error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned()))
}

fn endless() -> Value {
    // A loop, in code that the call brings along.
    json!({"data": "0x5b5f56", "gas": "0xfffffffffffffff"})
}

fn patient() -> RpcLimits {
    RpcLimits { call_gas_max: u64::MAX >> 4, traces_running_max: 1, ..RpcLimits::default() }
}

#[tokio::test]
async fn the_text_of_a_trace_is_bounded() {
    // Without `}]` at the end; `{}` for a transaction, so the length is known.
    let length = 20 * (r#",{"txHash":"","result":{}}"#.len() + 66) - 1;
    for (bytes_max, fits) in [(length, true), (length - 1, false)] {
        let limits = RpcLimits { trace_bytes_max: bytes_max, ..RpcLimits::default() };
        let chain = TestChain::with_limits(limits);
        chain.mine((0..20).map(|nonce| transfer(0, nonce, account(1), 1)).collect());
        let params = json!(["0x1", {"tracer": "noopTracer"}]);
        let refused = refusal(&chain, "debug_traceBlockByNumber", params).await;
        assert_eq!(refused.is_none(), fits, "{refused:?}");
        if let Some((code, words)) = refused {
            assert!(code == -32003 && words.contains("disableStack"), "{words}");
        }
    }
}

#[tokio::test]
async fn what_is_recorded_is_bounded_while_it_is_recorded() {
    let limits = RpcLimits { trace_bytes_max: 1 << 20, trace_time_ms_max: 60_000, ..patient() };
    let chain = TestChain::with_limits(limits);
    // Calls the identity precompile with 64 KiB, for ever.
    let copies = "0x5b5f5f620100005f5f60045af15f56";
    let at = Address::repeat_byte(0x55);
    let overrides = |code: &str| json!({at.to_string(): {"code": code}});
    for (tracer, code) in [
        ("", "0x5b5f56"),
        ("", "0x5b60016001556001545f56"),
        ("callTracer", copies),
        ("flatCallTracer", copies),
        ("4byteTracer", copies),
        ("muxTracer", copies),
    ] {
        let start = Instant::now();
        let config = json!({
            "tracer": tracer, "enableMemory": true, "stateOverrides": overrides(code),
            "tracerConfig": if tracer == "muxTracer" { json!({"callTracer": {}}) } else { json!({}) },
        });
        let params = json!([{"to": at, "gas": "0xfffffffffffffff"}, "latest", config]);
        let (code, words) = refusal(&chain, "debug_traceCall", params).await.unwrap();
        assert!(code == -32003 && words.starts_with("trace too large"), "{tracer}: {words}");
        assert!(start.elapsed() < Duration::from_secs(30), "{tracer}");
    }
    let deep = create(&chain, 0, &[0x5b, 0x5f, 0x56]);
    for types in [json!(["vmTrace"]), json!(["trace", "vmTrace", "stateDiff"])] {
        let params = json!([{"to": deep, "gas": "0xfffffffffffffff"}, types]);
        let (code, words) = refusal(&chain, "trace_call", params).await.unwrap();
        assert!(code == -32003 && words.starts_with("trace too large"), "{words}");
    }
}

#[tokio::test]
async fn time_is_the_callers_and_at_most_the_nodes() {
    let chain = TestChain::with_limits(RpcLimits { trace_time_ms_max: 400, ..patient() });
    for (timeout, milliseconds) in [("30ms", 30), ("1h", 400)] {
        let start = Instant::now();
        let config = json!({"tracer": "callTracer", "timeout": timeout});
        let params = json!([endless(), "latest", config]);
        let (code, words) = refusal(&chain, "debug_traceCall", params).await.unwrap();
        assert!(code == -32000 && words.contains(&format!("after {milliseconds} ms")), "{words}");
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_millis(milliseconds), "{elapsed:?}");
        assert!(
            elapsed < Duration::from_millis(milliseconds) + Duration::from_secs(30),
            "{elapsed:?}"
        );
    }
    let (code, words) = refusal(&chain, "trace_call", json!([endless(), ["trace"]])).await.unwrap();
    assert!(code == -32000 && words.contains("after 400 ms"), "{words}");
}

#[tokio::test]
async fn calls_in_a_row_are_bounded() {
    let chain = TestChain::with_limits(RpcLimits { trace_calls_max: 2, ..RpcLimits::default() });
    let call = json!([{"to": account(1)}, ["trace"]]);
    let two = chain.ask("trace_callMany", json!([[call, call]])).await;
    assert_eq!(two.as_array().unwrap().len(), 2);
    let three = refusal(&chain, "trace_callMany", json!([[call, call, call]])).await.unwrap();
    assert_eq!(three, (-32602, "invalid argument 0: too many calls, want at most 2".into()));
}

/// Traces fill their own places; everything else is answered as ever. Who hangs up frees the place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_starve_nobody_and_end_with_their_caller() {
    let limits = RpcLimits { trace_time_ms_max: 60_000, queue_time_ms_max: 30_000, ..patient() };
    let chain = std::sync::Arc::new(TestChain::with_limits(limits));
    let flood: Vec<_> = (0..8)
        .map(|_| {
            let chain = std::sync::Arc::clone(&chain);
            tokio::spawn(async move {
                let config = json!({"tracer": "callTracer"});
                chain.answer("debug_traceCall", json!([endless(), "latest", config])).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    for _ in 0..20 {
        chain.ask("eth_chainId", json!([])).await;
        chain.ask("eth_call", json!([{"to": account(1)}])).await;
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let start = Instant::now();
    for task in &flood {
        task.abort();
    }
    let config = json!({"tracer": "callTracer"});
    chain.ask("debug_traceCall", json!([{"to": account(1)}, "latest", config])).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
