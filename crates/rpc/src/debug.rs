//! `debug_*`: raw encodings and traces of the EVM, in go-ethereum's forms. Opt-in.

mod bad_blocks;
mod calls;
mod config;
mod raw;
mod steps;
mod storage_range;
mod trace;
pub(crate) mod tracer;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    raw::register(registry)?;
    bad_blocks::register(registry)?;
    storage_range::register(registry)?;
    trace::register(registry)
}
