//! `debug_executionWitness`: a client that has nothing else executes the block with it.

mod blocks;
mod partial_trie;
mod stateless;

use crate::chain::{TestChain, account, transfer};
use alloy_primitives::{B256, Bytes};
use blocks::{Blocks, before_cancun};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::RecoveredBlock;
use mfenx_rpc::RpcLimits;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use stateless::{Witness, verify};

const METHOD: &str = "debug_executionWitness";

async fn witness(chain: &TestChain, block: &RecoveredBlock) -> Witness {
    let answer = chain.ask(METHOD, json!([format!("{:#x}", block.number())])).await;
    serde_json::from_value(answer).unwrap()
}

/// Random blocks, each executed from its witness when it is the head, and once more when it is not.
#[expect(clippy::print_stdout, reason = "a failure needs the seed")]
async fn random_blocks(spec: ChainSpec) {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut blocks = Blocks::new(TestChain::on(spec, RpcLimits::default()));
    let mut random = StdRng::seed_from_u64(seed);
    let mut mined = blocks.deploy();
    for _ in 0..24 {
        mined.push(blocks.next(&mut random));
        let head = &mined.last().unwrap().block;
        verify(&blocks.chain.spec, head, &witness(&blocks.chain, head).await);
    }
    for block in &mined {
        let block = &block.block;
        verify(&blocks.chain.spec, block, &witness(&blocks.chain, block).await);
    }
}

#[tokio::test]
async fn random_blocks_are_executed_from_their_witnesses() {
    random_blocks(ChainSpec::dev().unwrap()).await;
}

/// Where `SELFDESTRUCT` still deletes accounts with their storage.
#[tokio::test]
async fn random_blocks_before_cancun_are_executed_from_their_witnesses() {
    random_blocks(before_cancun()).await;
}

#[tokio::test]
async fn hashes_of_ancestors_come_with_all_headers_between() {
    let mut blocks = Blocks::new(TestChain::new());
    blocks.deploy();
    for _ in 0..5 {
        blocks.chain.mine(vec![]);
    }
    for (back, headers) in [(0, 1), (1, 1), (2, 2), (6, 6), (7, 7), (1_000, 1)] {
        let transaction = blocks.ask_hash(back);
        let block = blocks.chain.mine(vec![transaction]);
        let witness = witness(&blocks.chain, &block.block).await;
        assert_eq!(witness.headers.len(), headers, "{back}");
        verify(&blocks.chain.spec, &block.block, &witness);
    }
}

#[tokio::test]
async fn a_block_is_named_by_number_tag_or_hash() {
    let chain = TestChain::new();
    chain.mine(vec![transfer(0, 0, account(1), 1)]);
    let block = chain.mine(vec![]);
    let first = chain.ask(METHOD, json!(["0x1"])).await;
    let hash = block.block.header().parent_hash;
    assert_eq!(chain.ask(METHOD, json!([hash])).await, first);
    assert_eq!(chain.ask(METHOD, json!([{ "blockHash": hash }])).await, first);
    let latest = chain.ask(METHOD, json!(["latest"])).await;
    assert_eq!(latest, chain.ask(METHOD, json!(["0x2"])).await);
    assert_ne!(latest, first);
    for (params, code, words) in [
        (json!([]), -32602, "missing value for required argument 0"),
        (json!(["0x0"]), -32000, "genesis is not traceable"),
        (json!(["0x3"]), -32000, "header not found"),
        (json!(["pending"]), -32000, "header not found"),
        (json!([B256::repeat_byte(7)]), -32000, "header for hash not found"),
        (json!(["0x1", true]), -32602, "too many arguments, want at most 1"),
    ] {
        assert_eq!(chain.refusal(METHOD, params).await, (code, words.to_owned()));
    }
}

#[tokio::test]
async fn witnesses_reach_back_as_far_as_the_tries_and_no_further() {
    let chain = TestChain::new();
    let blocks: Vec<_> = (0..330).map(|_| chain.mine(vec![])).collect();
    let oldest = &blocks[10].block;
    assert_eq!(oldest.number(), 11);
    verify(&chain.spec, oldest, &witness(&chain, oldest).await);
    let (code, words) = chain.refusal(METHOD, json!(["0xa"])).await;
    assert_eq!(code, 4444);
    assert!(words.ends_with("reach back to block 10"), "{words}");
}

#[tokio::test]
async fn a_witness_ends_in_time() {
    let limits = RpcLimits { trace_time_ms_max: 0, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    chain.mine(vec![]);
    let (code, words) = chain.refusal(METHOD, json!(["0x1"])).await;
    assert!(code == -32000 && words.contains("aborted after 0 ms"), "{code} {words}");
}

/// An answer of exactly the greatest length is sent; of one byte more, refused.
#[tokio::test]
async fn the_length_of_a_witness_is_bounded() {
    let mine = |limits| {
        let chain = TestChain::with_limits(limits);
        chain.mine(vec![transfer(0, 0, account(1), 1)]);
        chain
    };
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": METHOD, "params": ["0x1"]});
    let chain = mine(RpcLimits::default());
    let length = chain.text(&request).await.len();
    let whole: Witness = serde_json::from_value(chain.ask(METHOD, json!(["0x1"])).await).unwrap();
    let lists = [whole.state, whole.codes, whole.keys, whole.headers];
    let digits = 2 * lists.iter().flatten().map(|bytes: &Bytes| bytes.len()).sum::<usize>();
    assert!(digits < length);
    for (bytes_max, fits) in [(length, true), (length - 1, false), (digits - 1, false), (40, false)]
    {
        let limits = RpcLimits { response_bytes_max: bytes_max, ..RpcLimits::default() };
        let chain = mine(limits);
        if fits {
            chain.ask(METHOD, json!(["0x1"])).await;
            continue;
        }
        let words = format!("response too large: at most {bytes_max} bytes are sent");
        assert_eq!(chain.refusal(METHOD, json!(["0x1"])).await, (-32003, words));
    }
}
