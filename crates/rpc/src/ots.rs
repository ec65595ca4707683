//! `ots_*`: what the explorer Otterscan asks. Opt-in.

mod accounts;
mod blocks;
mod calls;
mod candidates;
mod creator;
pub(crate) mod history;
mod issuance;
pub(crate) mod number;
mod parties;
mod receipt;
mod search;
mod traces;
mod transaction;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    accounts::register(registry)?;
    blocks::register(registry)?;
    traces::register(registry)?;
    creator::register(registry)?;
    search::register(registry)
}
