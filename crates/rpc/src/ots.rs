//! `ots_*`: what the explorer Otterscan asks. Opt-in.

mod accounts;
mod blocks;
pub(crate) mod history;
mod issuance;
pub(crate) mod number;
mod receipt;
mod transaction;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    accounts::register(registry)?;
    blocks::register(registry)
}
