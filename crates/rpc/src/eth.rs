//! `eth_*`.

mod block;
mod call;
pub(crate) mod call_request;
mod chain;
mod fees;
mod filter;
mod logs;
mod proof;
pub(crate) mod send;
mod state;
mod subscribe;
mod transaction;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    chain::register(registry)?;
    fees::register(registry)?;
    state::register(registry)?;
    proof::register(registry)?;
    block::register(registry)?;
    transaction::register(registry)?;
    call::register(registry)?;
    logs::register(registry)?;
    send::register(registry)?;
    subscribe::register(registry)
}
