//! Networks of real engines over real connections, in one process; seeds are printed.

mod change;
mod formats;
mod hostile;
mod network;
mod records;
mod support;
