//! Transactions and receipts, by hash and by place.

use crate::{
    block_cache::CachedBlock,
    block_id::BlockId,
    context::Context,
    error::RpcError,
    eth::block::blob_gas_price,
    json::{Mined, TransactionJson, receipts_of},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::B256;
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::RecoveredTransaction;
use mfenx_storage::Reader;
use serde::{Serialize, Serializer, ser::Error as _};
use std::sync::Arc;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, "eth_getTransactionByHash", 1, by_hash)?;
    registry.work(Class::Reads, "eth_getTransactionByBlockHashAndIndex", 2, by_block_hash)?;
    registry.work(Class::Reads, "eth_getTransactionByBlockNumberAndIndex", 2, by_block_number)?;
    registry.work(Class::Reads, "eth_getTransactionReceipt", 1, receipt)
}

/// A transaction on its way to the caller.
#[derive(Clone)]
enum TransactionAnswer {
    Mined { block: Arc<CachedBlock>, index: u64 },
    Pooled(Arc<RecoveredTransaction>),
}

impl Serialize for TransactionAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mined { block, index } => {
                let block = &block.block;
                let (transaction, sender) = block
                    .transactions_with_sender()
                    .nth(*index as usize)
                    .ok_or_else(|| S::Error::custom("no such transaction"))?;
                let mined = Mined::of(block.header(), block.hash(), *index);
                TransactionJson::mined(transaction, sender, mined).serialize(serializer)
            }
            Self::Pooled(transaction) => TransactionJson::pooled(transaction).serialize(serializer),
        }
    }
}

fn by_hash(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<TransactionAnswer>, RpcError> {
    let hash = args.hash(0)?;
    let reader = context.store.reader()?;
    if let Some((block, index)) = find(context, &reader, hash)? {
        return Ok(Some(TransactionAnswer::Mined { block, index }));
    }
    if let Some(transaction) = context.pool.get(&hash) {
        return Ok(Some(TransactionAnswer::Pooled(transaction)));
    }
    // It may have left the pool for a block between the two looks: then the head has changed.
    let head = reader.head()?;
    drop(reader);
    let reader = context.store.reader()?;
    if reader.head()?.hash == head.hash {
        return Ok(None);
    }
    let found = find(context, &reader, hash)?;
    Ok(found.map(|(block, index)| TransactionAnswer::Mined { block, index }))
}

/// The block a transaction stands in, and its position there.
fn find(
    context: &Context,
    reader: &Reader,
    hash: B256,
) -> Result<Option<(Arc<CachedBlock>, u64)>, RpcError> {
    let Some(location) = reader.transaction_location(hash)? else { return Ok(None) };
    let block = context.blocks.get(reader, location.block_number)?;
    Ok(block.map(|block| (block, location.index)))
}

fn by_block_hash(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<TransactionAnswer>, RpcError> {
    by_place(context, BlockId::Hash(args.hash(0)?), args.quantity(1)?)
}

fn by_block_number(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<TransactionAnswer>, RpcError> {
    by_place(context, args.block_number(0)?, args.quantity(1)?)
}

/// The pending block is empty, so nothing stands in it.
fn by_place(
    context: &Context,
    id: BlockId,
    index: u64,
) -> Result<Option<TransactionAnswer>, RpcError> {
    if id == BlockId::Pending {
        return Ok(None);
    }
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(None) };
    let Some(block) = context.blocks.get(&reader, number)? else { return Ok(None) };
    let exists = index < block.block.transactions().len() as u64;
    Ok(exists.then_some(TransactionAnswer::Mined { block, index }))
}

/// A receipt on its way to the caller.
#[derive(Clone)]
struct ReceiptAnswer {
    block: Arc<CachedBlock>,
    index: u64,
    blob_gas_price: Option<u128>,
}

impl Serialize for ReceiptAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        receipts_of(&self.block.block, self.block.loaded_receipts(), self.blob_gas_price)
            .nth(self.index as usize)
            .ok_or_else(|| S::Error::custom("no such receipt"))?
            .serialize(serializer)
    }
}

fn receipt(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<ReceiptAnswer>, RpcError> {
    let hash = args.hash(0)?;
    let reader = context.store.reader()?;
    let Some((block, index)) = find(context, &reader, hash)? else { return Ok(None) };
    block.receipts(&reader)?;
    let blob_gas_price = blob_gas_price(&context.spec, block.block.header());
    Ok(Some(ReceiptAnswer { block, index, blob_gas_price }))
}
