//! Blocks, their receipts, and how many transactions and ommers they have.

use crate::{
    block_cache::CachedBlock,
    block_id::BlockId,
    context::Context,
    error::RpcError,
    json::{BlockJson, Quantity, receipts_of},
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use jsonrpsee::core::RegisterMethodError;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{EMPTY_OMMER_ROOT_HASH, Header};
use mfenx_storage::Reader;
use serde::{Serialize, Serializer};
use std::sync::Arc;

const BY_NUMBER: Method = Method {
    name: "eth_getBlockByNumber",
    summary: "A block with the hashes of its transactions, or with `true` the transactions; null for an unknown one.",
    params: &[Param::required("block", "BlockNumberOrTag"), Param::optional("full", "Boolean")],
    result: "Block|null",
    example: r#"["0x1",false]"#,
};

const BY_HASH: Method = Method {
    name: "eth_getBlockByHash",
    summary: "A block by its hash, otherwise as eth_getBlockByNumber.",
    params: &[Param::required("hash", "Hash32"), Param::optional("full", "Boolean")],
    result: "Block|null",
    example: r#"["0xc912561b4219cd31c027ddd019902fa799f64a10fdfbe3d963deed3e9decbfed",true]"#,
};

const RECEIPTS: Method = Method {
    name: "eth_getBlockReceipts",
    summary: "All receipts of a block; null for an unknown one.",
    params: &[Param::required("block", "BlockId")],
    result: "Receipt[]|null",
    example: r#"["0x2"]"#,
};

const TRANSACTIONS_BY_NUMBER: Method = Method {
    name: "eth_getBlockTransactionCountByNumber",
    summary: "How many transactions a block has; null for an unknown one.",
    params: &[Param::required("block", "BlockNumberOrTag")],
    result: "Quantity|null",
    example: r#"["0x2"]"#,
};

const TRANSACTIONS_BY_HASH: Method = Method {
    name: "eth_getBlockTransactionCountByHash",
    summary: "How many transactions a block has; null for an unknown one.",
    params: &[Param::required("hash", "Hash32")],
    result: "Quantity|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b"]"#,
};

const OMMERS_BY_NUMBER: Method = Method {
    name: "eth_getUncleCountByBlockNumber",
    summary: "How many ommers a block has: none since the merge.",
    params: &[Param::required("block", "BlockNumberOrTag")],
    result: "Quantity|null",
    example: r#"["0x1"]"#,
};

const OMMERS_BY_HASH: Method = Method {
    name: "eth_getUncleCountByBlockHash",
    summary: "How many ommers a block has: none since the merge.",
    params: &[Param::required("hash", "Hash32")],
    result: "Quantity|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &BY_NUMBER, by_number)?;
    registry.work(Class::Reads, &BY_HASH, by_hash)?;
    registry.work(Class::Reads, &RECEIPTS, receipts)?;
    registry.inline_or_work(
        Class::Calls,
        &TRANSACTIONS_BY_NUMBER,
        transactions_by_number,
        pending_transactions,
    )?;
    registry.inline(&TRANSACTIONS_BY_HASH, transactions_by_hash)?;
    registry.inline(&OMMERS_BY_NUMBER, ommers_by_number)?;
    registry.inline(&OMMERS_BY_HASH, ommers_by_hash)
}

/// A block on its way to the caller.
#[derive(Clone)]
enum BlockAnswer {
    Committed { block: Arc<CachedBlock>, full: bool },
    Pending { block: Arc<CachedBlock>, full: bool },
}

impl Serialize for BlockAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Committed { block, full } => {
                BlockJson::new(&block.block, *full).serialize(serializer)
            }
            Self::Pending { block, full } => {
                BlockJson::pending(&block.block, *full).serialize(serializer)
            }
        }
    }
}

