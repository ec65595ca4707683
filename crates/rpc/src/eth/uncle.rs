//! Ommers (EIP-1's uncles), which only blocks before the merge have.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    json::{HeaderJson, Quantity},
    method::{Method, Param},
    params::Args,
    registry::Registry,
};
use alloy_primitives::B256;
use alloy_rlp::Encodable;
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::{Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header};
use serde::{Serialize, Serializer};

const BY_HASH: Method = Method {
    name: "eth_getUncleByBlockHashAndIndex",
    summary: "An ommer of a block: a block without transactions.",
    params: &[Param::required("blockHash", "Hash32"), Param::required("index", "Quantity")],
    result: "Uncle|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b","0x0"]"#,
};

const BY_NUMBER: Method = Method {
    name: "eth_getUncleByBlockNumberAndIndex",
    summary: "An ommer of a block: a block without transactions.",
    params: &[Param::required("block", "BlockNumberOrTag"), Param::required("index", "Quantity")],
    result: "Uncle|null",
    example: r#"["0x1","0x0"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BY_HASH, by_hash)?;
    registry.inline(&BY_NUMBER, by_number)
}

/// An ommer on its way to the caller: as go-ethereum has it, a block of which only the header is
/// known, so its size is that of an empty block.
#[derive(Clone)]
struct UncleAnswer(Block);

#[derive(Serialize)]
struct UncleJson<'a> {
    #[serde(flatten)]
    header: HeaderJson<'a>,
    size: Quantity<u64>,
    uncles: [B256; 0],
}

impl Serialize for UncleAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let header = &self.0.header;
        UncleJson {
            header: HeaderJson::new(header, header.hash_slow()),
            size: Quantity(self.0.length() as u64),
            uncles: [],
        }
        .serialize(serializer)
    }
}

type Answer = Result<Option<UncleAnswer>, RpcError>;

fn by_hash(context: &Context, args: &Args<'_>) -> Answer {
    find(context, BlockId::Hash(args.hash(0)?), args.quantity(1)?)
}

fn by_number(context: &Context, args: &Args<'_>) -> Answer {
    find(context, args.block_number(0)?, args.quantity(1)?)
}

fn find(context: &Context, id: BlockId, index: u64) -> Answer {
    if id == BlockId::Pending {
        return Ok(None);
    }
    let reader = context.store.reader()?;
    let Some(number) = id.number(&reader)? else { return Ok(None) };
    let Some(header) = reader.header(number)? else { return Ok(None) };
    // Every block since the merge: no need to read its body.
    if header.ommers_hash == EMPTY_OMMER_ROOT_HASH {
        return Ok(None);
    }
    let ommers = reader.body(number)?.map(|body| body.ommers).unwrap_or_default();
    Ok(usize::try_from(index).ok().and_then(|index| ommers.into_iter().nth(index)).map(answer))
}

fn answer(header: Header) -> UncleAnswer {
    UncleAnswer(Block { header, body: BlockBody::default() })
}
