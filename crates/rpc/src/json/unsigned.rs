//! A transaction that waits for its signature, as go-ethereum writes transactions outside blocks.

use super::{quantity::Quantity, transaction::AuthorizationJson};
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_primitives::Transaction;
use serde::Serialize;

/// The transaction with zeros for a signature; the prices that its type does not have are null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnsignedJson<'a> {
    #[serde(rename = "type")]
    ty: Quantity<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<Quantity<u64>>,
    nonce: Quantity<u64>,
    to: Option<Address>,
    gas: Quantity<u64>,
    gas_price: Option<Quantity<u128>>,
    max_priority_fee_per_gas: Option<Quantity<u128>>,
    max_fee_per_gas: Option<Quantity<u128>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_per_blob_gas: Option<Quantity<u128>>,
    value: Quantity<U256>,
    input: &'a Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_list: Option<&'a AccessList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_versioned_hashes: Option<&'a [B256]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_list: Option<Vec<AuthorizationJson>>,
    v: Quantity<u64>,
    r: Quantity<u64>,
    s: Quantity<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y_parity: Option<Quantity<u64>>,
    hash: B256,
}

impl<'a> UnsignedJson<'a> {
    pub(crate) fn new(tx: &'a Transaction) -> Self {
        let dynamic = tx.is_dynamic_fee();
        Self {
            ty: Quantity(u64::from(tx.ty())),
            chain_id: tx.chain_id().map(Quantity),
            nonce: Quantity(tx.nonce()),
            to: tx.to(),
            gas: Quantity(tx.gas_limit()),
            gas_price: tx.gas_price().map(Quantity),
            max_priority_fee_per_gas: tx.max_priority_fee_per_gas().map(Quantity),
            max_fee_per_gas: dynamic.then(|| Quantity(tx.max_fee_per_gas())),
            max_fee_per_blob_gas: tx.max_fee_per_blob_gas().map(Quantity),
            value: Quantity(tx.value()),
            input: tx.input(),
            access_list: tx.access_list(),
            blob_versioned_hashes: tx.blob_versioned_hashes(),
            authorization_list: tx
                .authorization_list()
                .map(|list| list.iter().map(AuthorizationJson::from).collect()),
            v: Quantity(0),
            r: Quantity(0),
            s: Quantity(0),
            y_parity: (!tx.is_legacy()).then_some(Quantity(0)),
            hash: *tx.tx_hash(),
        }
    }
}
