//! `eth_*`.

mod access_list;
mod blob_transaction;
mod block;
mod call;
mod call_many;
mod call_request;
mod chain;
mod dropped;
mod fees;
mod fill;
mod filter;
mod logs;
mod pending;
mod proof;
mod send;
mod send_sync;
mod simulate;
mod state;
mod subscribe;
mod subscriptions;
mod transaction;

pub(crate) use subscriptions::KINDS;

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
    access_list::register(registry)?;
    call_many::register(registry)?;
    simulate::register(registry)?;
    fill::register(registry)?;
    logs::register(registry)?;
    send::register(registry)?;
    send_sync::register(registry)?;
    pending::register(registry)?;
    subscribe::register(registry)
}
