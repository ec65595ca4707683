//! The JSON of results, field by field as execution-apis has it.
//!
//! Everything here borrows what it shows and writes it once: no intermediate copies of blocks.

mod block;
mod log;
mod object;
mod quantity;
mod receipt;
mod transaction;
mod unsigned;

pub(crate) use block::{BlockJson, HeaderJson};
pub(crate) use log::{LogJson, LogPlace};
pub(crate) use quantity::Quantity;
pub(crate) use receipt::{Before, ReceiptJson, receipts_of};
pub(crate) use transaction::{Mined, TransactionJson};
pub(crate) use unsigned::UnsignedJson;
