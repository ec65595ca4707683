//! Networks of real engines over real connections, in one process; seeds are printed.

mod accusations;
mod arrivals;
mod change;
mod formats;
mod hostile;
mod lossy;
mod network;
mod records;
mod support;

pub(crate) use support::keys;
pub(super) use support::{evidence_against, spec};
