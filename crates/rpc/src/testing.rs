//! `testing_*`: making blocks for test suites; never on a chain that somebody relies on.
//!
//! Deliberately absent: `testing_commitBlockV1`, for these methods only read. Blocks get into the
//! store through the producer and through imports, which check them.

mod build_block;
mod payload;
mod source;

use crate::registry::Registry;
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    build_block::register(registry)
}
