//! Transactions, in blocks and in the pool.

use super::quantity::Quantity;
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_primitives::{Header, RecoveredTransaction, Transaction};
use serde::{Serialize, Serializer};

/// Where a transaction stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mined {
    pub(crate) block_hash: B256,
    pub(crate) block_number: u64,
    pub(crate) block_timestamp: u64,
    pub(crate) index: u64,
    pub(crate) base_fee: Option<u64>,
}

impl Mined {
    /// The transaction `index` of a block.
    pub(crate) const fn of(header: &Header, block_hash: B256, index: u64) -> Self {
        Self {
            block_hash,
            block_number: header.number,
            block_timestamp: header.timestamp,
            index,
            base_fee: header.base_fee_per_gas,
        }
    }
}

/// A transaction with its sender. In a block, `gasPrice` is what was paid per gas; in the pool, the
/// most that may be paid.
pub(crate) struct TransactionJson<'a> {
    transaction: &'a Transaction,
    sender: Address,
    mined: Option<Mined>,
    signed: bool,
}

impl<'a> TransactionJson<'a> {
    /// A transaction of a block.
    pub(crate) const fn mined(transaction: &'a Transaction, sender: Address, mined: Mined) -> Self {
        Self { transaction, sender, mined: Some(mined), signed: true }
    }

    /// A transaction of the pool.
    pub(crate) fn pooled(transaction: &'a RecoveredTransaction) -> Self {
        let (sender, transaction) = (transaction.signer(), transaction.inner());
        Self { transaction, sender, mined: None, signed: true }
    }

    /// A transaction of a simulated block, with three zeros for a signature.
    pub(crate) const fn unsigned(
        transaction: &'a Transaction,
        sender: Address,
        mined: Mined,
    ) -> Self {
        Self { transaction, sender, mined: Some(mined), signed: false }
    }

    fn fields(&self) -> Fields<'a> {
        let (tx, mined) = (self.transaction, self.mined.as_ref());
        let gas_price = match mined {
            Some(mined) => tx.effective_gas_price(mined.base_fee),
            None => tx.max_fee_per_gas(),
        };
        let dynamic = tx.is_dynamic_fee();
        let typed = !tx.is_legacy();
        let signature = tx.signature();
        let parity = u64::from(signature.v());
        let (v, chain_id) = match (typed, self.signed) {
            (true, _) => (u128::from(parity), tx.chain_id()),
            (false, true) => (legacy_v(tx.chain_id(), parity), tx.chain_id()),
            (false, false) => (0, Some(UNSIGNED_CHAIN_ID)),
        };
        Fields {
            block_hash: mined.map(|mined| mined.block_hash),
            block_number: mined.map(|mined| Quantity(mined.block_number)),
            block_timestamp: mined.map(|mined| Quantity(mined.block_timestamp)),
            from: self.sender,
            gas: Quantity(tx.gas_limit()),
            gas_price: Quantity(gas_price),
            max_fee_per_gas: dynamic.then(|| Quantity(tx.max_fee_per_gas())),
            max_priority_fee_per_gas: tx.max_priority_fee_per_gas().map(Quantity),
            max_fee_per_blob_gas: tx.max_fee_per_blob_gas().map(Quantity),
            hash: *tx.tx_hash(),
            input: tx.input(),
            nonce: Quantity(tx.nonce()),
            to: tx.to(),
            transaction_index: mined.map(|mined| Quantity(mined.index)),
            value: Quantity(tx.value()),
            ty: Quantity(u64::from(tx.ty())),
            access_list: tx.access_list(),
            chain_id: chain_id.map(Quantity),
            blob_versioned_hashes: tx.blob_versioned_hashes(),
            authorization_list: tx
                .authorization_list()
                .map(|list| list.iter().map(AuthorizationJson::from).collect()),
            v: Quantity(v),
            r: Quantity(signature.r()),
            s: Quantity(signature.s()),
            y_parity: typed.then_some(Quantity(parity)),
        }
    }
}

/// What go-ethereum reads out of a legacy signature that is zero: (0 - 35) / 2 in 64 bits.
const UNSIGNED_CHAIN_ID: u64 = 0_u64.wrapping_sub(35) / 2;

/// `v` of a legacy signature (EIP-155).
fn legacy_v(chain_id: Option<u64>, parity: u64) -> u128 {
    let base = chain_id.map_or(27, |chain_id| u128::from(chain_id) * 2 + 35);
    base + u128::from(parity)
}

impl Serialize for TransactionJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    block_hash: Option<B256>,
    block_number: Option<Quantity<u64>>,
    block_timestamp: Option<Quantity<u64>>,
    from: Address,
    gas: Quantity<u64>,
    gas_price: Quantity<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_per_gas: Option<Quantity<u128>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_priority_fee_per_gas: Option<Quantity<u128>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_per_blob_gas: Option<Quantity<u128>>,
    hash: B256,
    input: &'a Bytes,
    nonce: Quantity<u64>,
    to: Option<Address>,
    transaction_index: Option<Quantity<u64>>,
    value: Quantity<U256>,
    #[serde(rename = "type")]
    ty: Quantity<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_list: Option<&'a AccessList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<Quantity<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_versioned_hashes: Option<&'a [B256]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_list: Option<Vec<AuthorizationJson>>,
    v: Quantity<u128>,
    r: Quantity<U256>,
    s: Quantity<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y_parity: Option<Quantity<u64>>,
}

/// An authorization of EIP-7702.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizationJson {
    chain_id: Quantity<U256>,
    address: Address,
    nonce: Quantity<u64>,
    y_parity: Quantity<u64>,
    r: Quantity<U256>,
    s: Quantity<U256>,
}

impl From<&SignedAuthorization> for AuthorizationJson {
    fn from(signed: &SignedAuthorization) -> Self {
        Self {
            chain_id: Quantity(signed.chain_id),
            address: signed.address,
            nonce: Quantity(signed.nonce),
            y_parity: Quantity(u64::from(signed.y_parity())),
            r: Quantity(signed.r()),
            s: Quantity(signed.s()),
        }
    }
}

#[cfg(test)]
mod tests;