fn by_number(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<BlockAnswer>, RpcError> {
    let (id, full) = (args.block_number(0)?, args.optional(1)?.unwrap_or(false));
    let reader = context.store.reader()?;
    if id == BlockId::Pending {
        let block = Arc::clone(&context.pending(&reader)?.block);
        return Ok(Some(BlockAnswer::Pending { block, full }));
    }
    block(context, &reader, id, full)
}

fn by_hash(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<BlockAnswer>, RpcError> {
    let (hash, full) = (args.hash(0)?, args.optional(1)?.unwrap_or(false));
    let reader = context.store.reader()?;
    block(context, &reader, BlockId::Hash(hash), full)
}

fn block(
    context: &Context,
    reader: &Reader,
    id: BlockId,
    full: bool,
) -> Result<Option<BlockAnswer>, RpcError> {
    let Some(number) = id.number(reader)? else { return Ok(None) };
    let block = context.blocks.get(reader, number)?;
    Ok(block.map(|block| BlockAnswer::Committed { block, full }))
}

/// The receipts of a block on their way to the caller.
#[derive(Clone)]
struct ReceiptsAnswer {
    block: Arc<CachedBlock>,
    blob_gas_price: Option<u128>,
}

impl Serialize for ReceiptsAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let receipts = self.block.loaded_receipts();
        serializer.collect_seq(receipts_of(&self.block.block, receipts, self.blob_gas_price))
    }
}

fn receipts(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<ReceiptsAnswer>, RpcError> {
    let id = args.block(0)?;
    let reader = context.store.reader()?;
    let block = if id == BlockId::Pending {
        Arc::clone(&context.pending(&reader)?.block)
    } else {
        let Some(number) = id.number(&reader)? else { return Ok(None) };
        let Some(block) = context.blocks.get(&reader, number)? else { return Ok(None) };
        block.receipts(&reader)?;
        block
    };
    let blob_gas_price = blob_gas_price(&context.spec, block.block.header());
    Ok(Some(ReceiptsAnswer { block, blob_gas_price }))
}

/// The blob base fee of a block, in wei; none before Cancun (EIP-4844).
pub(crate) fn blob_gas_price(spec: &ChainSpec, header: &Header) -> Option<u128> {
    header.blob_fee(spec.blob_params_at(header.timestamp)?)
}

/// None for the pending block, which takes work.
fn transactions_by_number(
    context: &Context,
    args: &Args<'_>,
) -> Result<Option<Option<Quantity<u64>>>, RpcError> {
    let id = args.block_number(0)?;
    if id == BlockId::Pending {
        return Ok(None);
    }
    transactions(context, id).map(Some)
}

fn pending_transactions(
    context: &Context,
    _: &Args<'_>,
    _: &Cancel,
) -> Result<Option<Quantity<u64>>, RpcError> {
    let pending = context.pending(&context.store.reader()?)?;
    Ok(Some(Quantity(pending.block.block.transactions().len() as u64)))
}

fn transactions_by_hash(
    context: &Context,
    args: &Args<'_>,
) -> Result<Option<Quantity<u64>>, RpcError> {
    transactions(context, BlockId::Hash(args.hash(0)?))
}

fn transactions(context: &Context, id: BlockId) -> Result<Option<Quantity<u64>>, RpcError> {
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(None) };
    Ok(reader.transaction_count(number)?.map(|count| Quantity(count as u64)))
}

fn ommers_by_number(context: &Context, args: &Args<'_>) -> Result<Option<Quantity<u64>>, RpcError> {
    ommers(context, args.block_number(0)?)
}

fn ommers_by_hash(context: &Context, args: &Args<'_>) -> Result<Option<Quantity<u64>>, RpcError> {
    ommers(context, BlockId::Hash(args.hash(0)?))
}

fn ommers(context: &Context, id: BlockId) -> Result<Option<Quantity<u64>>, RpcError> {
    if id == BlockId::Pending {
        return Ok(Some(Quantity(0)));
    }
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(None) };
    let Some(header) = reader.header(number)? else { return Ok(None) };
    // Every block since the merge: no need to read its body.
    if header.ommers_hash == EMPTY_OMMER_ROOT_HASH {
        return Ok(Some(Quantity(0)));
    }
    Ok(reader.body(number)?.map(|body| Quantity(body.ommers.len() as u64)))
}
