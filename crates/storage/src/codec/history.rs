//! Shards of history: the numbers of the blocks that changed a key, as a 64-bit roaring bitmap in
//! the portable format.

use crate::error::StoreError;
use roaring::RoaringTreemap;

pub(crate) fn encode_shard(
    table: &'static str,
    blocks: &RoaringTreemap,
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(blocks.serialized_size());
    blocks
        .serialize_into(&mut out)
        .map_err(|_| StoreError::Corrupt { table, reason: "a bitmap does not encode" })?;
    Ok(out)
}

pub(crate) fn decode_shard(
    table: &'static str,
    bytes: &[u8],
) -> Result<RoaringTreemap, StoreError> {
    RoaringTreemap::deserialize_from(bytes)
        .map_err(|_| StoreError::Corrupt { table, reason: "a bitmap does not decode" })
}
