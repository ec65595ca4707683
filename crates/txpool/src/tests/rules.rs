//! Rules that need no account, with the exact words of each refusal.

use super::support::*;
use crate::{PoolConfig, PoolError, PoolStatus, rules::Rules};
use alloy_consensus::{Signed, TxEip2930, TxEip4844, transaction::Recovered};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{B256, Signature, TxKind, U256, uint};
use mfenx_chainspec::{ChainSpec, MFENX_CHAIN_ID};
use mfenx_primitives::{RecoveredTransaction, Transaction};
use serde_json::json;

fn refusal(transaction: RecoveredTransaction) -> String {
    let bench = Bench::new(PoolConfig::default());
    let error = bench.pool.add(transaction, seen(rich())).unwrap_err();
    assert_eq!(bench.pool.status(), PoolStatus::default());
    error.to_string()
}

/// Rules of a chain whose forks up to one are active from its first block.
fn rules_of(forks: &[&str]) -> Rules {
    let mut config = json!({"chainId": MFENX_CHAIN_ID});
    let all = ["homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople"];
    let rest = ["petersburg", "istanbul"];
    for fork in all.iter().chain(&rest).chain(forks) {
        config[format!("{fork}Block")] = json!(0);
    }
    let genesis = json!({"config": config, "gasLimit": "0x1c9c380", "difficulty": "0x1",
        "alloc": {}});
    let spec = ChainSpec::from_genesis_json(&genesis.to_string()).unwrap();
    Rules::at(&spec, spec.genesis_header(), &PoolConfig::default())
}

#[test]
fn a_plain_transfer_is_taken_in() {
    let mut bench = Bench::new(PoolConfig::default());
    let transaction = Draft::new(1, 0).sign();
    let hash = bench.pool.add(transaction.clone(), seen(rich())).unwrap();
    assert_eq!(hash, *transaction.tx_hash());
    assert_eq!(bench.pool.get(&hash).as_deref(), Some(&transaction));
    assert!(bench.pool.contains(&hash));
    assert_eq!(bench.events().iter().filter_map(pending).collect::<Vec<_>>(), [hash]);
    let error = bench.pool.add(transaction, seen(rich())).unwrap_err();
    assert_eq!(error.to_string(), "already known");
}

#[test]
fn blob_transactions_are_refused() {
    let tx = TxEip4844 { chain_id: MFENX_CHAIN_ID, ..TxEip4844::default() };
    let tx = Transaction::Eip4844(Signed::new_unhashed(tx, Signature::test_signature()));
    assert_eq!(
        refusal(Recovered::new_unchecked(tx, address(1))),
        "transaction type not supported: transaction type not valid on this chain: 3"
    );
}

#[test]
fn types_wait_for_their_forks() {
    let access_list = TxEip2930 { chain_id: MFENX_CHAIN_ID, ..TxEip2930::default() };
    let access_list =
        Transaction::Eip2930(Signed::new_unhashed(access_list, Signature::test_signature()));
    let words = |rules: &Rules, tx: &Transaction| rules.check(tx, None).unwrap_err().to_string();
    assert_eq!(
        words(&rules_of(&[]), &access_list),
        "transaction type not supported: type 1 rejected, pool not yet in Berlin"
    );
    assert_eq!(
        words(&rules_of(&["berlin"]), Draft::new(1, 0).sign().inner()),
        "transaction type not supported: type 2 rejected, pool not yet in London"
    );
    let london = rules_of(&["berlin", "london"]);
    assert_eq!(
        words(&london, Draft::new(1, 0).authorizing(vec![]).inner()),
        "transaction type not supported: type 4 rejected, pool not yet in Prague"
    );
    assert_eq!(london.check(Draft::new(1, 0).sign().inner(), None), Ok(()));
    let legacy = Draft::new(1, 0).legacy(Some(MFENX_CHAIN_ID));
    assert_eq!(rules_of(&[]).check(legacy.inner(), None), Ok(()));
}

#[test]
fn size_is_bounded_to_the_byte() {
    let config = PoolConfig { max_tx_bytes: 1_000, ..PoolConfig::default() };
    let bench = Bench::new(config);
    let overhead = {
        use alloy_eips::Encodable2718;
        Draft::new(1, 0).calldata(800).sign().inner().encode_2718_len() - 800
    };
    bench.add(Draft::new(1, 0).calldata(1_000 - overhead), rich()).unwrap();
    let error = bench.add(Draft::new(1, 1).calldata(1_001 - overhead), rich()).unwrap_err();
    assert_eq!(error.to_string(), "oversized data: transaction size 1001, limit 1000");
}

#[test]
fn signatures_must_bind_the_chain() {
    assert_eq!(
        refusal(Draft::new(1, 0).legacy(None)),
        "only replay-protected (EIP-155) transactions allowed over RPC"
    );
    assert_eq!(
        refusal(Draft::new(1, 0).with(|tx| tx.chain_id = 1).sign()),
        "invalid sender: invalid chain id for signer: have 1 want 177155"
    );
    assert_eq!(
        refusal(Draft::new(1, 0).legacy(Some(5))),
        "invalid sender: invalid chain id for signer: have 5 want 177155"
    );
}

