//! `debug_getBadBlocks`: blocks of others that were refused.
//!
//! The list is empty. The node makes its own blocks, and a block that an import refuses ends the
//! import with its reason; nobody sends blocks that could be collected.

use crate::{context::Context, error::RpcError, method::Method, params::Args, registry::Registry};
use jsonrpsee::core::RegisterMethodError;

const BAD_BLOCKS: Method = Method {
    name: "debug_getBadBlocks",
    summary: "An empty list: nobody sends this node blocks that it could refuse.",
    params: &[],
    result: "BadBlock[]",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BAD_BLOCKS, bad_blocks)
}

fn bad_blocks(_: &Context, _: &Args<'_>) -> Result<[(); 0], RpcError> {
    Ok([])
}
