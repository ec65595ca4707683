//! Transactions, in blocks and in the pool.

use super::{
    object::{ObjectWriter, Raw},
    quantity::Quantity,
};
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, B256, U256};
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

    /// Writes the transaction; `writer` may be one that was used before.
    pub(crate) fn write<'w>(&self, writer: &'w mut ObjectWriter) -> Raw<'w> {
        let (tx, mined) = (self.transaction, self.mined.as_ref());
        let gas_price = match mined {
            Some(mined) => tx.effective_gas_price(mined.base_fee),
            None => tx.max_fee_per_gas(),
        };
        let typed = !tx.is_legacy();
        let signature = tx.signature();
        let parity = u64::from(signature.v());
        let (v, chain_id) = match (typed, self.signed) {
            (true, _) => (u128::from(parity), tx.chain_id()),
            (false, true) => (legacy_v(tx.chain_id(), parity), tx.chain_id()),
            (false, false) => (0, Some(UNSIGNED_CHAIN_ID)),
        };
        let authorizations = tx
            .authorization_list()
            .map(|list| list.iter().map(AuthorizationJson::from).collect::<Vec<_>>());
        writer
            .begin()
            .data_or_null("blockHash", mined.map(|mined| mined.block_hash.as_slice()))
            .quantity_or_null("blockNumber", mined.map(|mined| mined.block_number))
            .quantity_or_null("blockTimestamp", mined.map(|mined| mined.block_timestamp))
            .data("from", self.sender.as_slice())
            .quantity("gas", u128::from(tx.gas_limit()))
            .quantity("gasPrice", gas_price)
            .quantity_if("maxFeePerGas", tx.is_dynamic_fee().then(|| tx.max_fee_per_gas()))
            .quantity_if("maxPriorityFeePerGas", tx.max_priority_fee_per_gas())
            .quantity_if("maxFeePerBlobGas", tx.max_fee_per_blob_gas())
            .data("hash", tx.tx_hash().as_slice())
            .data("input", tx.input())
            .quantity("nonce", u128::from(tx.nonce()))
            .data_or_null("to", tx.to().as_ref().map(|to| to.as_slice()))
            .quantity_or_null("transactionIndex", mined.map(|mined| mined.index))
            .word("value", tx.value())
            .quantity("type", u128::from(tx.ty()))
            .value_if("accessList", tx.access_list())
            .quantity_if("chainId", chain_id.map(u128::from))
            .value_if("blobVersionedHashes", tx.blob_versioned_hashes())
            .value_if("authorizationList", authorizations)
            .quantity("v", v)
            .word("r", signature.r())
            .word("s", signature.s())
            .quantity_if("yParity", typed.then(|| u128::from(parity)))
            .end()
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
        self.write(&mut ObjectWriter::default()).serialize(serializer)
    }
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
