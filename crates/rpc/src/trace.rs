//! `trace_*`: traces in the form of OpenEthereum. Opt-in.

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(_: &mut Registry) -> Result<(), RegisterMethodError> {
    Ok(())
}
