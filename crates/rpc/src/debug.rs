//! `debug_*`: raw encodings and traces of the EVM, in go-ethereum's forms. Opt-in.

mod calls;
mod config;
mod steps;
mod trace;
pub(crate) mod tracer;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    trace::register(registry)?;
    Ok(())
}
