//! Blob transactions, where the chain allows them.

use crate::chain::{TestChain, account, raw, signer};
use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, Signed, TxEip4844, TxEip4844WithSidecar,
};
use alloy_eips::{
    Encodable2718,
    eip4844::{Blob, Bytes48, kzg_to_versioned_hash},
    eip7594::{BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant, CELLS_PER_EXT_BLOB},
};
use alloy_primitives::{Address, B256, hex};
use alloy_signer::SignerSync;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::Transaction;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

/// The commitment to an empty blob, and each of its proofs: the point at infinity.
fn infinity() -> Bytes48 {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    bytes.into()
}

/// The development chain without the section that is ours.
fn chain() -> TestChain {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    genesis.config.extra_fields.clear();
    let limits = RpcLimits { pending_interval_ms_min: 0, ..RpcLimits::default() };
    TestChain::on(ChainSpec::from_genesis(genesis).unwrap(), limits)
}

/// A transaction with one empty blob, as it stands in a block and as it is sent.
fn blob_transaction(nonce: u64) -> (Transaction, String) {
    with_sidecar(nonce, sidecar())
}

fn sidecar() -> BlobTransactionSidecarEip7594 {
    BlobTransactionSidecarEip7594 {
        blobs: vec![Blob::ZERO],
        commitments: vec![infinity()],
        cell_proofs: vec![infinity(); CELLS_PER_EXT_BLOB],
    }
}

fn with_sidecar(nonce: u64, sidecar: BlobTransactionSidecarEip7594) -> (Transaction, String) {
    let tx = TxEip4844 {
        chain_id: mfenx_chainspec::MFENX_CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: Address::repeat_byte(7),
        blob_versioned_hashes: vec![kzg_to_versioned_hash(infinity().as_slice())],
        max_fee_per_blob_gas: 1_000,
        ..TxEip4844::default()
    };
    let signature = signer(0).sign_hash_sync(&tx.signature_hash()).unwrap();
    let sidecar = BlobTransactionSidecarVariant::Eip7594(sidecar);
    let sent = TxEip4844WithSidecar::from_tx_and_sidecar(tx.clone(), sidecar);
    let sent = EthereumTxEnvelope::Eip4844(Signed::new_unhashed(sent, signature));
    let sent = hex::encode_prefixed(sent.encoded_2718());
    (Transaction::Eip4844(tx.into_signed(signature)), sent)
}

#[tokio::test]
async fn a_blob_transaction_is_pooled_shown_and_mined_without_its_sidecar() {
    let chain = chain();
    chain.mine(vec![]);
    let (transaction, sent) = blob_transaction(0);
    let hash = json!(transaction.tx_hash());
    assert_eq!(chain.ask("eth_sendRawTransaction", json!([sent])).await, hash);
    let pooled = chain.ask("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&pooled["type"], &pooled["maxFeePerBlobGas"]), (&json!("0x3"), &json!("0x3e8")));
    assert_eq!(
        pooled["blobVersionedHashes"],
        json!(transaction.as_eip4844().unwrap().tx().blob_versioned_hashes)
    );
    for field in ["blobs", "commitments", "proofs", "sidecar"] {
        assert!(pooled.get(field).is_none(), "{field}");
    }
    let content = chain.ask("txpool_content", json!([])).await;
    assert_eq!(content["pending"][account(0).to_checksum(None)]["0"], pooled);
    let guess = chain.ask("eth_getBlockByNumber", json!(["pending", false])).await;
    assert_eq!(
        (&guess["blobGasUsed"], &guess["transactions"]),
        (&json!("0x20000"), &json!([hash]))
    );
    chain.mine(vec![transaction]);
    let receipt = chain.ask("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(
        (&receipt["blobGasUsed"], &receipt["blobGasPrice"]),
        (&json!("0x20000"), &json!("0x1"))
    );
    assert_eq!(chain.pool.status(), Default::default());
}

#[tokio::test]
async fn refusals_of_blobs_have_go_ethereums_words() {
    let chain = chain();
    let send = |sent: String| chain.refusal("eth_sendRawTransaction", json!([sent]));
    let (transaction, sent) = blob_transaction(0);
    let bare = send(raw(&transaction)).await;
    assert_eq!(bare, (-32000, "missing sidecar in blob transaction".into()));
    let more = send(sent.clone() + "00").await;
    assert_eq!(more, (-32000, "rlp: input contains more than one value".into()));
    let limit = RpcLimits::default().blob_transaction_bytes_max;
    let long = send(format!("0x03{}", "00".repeat(limit))).await;
    let words = format!("oversized data: transaction size {}, limit {limit}", limit + 1);
    assert_eq!(long, (-32000, words));
    let ours = TestChain::new().refusal("eth_sendRawTransaction", json!([sent])).await;
    let words = "transaction type not supported: transaction type not valid on this chain: 3";
    assert_eq!(ours, (-32000, words.into()));
}

#[tokio::test]
async fn a_block_that_is_built_brings_its_blobs() {
    let chain = chain();
    let parent = chain.spec.genesis_header();
    let attributes = json!({
        "timestamp": format!("{:#x}", parent.timestamp + 9),
        "prevRandao": B256::ZERO,
        "suggestedFeeRecipient": Address::ZERO,
        "withdrawals": [],
        "parentBeaconBlockRoot": B256::ZERO,
    });
    let (transaction, sent) = blob_transaction(0);
    let build = |transactions: Value| {
        chain.ask("testing_buildBlockV1", json!([parent.hash(), attributes, transactions]))
    };
    let bundle = json!({
        "commitments": [infinity()],
        "proofs": vec![infinity(); CELLS_PER_EXT_BLOB],
        "blobs": [Blob::ZERO],
    });
    let given = build(json!([sent])).await;
    assert_eq!(given["executionPayload"]["transactions"], json!([raw(&transaction)]));
    assert_eq!(given["executionPayload"]["blobGasUsed"], "0x20000");
    assert_eq!(given["blobsBundle"], bundle);
    let bare = build(json!([raw(&transaction)])).await;
    assert_eq!(bare["executionPayload"], given["executionPayload"]);
    assert_eq!(bare["blobsBundle"]["blobs"], json!([]));
    chain.ask("eth_sendRawTransaction", json!([sent])).await;
    let pooled = build(json!(null)).await;
    assert_eq!(pooled, given);
}

#[tokio::test]
async fn a_sidecar_of_other_blobs_is_not_built_with() {
    let chain = chain();
    let parent = chain.spec.genesis_header();
    let attributes = json!({
        "timestamp": format!("{:#x}", parent.timestamp + 9),
        "prevRandao": B256::ZERO,
        "suggestedFeeRecipient": Address::ZERO,
        "withdrawals": [],
        "parentBeaconBlockRoot": B256::ZERO,
    });
    let good = sidecar();
    let mut other = good.clone();
    other.commitments = vec![Bytes48::repeat_byte(1)];
    let mut few = good.clone();
    few.cell_proofs.pop();
    let mut none = good;
    none.blobs.clear();
    for (sidecar, words) in [(other, "not those"), (few, "same number"), (none, "same number")] {
        let sent = with_sidecar(0, sidecar).1;
        let params = json!([parent.hash(), attributes, [sent]]);
        let (code, reason) = chain.refusal("testing_buildBlockV1", params).await;
        assert_eq!(code, -32000, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}
