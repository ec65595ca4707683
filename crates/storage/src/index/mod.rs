//! Indices over what happened in blocks: who took part, and who logged what.
//!
//! Both answer with a superset that the caller looks through, never with less.

mod addresses;
mod logs;

pub use addresses::Order;
pub(crate) use addresses::write_touched;
pub use logs::{LogBlocks, LogKey};
pub(crate) use logs::{LogKeys, write_logs};
