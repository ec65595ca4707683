//! `debug_*`: raw encodings, traces of the EVM and witnesses, in go-ethereum's and reth's forms. Opt-in.

mod bad_blocks;
mod calls;
mod config;
mod raw;
mod steps;
mod storage_range;
mod trace;
pub(crate) mod tracer;
mod witness;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    raw::register(registry)?;
    bad_blocks::register(registry)?;
    storage_range::register(registry)?;
    trace::register(registry)?;
    witness::register(registry)
}
