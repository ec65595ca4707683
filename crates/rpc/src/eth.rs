//! `eth_*`.

mod account_info;
pub(crate) mod block;
mod by_nonce;
mod call;
pub(crate) mod call_request;
mod capabilities;
mod chain;
mod config;
mod fees;
mod filter;
pub(crate) mod header;
mod logs;
pub(crate) mod raw;
mod send;
mod state;
mod storage_values;
mod subscribe;
mod transaction;
mod uncle;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    chain::register(registry)?;
    config::register(registry)?;
    capabilities::register(registry)?;
    fees::register(registry)?;
    state::register(registry)?;
    account_info::register(registry)?;
    storage_values::register(registry)?;
    block::register(registry)?;
    header::register(registry)?;
    uncle::register(registry)?;
    transaction::register(registry)?;
    raw::register(registry)?;
    by_nonce::register(registry)?;
    call::register(registry)?;
    logs::register(registry)?;
    send::register(registry)?;
    subscribe::register(registry)
}
