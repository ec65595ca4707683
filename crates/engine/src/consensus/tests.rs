//! Networks of real engines over real connections, in one process; seeds are printed.

mod formats;
mod hostile;
mod network;
mod records;
mod support;
