//! `trace_*`: traces in the form of OpenEthereum. Opt-in.

mod blocks;
mod calls;
mod filter;
mod replay;
mod types;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    blocks::register(registry)?;
    calls::register(registry)?;
    filter::register(registry)
}
