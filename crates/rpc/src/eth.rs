//! `eth_*`.

mod access_list;
mod block;
mod call;
mod call_many;
mod call_request;
mod chain;
mod fees;
mod fill;
mod filter;
mod logs;
mod proof;
mod send;
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
    subscribe::register(registry)
}
