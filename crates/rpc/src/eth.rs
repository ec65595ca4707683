//! `eth_*`.

mod block;
mod call;
mod call_request;
mod chain;
mod fees;
mod filter;
mod filters;
mod logs;
mod send;
mod state;
mod subscribe;
mod transaction;

pub(crate) use filters::Filters;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    chain::register(registry)?;
    fees::register(registry)?;
    state::register(registry)?;
    block::register(registry)?;
    transaction::register(registry)?;
    call::register(registry)?;
    logs::register(registry)?;
    filters::register(registry)?;
    send::register(registry)?;
    subscribe::register(registry)
}
