//! Transactions with their receipts, as pages of blocks and of histories show them.

use super::receipt::SlimReceipt;
use crate::{
    block_cache::CachedBlock,
    json::{Before, Mined, TransactionJson},
};
use alloy_consensus::{Signed, transaction::RlpEcdsaEncodableTx};
use alloy_primitives::{Address, Bytes};
use mfenx_primitives::{Receipt, Transaction};
use serde::{Serialize, Serializer};

/// What identifies a method of a contract: the bytes of the input that pages show.
const SELECTOR_BYTES: usize = 4;

/// A transaction of a block.
pub(super) struct Entry {
    transaction: Transaction,
    sender: Address,
    mined: Mined,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TransactionJson::mined(&self.transaction, self.sender, self.mined).serialize(serializer)
    }
}

impl Entry {
    /// The transaction with no more of its input than the selector. Its hash stays.
    pub(super) fn cropped(self) -> Self {
        let transaction = match self.transaction {
            Transaction::Legacy(tx) => Transaction::Legacy(crop(tx, |tx| &mut tx.input)),
            Transaction::Eip2930(tx) => Transaction::Eip2930(crop(tx, |tx| &mut tx.input)),
            Transaction::Eip1559(tx) => Transaction::Eip1559(crop(tx, |tx| &mut tx.input)),
            Transaction::Eip4844(tx) => Transaction::Eip4844(crop(tx, |tx| &mut tx.input)),
            Transaction::Eip7702(tx) => Transaction::Eip7702(crop(tx, |tx| &mut tx.input)),
        };
        Self { transaction, ..self }
    }
}

fn crop<T: RlpEcdsaEncodableTx>(signed: Signed<T>, input: fn(&mut T) -> &mut Bytes) -> Signed<T> {
    let hash = *signed.hash();
    let (mut tx, signature, _) = signed.into_parts();
    input(&mut tx).truncate(SELECTOR_BYTES);
    Signed::new_unchecked(tx, signature, hash)
}

/// The transaction `index` of a block and its receipt; `receipts` are those of the whole block.
pub(super) fn entry(
    block: &CachedBlock,
    receipts: &[Receipt],
    index: usize,
    blob_gas_price: Option<u128>,
) -> Option<(Entry, SlimReceipt)> {
    let block = &block.block;
    let transaction = block.transactions().get(index)?;
    let sender = *block.senders().get(index)?;
    let receipt = receipts.get(index)?;
    let gas_used = match index.checked_sub(1) {
        Some(before) => receipts.get(before)?.cumulative_gas_used(),
        None => 0,
    };
    let mined = Mined::of(block.header(), block.hash(), index as u64);
    let before = Before { gas_used, logs: 0 };
    let slim = SlimReceipt::new(transaction, sender, receipt, mined, before, blob_gas_price);
    Some((Entry { transaction: transaction.clone(), sender, mined }, slim))
}
