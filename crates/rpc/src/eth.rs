//! `eth_*`.

mod access_list;
mod account_info;
mod blob_transaction;
pub(crate) mod block;
mod by_nonce;
mod call;
mod call_many;
pub(crate) mod call_request;
mod capabilities;
mod chain;
mod config;
mod fees;
mod fill;
mod filter;
mod filters;
pub(crate) mod header;
mod logs;
mod pending;
mod proof;
pub(crate) mod raw;
pub(crate) mod send;
mod send_sync;
mod simulate;
mod state;
mod storage_values;
mod subscribe;
mod subscriptions;
mod transaction;
mod uncle;

pub(crate) use subscriptions::KINDS;

pub(crate) use filters::Filters;
pub(crate) use subscribe::ReceiptTexts;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    chain::register(registry)?;
    config::register(registry)?;
    capabilities::register(registry)?;
    fees::register(registry)?;
    state::register(registry)?;
    proof::register(registry)?;
    account_info::register(registry)?;
    storage_values::register(registry)?;
    block::register(registry)?;
    header::register(registry)?;
    uncle::register(registry)?;
    transaction::register(registry)?;
    raw::register(registry)?;
    by_nonce::register(registry)?;
    call::register(registry)?;
    access_list::register(registry)?;
    call_many::register(registry)?;
    simulate::register(registry)?;
    fill::register(registry)?;
    logs::register(registry)?;
    filters::register(registry)?;
    send::register(registry)?;
    send_sync::register(registry)?;
    pending::register(registry)?;
    subscribe::register(registry)
}
