//! Networks of real engines over real connections, in one process; seeds are printed.

mod network;
mod support;
