//! `ots_*`: what the explorer Otterscan asks. Opt-in.

pub(crate) mod number;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(_: &mut Registry) -> Result<(), RegisterMethodError> {
    Ok(())
}
