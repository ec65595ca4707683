//! Transactions as they were signed: the bytes of EIP-2718, without blobs.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_eips::Encodable2718;
use alloy_primitives::{B256, Bytes};
use jsonrpsee::core::RegisterMethodError;

const BY_HASH: Method = Method {
    name: "eth_getRawTransactionByHash",
    summary: "The signed bytes of a transaction in a block or in the pool.",
    params: &[Param::required("hash", "Hash32")],
    result: "Bytes",
    example: r#"["0x90c330080b3182dbd94612dc111d3dee8b5f9ecd682ec7535b77a74331d41945"]"#,
};

const BY_BLOCK_HASH: Method = Method {
    name: "eth_getRawTransactionByBlockHashAndIndex",
    summary: "The signed bytes of a transaction by its place.",
    params: &[Param::required("blockHash", "Hash32"), Param::required("index", "Quantity")],
    result: "Bytes",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b","0x1"]"#,
};

const BY_BLOCK_NUMBER: Method = Method {
    name: "eth_getRawTransactionByBlockNumberAndIndex",
    summary: "The signed bytes of a transaction by its place.",
    params: &[Param::required("block", "BlockNumberOrTag"), Param::required("index", "Quantity")],
    result: "Bytes",
    example: r#"["0x2","0x1"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BY_HASH, by_hash)?;
    registry.inline(&BY_BLOCK_HASH, by_block_hash)?;
    registry.inline_or_work(Class::Calls, &BY_BLOCK_NUMBER, by_block_number, in_pending_block)
}

/// Nothing (`0x`) where there is no transaction, as in go-ethereum.
type Answer = Result<Bytes, RpcError>;

fn by_hash(context: &Context, args: &Args<'_>) -> Answer {
    find(context, args.hash(0)?)
}

/// The bytes of a transaction in a block or in the pool.
pub(crate) fn find(context: &Context, hash: B256) -> Answer {
    // The pool first: what leaves it for a block between the two looks is in the block then.
    let pooled = context.pool.get(&hash);
    let reader = context.store.reader()?;
    let mined = match reader.transaction_location(hash)? {
        Some(place) => reader.transaction(place.block_number, place.index)?,
        None => None,
    };
    let mined = mined.map(|transaction| transaction.encoded_2718());
    let bytes = mined.or_else(|| pooled.map(|transaction| transaction.encoded_2718()));
    Ok(bytes.map(Bytes::from).unwrap_or_default())
}

fn by_block_hash(context: &Context, args: &Args<'_>) -> Answer {
    by_place(context, BlockId::Hash(args.hash(0)?), args.quantity(1)?)
}

/// None for the pending block, which takes work.
fn by_block_number(context: &Context, args: &Args<'_>) -> Result<Option<Bytes>, RpcError> {
    let (id, index) = (args.block_number(0)?, args.quantity(1)?);
    match id {
        BlockId::Pending => Ok(None),
        id => by_place(context, id, index).map(Some),
    }
}

fn in_pending_block(context: &Context, args: &Args<'_>, _: &Cancel) -> Answer {
    let place = usize::try_from(args.quantity(1)?).ok();
    let pending = context.pending(&context.store.reader()?)?;
    let transactions = pending.block.block.transactions();
    let found = place.and_then(|place| transactions.get(place));
    Ok(found.map(|transaction| transaction.encoded_2718().into()).unwrap_or_default())
}

fn by_place(context: &Context, id: BlockId, index: u64) -> Answer {
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(Bytes::new()) };
    let transaction = reader.transaction(number, index)?;
    Ok(transaction.map(|transaction| transaction.encoded_2718().into()).unwrap_or_default())
}
