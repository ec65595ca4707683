//! `eth_*`.

mod blob_transaction;
mod block;
mod call;
mod call_request;
mod chain;
mod dropped;
mod fees;
mod filter;
mod logs;
mod pending;
mod send;
mod send_sync;
mod state;
mod subscribe;
mod transaction;

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
    send::register(registry)?;
    send_sync::register(registry)?;
    pending::register(registry)?;
    subscribe::register(registry)
}
