//! Headers without bodies.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    json::HeaderJson,
    method::{Method, Param},
    params::Args,
    registry::Registry,
};
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::SealedHeader;
use serde::{Serialize, Serializer};

const BY_NUMBER: Method = Method {
    name: "eth_getHeaderByNumber",
    summary: "The header of a block; null for an unknown one.",
    params: &[Param::required("block", "BlockNumberOrTag")],
    result: "Header|null",
    example: r#"["0x1"]"#,
};

const BY_HASH: Method = Method {
    name: "eth_getHeaderByHash",
    summary: "The header of a block by its hash; null for an unknown one.",
    params: &[Param::required("hash", "Hash32")],
    result: "Header|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BY_NUMBER, by_number)?;
    registry.inline(&BY_HASH, by_hash)
}

/// A header on its way to the caller.
#[derive(Clone)]
pub(crate) struct HeaderAnswer(SealedHeader);

impl Serialize for HeaderAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        HeaderJson::new(&self.0, self.0.hash()).serialize(serializer)
    }
}

/// None for the pending block, as execution-apis says.
fn by_number(context: &Context, args: &Args<'_>) -> Result<Option<HeaderAnswer>, RpcError> {
    find(context, args.block_number(0)?)
}

fn by_hash(context: &Context, args: &Args<'_>) -> Result<Option<HeaderAnswer>, RpcError> {
    find(context, BlockId::Hash(args.hash(0)?))
}

/// The header of a block; none for an unknown one and for the pending one.
pub(crate) fn find(context: &Context, id: BlockId) -> Result<Option<HeaderAnswer>, RpcError> {
    if id == BlockId::Pending {
        return Ok(None);
    }
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(None) };
    Ok(reader.header(number)?.map(HeaderAnswer))
}
