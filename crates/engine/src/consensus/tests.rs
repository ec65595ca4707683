//! Networks of real engines over real connections, in one process; seeds are printed.

mod arrivals;
mod change;
mod formats;
mod hostile;
mod lossy;
mod network;
mod records;
mod support;

pub(super) use support::{evidence_against, keys, spec};
