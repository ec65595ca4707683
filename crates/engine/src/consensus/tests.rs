//! Networks of real engines over real connections, in one process; seeds are printed.

mod accusations;
mod arrivals;
mod change;
mod claims;
mod copies;
mod formats;
mod hostile;
mod lossy;
mod network;
mod records;
mod reproposal;
mod rivals;
mod seals;
mod support;

pub(crate) use support::keys;
pub(super) use support::{claiming, evidence_against, spec};