#[test]
fn high_s_is_refused() {
    let order = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    let low = Signature::test_signature();
    let mut draft = Draft::new(1, 0);
    draft.signature = Signature::new(low.r(), order - low.s(), !low.v());
    assert_eq!(refusal(draft.sign()), "invalid sender: invalid transaction v, r, s values");
}

#[test]
fn init_code_is_bounded_from_shanghai_on() {
    let create = |length| {
        Draft::new(1, 0)
            .calldata(length)
            .with(|tx| (tx.to, tx.gas_limit) = (TxKind::Create, 5_000_000))
            .sign()
    };
    assert_eq!(refusal(create(49_153)), "max initcode size exceeded: code size 49153 limit 49152");
    let bench = Bench::new(PoolConfig::default());
    bench.pool.add(create(49_152), seen(rich())).unwrap();
    assert_eq!(rules_of(&["berlin", "london"]).check(create(49_153).inner(), None), Ok(()));
}

#[test]
fn gas_limits_are_capped() {
    let with_gas = |gas| Draft::new(1, 0).with(|tx| tx.gas_limit = gas).sign();
    assert_eq!(
        refusal(with_gas((1 << 24) + 1)),
        "transaction gas limit too high (cap: 16777216, tx: 16777217)"
    );
    let london = rules_of(&["berlin", "london"]);
    assert_eq!(london.check(with_gas(30_000_000).inner(), None), Ok(()));
    let error = london.check(with_gas(30_000_001).inner(), None).unwrap_err();
    assert_eq!(error.to_string(), "exceeds block gas limit");
    let bench = Bench::new(PoolConfig::default());
    bench.pool.add(with_gas(1 << 24), seen(rich())).unwrap();
}

#[test]
fn fees_must_make_sense() {
    assert_eq!(
        refusal(Draft::new(1, 0).fees(GWEI, GWEI + 1).sign()),
        "max priority fee per gas higher than max fee per gas"
    );
    assert_eq!(
        refusal(Draft::new(1, 0).fees(GWEI, 0).sign()),
        "transaction underpriced: gas tip cap 0, minimum needed 1"
    );
    // Below the base fee is no reason to refuse: the base fee falls again.
    let bench = Bench::new(PoolConfig::default());
    bench.add(Draft::new(1, 0).fees(1, 1), rich()).unwrap();
}

#[test]
fn the_last_nonce_is_refused() {
    assert_eq!(refusal(Draft::new(1, u64::MAX).sign()), "nonce has max value");
}

#[test]
fn intrinsic_gas_is_that_of_the_execution() {
    let short = |draft: Draft, needed: u64| {
        let gas = needed - 1;
        let words = refusal(draft.clone().with(|tx| tx.gas_limit = gas).sign());
        assert_eq!(words, format!("intrinsic gas too low: gas {gas}, minimum needed {needed}"));
        let bench = Bench::new(PoolConfig::default());
        bench.add(draft.with(|tx| tx.gas_limit = needed), rich()).unwrap();
    };
    short(Draft::new(1, 0), 21_000);
    // Two addresses and three slots, EIP-2930.
    let item = |keys| AccessListItem { address: address(9), storage_keys: vec![B256::ZERO; keys] };
    let list = AccessList(vec![item(0), item(3)]);
    short(Draft::new(1, 0).with(|tx| tx.access_list = list), 21_000 + 2 * 2_400 + 3 * 1_900);
    // Creation, 33 zero bytes of two words of init code, EIP-2 and EIP-3860.
    let create = Draft::new(1, 0).calldata(33).with(|tx| tx.to = TxKind::Create);
    short(create, 53_000 + 33 * 4 + 2 * 2);
}

#[test]
fn authorizations_cost_gas_and_must_exist() {
    assert_eq!(
        refusal(Draft::new(1, 0).authorizing(vec![])),
        "set code tx must have at least one authorization tuple"
    );
    let signed = super::delegation::authorization(0, 0);
    let short = Draft::new(1, 0).with(|tx| tx.gas_limit = 20_999).authorizing(vec![signed]);
    assert_eq!(refusal(short), "intrinsic gas too low: gas 45999, minimum needed 46000");
}

#[test]
fn calldata_has_a_floor_from_prague_on() {
    let dense = |gas| {
        Draft::new(1, 0).with(|tx| (tx.input, tx.gas_limit) = (vec![1; 1_000].into(), gas)).sign()
    };
    assert_eq!(
        refusal(dense(60_999)),
        "insufficient gas for floor data gas cost: gas 60999, minimum needed 61000"
    );
    let bench = Bench::new(PoolConfig::default());
    bench.pool.add(dense(61_000), seen(rich())).unwrap();
    assert_eq!(rules_of(&["berlin", "london"]).check(dense(37_000).inner(), None), Ok(()));
}

#[test]
fn a_cost_beyond_all_numbers_is_not_payable() {
    let bench = Bench::new(PoolConfig::default());
    let draft = Draft::new(1, 0).with(|tx| tx.value = U256::MAX);
    let error = bench.add(draft, rich()).unwrap_err();
    assert!(matches!(error, PoolError::InsufficientFunds { cost: U256::MAX, .. }));
}
