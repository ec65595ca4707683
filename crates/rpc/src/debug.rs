//! `debug_*`: raw encodings and traces of the EVM, in go-ethereum's forms. Opt-in.

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(_: &mut Registry) -> Result<(), RegisterMethodError> {
    Ok(())
}
