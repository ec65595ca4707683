//! `ots_*`: what the explorer Otterscan asks. Opt-in.

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(_: &mut Registry) -> Result<(), RegisterMethodError> {
    Ok(())
}
