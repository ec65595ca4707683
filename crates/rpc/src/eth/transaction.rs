//! Transactions and receipts, by hash and by place. One of them is a few kilobytes and is read
//! inline; a receipt with many logs, which can be many megabytes of JSON, is work.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    eth::block::blob_gas_price,
    json::{Before, Mined, ReceiptJson, TransactionJson},
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::B256;
use jsonrpsee::core::RegisterMethodError;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{CommittedBlock, Receipt, RecoveredTransaction, SealedHeader};
use mfenx_storage::{Reader, StoredReceipt, TransactionLocation};
use serde::{Serialize, Serializer};
use std::sync::Arc;

const BY_HASH: Method = Method {
    name: "eth_getTransactionByHash",
    summary: "A transaction in a block or in the pool; null for an unknown one.",
    params: &[Param::required("hash", "Hash32")],
    result: "Transaction|null",
    example: r#"["0x90c330080b3182dbd94612dc111d3dee8b5f9ecd682ec7535b77a74331d41945"]"#,
};

const BY_BLOCK_HASH: Method = Method {
    name: "eth_getTransactionByBlockHashAndIndex",
    summary: "A transaction by its place in a block; null where there is none.",
    params: &[Param::required("blockHash", "Hash32"), Param::required("index", "Quantity")],
    result: "Transaction|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b","0x0"]"#,
};

const BY_BLOCK_NUMBER: Method = Method {
    name: "eth_getTransactionByBlockNumberAndIndex",
    summary: "A transaction by its place in a block; null where there is none.",
    params: &[Param::required("block", "BlockNumberOrTag"), Param::required("index", "Quantity")],
    result: "Transaction|null",
    example: r#"["0x3","0x0"]"#,
};

const RECEIPT: Method = Method {
    name: "eth_getTransactionReceipt",
    summary: "The receipt of a transaction; null until it is in a block.",
    params: &[Param::required("hash", "Hash32")],
    result: "Receipt|null",
    example: r#"["0x90c330080b3182dbd94612dc111d3dee8b5f9ecd682ec7535b77a74331d41945"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BY_HASH, by_hash)?;
    registry.inline(&BY_BLOCK_HASH, by_block_hash)?;
    registry.inline_or_work(Class::Calls, &BY_BLOCK_NUMBER, by_block_number, in_pending_block)?;
    registry.inline_or_work(Class::Reads, &RECEIPT, short_receipt, receipt)
}

/// A transaction on its way to the caller, from a block or from the pool.
#[derive(Clone)]
pub(super) struct TransactionAnswer {
    pub(super) transaction: Arc<RecoveredTransaction>,
    mined: Option<Mined>,
}

impl TransactionAnswer {
    /// One that waits in the pool.
    pub(super) const fn pooled(transaction: Arc<RecoveredTransaction>) -> Self {
        Self { transaction, mined: None }
    }
}

impl Serialize for TransactionAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (transaction, sender) = (self.transaction.inner(), self.transaction.signer());
        match self.mined {
            Some(mined) => TransactionJson::mined(transaction, sender, mined).serialize(serializer),
            None => TransactionJson::pooled(&self.transaction).serialize(serializer),
        }
    }
}

type Answer = Result<Option<TransactionAnswer>, RpcError>;

fn by_hash(context: &Context, args: &Args<'_>) -> Answer {
    let hash = args.hash(0)?;
    let reader = context.store.reader()?;
    if let Some(found) = find(&reader, hash)? {
        return Ok(Some(found));
    }
    if let Some(transaction) = context.pool.get(&hash) {
        return Ok(Some(TransactionAnswer::pooled(transaction)));
    }
    // It may have left the pool for a block between the two looks: then the head has changed.
    let head = reader.head()?;
    drop(reader);
    let reader = context.store.reader()?;
    if reader.head()?.hash == head.hash {
        return Ok(None);
    }
    find(&reader, hash)
}

fn find(reader: &Reader, hash: B256) -> Answer {
    let Some(location) = reader.transaction_location(hash)? else { return Ok(None) };
    at(reader, location)
}

/// The transaction that stands there.
pub(super) fn at(reader: &Reader, location: TransactionLocation) -> Answer {
    let Some((transaction, header)) = read(reader, location)? else { return Ok(None) };
    let mined = Mined::of(&header, header.hash(), location.index);
    Ok(Some(TransactionAnswer { transaction: Arc::new(transaction), mined: Some(mined) }))
}

fn read(
    reader: &Reader,
    location: TransactionLocation,
) -> Result<Option<(RecoveredTransaction, SealedHeader)>, RpcError> {
    let transaction = reader.transaction(location.block_number, location.index)?;
    Ok(transaction.zip(reader.header(location.block_number)?))
}

fn by_block_hash(context: &Context, args: &Args<'_>) -> Answer {
    by_place(context, BlockId::Hash(args.hash(0)?), args.quantity(1)?)
}

/// None for the pending block, which takes work.
fn by_block_number(
    context: &Context,
    args: &Args<'_>,
) -> Result<Option<Option<TransactionAnswer>>, RpcError> {
    let (id, index) = (args.block_number(0)?, args.quantity(1)?);
    if id == BlockId::Pending {
        return Ok(None);
    }
    by_place(context, id, index).map(Some)
}

