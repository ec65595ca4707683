//! Headers, blocks, receipts and transactions in their consensus encodings.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    eth::raw,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_eips::Encodable2718;
use alloy_primitives::Bytes;
use jsonrpsee::core::RegisterMethodError;
use mfenx_storage::Reader;

const HEADER: Method = Method {
    name: "debug_getRawHeader",
    summary: "The RLP of a header.",
    params: &[Param::required("block", "BlockId")],
    result: "Bytes",
    example: r#"["0x4"]"#,
};

const BLOCK: Method = Method {
    name: "debug_getRawBlock",
    summary: "The RLP of a block.",
    params: &[Param::required("block", "BlockId")],
    result: "Bytes",
    example: r#"["0x4"]"#,
};

const RECEIPTS: Method = Method {
    name: "debug_getRawReceipts",
    summary: "The receipts of a block as they stand in its receipts trie.",
    params: &[Param::required("block", "BlockId")],
    result: "Bytes[]",
    example: r#"["0x4"]"#,
};

const TRANSACTION: Method = Method {
    name: "debug_getRawTransaction",
    summary: "The signed bytes of a transaction in a block or in the pool.",
    params: &[Param::required("hash", "Hash32")],
    result: "Bytes",
    example: r#"["0x90c330080b3182dbd94612dc111d3dee8b5f9ecd682ec7535b77a74331d41945"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&HEADER, header)?;
    registry.work(Class::Reads, &BLOCK, block)?;
    registry.work(Class::Reads, &RECEIPTS, receipts)?;
    registry.inline(&TRANSACTION, transaction)
}

/// A block that must be there. The pending one has no header yet that could be encoded.
fn number(args: &Args<'_>, reader: &Reader) -> Result<u64, RpcError> {
    match args.block(0)? {
        BlockId::Pending => Err(RpcError::HeaderNotFound),
        id => id.existing_number(reader),
    }
}

fn header(context: &Context, args: &Args<'_>) -> Result<Bytes, RpcError> {
    let reader = context.store.reader()?;
    let header = reader.header(number(args, &reader)?)?.ok_or(RpcError::HeaderNotFound)?;
    Ok(alloy_rlp::encode(header.inner()).into())
}

fn block(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Bytes, RpcError> {
    let reader = context.store.reader()?;
    let number = number(args, &reader)?;
    let block = context.blocks.get(&reader, number)?.ok_or(RpcError::HeaderNotFound)?;
    Ok(alloy_rlp::encode(block.block.block()).into())
}

fn receipts(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Vec<Bytes>, RpcError> {
    let reader = context.store.reader()?;
    let receipts = reader.receipts(number(args, &reader)?)?.ok_or(RpcError::HeaderNotFound)?;
    Ok(receipts.iter().map(|receipt| receipt.encoded_2718().into()).collect())
}

fn transaction(context: &Context, args: &Args<'_>) -> Result<Bytes, RpcError> {
    raw::find(context, args.hash(0)?)
}
