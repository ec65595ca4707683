//! `erigon_*`: what Otterscan asks besides. Opt-in.

use crate::{
    context::Context,
    error::RpcError,
    eth::header::{self, HeaderAnswer},
    method::{Method, Param},
    ots,
    params::Args,
    registry::Registry,
};
use jsonrpsee::core::RegisterMethodError;

const HEADER_BY_NUMBER: Method = Method {
    name: "erigon_getHeaderByNumber",
    summary: "The header of a block; null for an unknown one.",
    params: &[Param::required("block", "BlockNumberPlain")],
    result: "Header|null",
    example: "[1]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&HEADER_BY_NUMBER, header_by_number)
}

fn header_by_number(context: &Context, args: &Args<'_>) -> Result<Option<HeaderAnswer>, RpcError> {
    header::find(context, ots::number::block(args, 0)?)
}