/// As in go-ethereum, with the hash that the pending block would have.
fn in_pending_block(context: &Context, args: &Args<'_>, _: &Cancel) -> Answer {
    let index = args.quantity(1)?;
    let pending = context.pending(&context.store.reader()?)?;
    let block = &pending.block.block;
    let place = usize::try_from(index).ok();
    let found = place.and_then(|place| block.transactions_with_sender().nth(place));
    Ok(found.map(|(transaction, sender)| TransactionAnswer {
        transaction: Arc::new(RecoveredTransaction::new_unchecked(transaction.clone(), sender)),
        mined: Some(Mined::of(block.header(), block.hash(), index)),
    }))
}

fn by_place(context: &Context, id: BlockId, index: u64) -> Answer {
    let reader = context.store.reader()?;
    let Some(block_number) = id.number(&reader)? else { return Ok(None) };
    at(&reader, TransactionLocation { block_number, index })
}

/// A transaction as it was when it was pending, if it is still in the pool or now in a block.
pub(super) fn pending(context: &Context, hash: B256) -> Answer {
    if let Some(transaction) = context.pool.get(&hash) {
        return Ok(Some(TransactionAnswer { transaction, mined: None }));
    }
    // What has left the pool for a block is in any snapshot that is taken after.
    let found = find(&context.store.reader()?, hash)?;
    Ok(found.map(|found| TransactionAnswer { mined: None, ..found }))
}

/// A receipt on its way to the caller.
#[derive(Clone)]
pub(super) struct ReceiptAnswer {
    transaction: RecoveredTransaction,
    stored: StoredReceipt,
    mined: Mined,
    blob_gas_price: Option<u128>,
}

impl Serialize for ReceiptAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (transaction, sender) = (self.transaction.inner(), self.transaction.signer());
        let StoredReceipt { receipt, gas_used, first_log_index } = &self.stored;
        let before = Before {
            gas_used: receipt.cumulative_gas_used().saturating_sub(*gas_used),
            logs: *first_log_index,
        };
        ReceiptJson::new(transaction, sender, receipt, self.mined, before, self.blob_gas_price)
            .serialize(serializer)
    }
}

impl ReceiptAnswer {
    /// The receipt of transaction `index` of a block.
    pub(super) fn of(spec: &ChainSpec, block: &CommittedBlock, index: usize) -> Option<Self> {
        let CommittedBlock { block, receipts } = block;
        let (transaction, sender) = block.transactions_with_sender().nth(index)?;
        let (before, receipt) = (receipts.get(..index)?, receipts.get(index)?);
        let gas_before = before.last().map_or(0, Receipt::cumulative_gas_used);
        let stored = StoredReceipt {
            receipt: receipt.clone(),
            gas_used: receipt.cumulative_gas_used().saturating_sub(gas_before),
            first_log_index: before.iter().map(|receipt| receipt.logs().len() as u64).sum(),
        };
        Some(Self {
            transaction: RecoveredTransaction::new_unchecked(transaction.clone(), sender),
            stored,
            mined: Mined::of(block.header(), block.hash(), index as u64),
            blob_gas_price: blob_gas_price(spec, block.header()),
        })
    }
}

/// A receipt up to this length as it is stored, in bytes, is read inline: a few hundred logs at most.
const SHORT_RECEIPT_BYTES: usize = 16 * 1_024;

/// The receipt unless it is long.
fn short_receipt(
    context: &Context,
    args: &Args<'_>,
) -> Result<Option<Option<ReceiptAnswer>>, RpcError> {
    let hash = args.hash(0)?;
    let reader = context.store.reader()?;
    let Some(location) = reader.transaction_location(hash)? else { return Ok(Some(None)) };
    let length = reader.receipt_length(location.block_number, location.index)?;
    if length.is_some_and(|length| length > SHORT_RECEIPT_BYTES) {
        return Ok(None);
    }
    receipt_at(context, &reader, location).map(Some)
}

fn receipt(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<ReceiptAnswer>, RpcError> {
    receipt_of(context, args.hash(0)?)
}

/// The receipt of a committed transaction.
pub(super) fn receipt_of(context: &Context, hash: B256) -> Result<Option<ReceiptAnswer>, RpcError> {
    let reader = context.store.reader()?;
    let Some(location) = reader.transaction_location(hash)? else { return Ok(None) };
    receipt_at(context, &reader, location)
}

fn receipt_at(
    context: &Context,
    reader: &Reader,
    location: TransactionLocation,
) -> Result<Option<ReceiptAnswer>, RpcError> {
    let Some((transaction, header)) = read(reader, location)? else { return Ok(None) };
    let stored = reader.receipt(location.block_number, location.index)?;
    let blob_gas_price = blob_gas_price(&context.spec, &header);
    let mined = Mined::of(&header, header.hash(), location.index);
    Ok(stored.map(|stored| ReceiptAnswer { transaction, stored, mined, blob_gas_price }))
}
