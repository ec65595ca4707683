//! `trace_filter`, against a look at every trace there is.

use super::*;
use mfenx_rpc::RpcLimits;

fn matches(trace: &Value, from: &[Address], to: &[Address], union: bool) -> bool {
    let action = &trace["action"];
    let (source, target) = match trace["type"].as_str().unwrap() {
        "call" => (&action["from"], &action["to"]),
        "create" => (&action["from"], &trace["result"]["address"]),
        _ => (&action["address"], &action["refundAddress"]),
    };
    let is_in =
        |list: &[Address], value: &Value| list.iter().any(|address| json!(address) == *value);
    let (is_from, is_to) = (is_in(from, source), is_in(to, target));
    match (from, to) {
        ([], []) => true,
        ([], _) => is_to,
        (_, []) => is_from,
        _ if union => is_from || is_to,
        _ => is_from && is_to,
    }
}

#[tokio::test]
async fn the_index_finds_what_a_look_at_everything_finds() {
    let zoo = Zoo::new();
    for nonce in 2..6 {
        zoo.chain
            .mine(vec![calling(0, nonce, zoo.parent, 0), calling(2, nonce - 2, zoo.worker, 0)]);
    }
    let head = zoo.block + 4;
    let mut all = Vec::new();
    for number in 1..=head {
        let traces = zoo.chain.ask("trace_block", json!([format!("{number:#x}")])).await;
        all.extend(traces.as_array().unwrap().clone());
    }
    let (parent, worker) = (zoo.parent, zoo.worker);
    let sets: [(&[Address], &[Address]); 7] = [
        (&[], &[]),
        (&[parent], &[]),
        (&[], &[worker]),
        (&[parent], &[worker]),
        (&[account(0), account(2)], &[worker]),
        (&[], &[parent, Address::repeat_byte(0xee), parent.create(1)]),
        (&[Address::repeat_byte(0x12)], &[]),
    ];
    let mut found = 0;
    for (from, to) in sets {
        for (mode, first, last) in
            [("union", 0, head), ("intersection", 4, 6), ("intersection", 0, head)]
        {
            let expected: Vec<_> = all
                .iter()
                .filter(|trace| (first..=last).contains(&trace["blockNumber"].as_u64().unwrap()))
                .filter(|trace| matches(trace, from, to, mode == "union"))
                .collect();
            let mut filter = json!({
                "fromBlock": format!("{first:#x}"), "toBlock": format!("{last:#x}"),
                "fromAddress": from, "toAddress": to, "mode": mode,
            });
            assert_eq!(zoo.chain.ask("trace_filter", json!([filter])).await, json!(expected));
            found += expected.len();
            for (after, count) in [(0, 1), (3, 2), (1, 1_000)] {
                filter["after"] = json!(after);
                filter["count"] = json!(format!("{count:#x}"));
                let page: Vec<_> = expected.iter().skip(after).take(count).collect();
                assert_eq!(zoo.chain.ask("trace_filter", json!([filter])).await, json!(page));
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[tokio::test]
async fn more_places_in_a_block_than_are_taken_at_a_time_are_all_found() {
    let chain = TestChain::new();
    let to = Address::repeat_byte(0x31);
    let many = |nonce: u64| {
        (nonce..nonce + 300)
            .map(|nonce| crate::chain::transfer(1, nonce, to, 1))
            .collect::<Vec<_>>()
    };
    chain.mine(many(0));
    chain.mine(many(300));
    let found = chain.ask("trace_filter", json!([{"toAddress": [to]}])).await;
    assert_eq!(found.as_array().unwrap().len(), 600);
}

#[tokio::test]
async fn bounds_name_a_range_to_try() {
    let limits = RpcLimits {
        trace_unfiltered_blocks_max: 4,
        trace_results_max: 3,
        trace_addresses_max: 2,
        ..RpcLimits::default()
    };
    let zoo = Zoo::on(TestChain::with_limits(limits));
    let ask = async |filter: Value| zoo.chain.answer("trace_filter", json!([filter])).await;
    let message = |answer: Value| answer["error"]["message"].as_str().unwrap().to_owned();
    let few = json!({"fromBlock": "0x0", "toBlock": "0x3"});
    assert_eq!(ask(few).await["result"].as_array().unwrap().len(), 3, "at both bounds");
    let long = ask(json!({"fromBlock": "0x0", "toBlock": "0x4"})).await;
    assert_eq!(long["error"]["code"], -32602);
    assert!(message(long).ends_with("Try with this block range [0x0, 0x3]."));
    let many = ask(json!({"fromBlock": "0x1", "toBlock": "0x4"})).await;
    assert_eq!(
        message(many),
        "query returns more than 3 traces. Try with this block range [0x1, 0x3]."
    );
    let counted = json!({"fromBlock": "0x1", "toBlock": "0x4", "count": 3});
    assert_eq!(ask(counted).await["result"].as_array().unwrap().len(), 3);
    let addresses =
        |count: u8| json!({"toAddress": (0..count).map(Address::repeat_byte).collect::<Vec<_>>()});
    assert!(ask(addresses(2)).await["result"].is_array());
    assert!(message(ask(addresses(3)).await).contains("want at most 2"));
    assert!(message(ask(json!({"fromBlock": "0x3", "toBlock": "0x2"})).await).contains("range"));
}
