//! The node as its users meet it: a real process, real sockets, real client libraries.
//!
//! Every test starts `mfenx` itself on a free port and a directory of its own. The program is the
//! one named by `MFENX_BIN`, else the one beside this test, which is built when it is not there.
//! `scripts/test` builds it first, installs the JavaScript and Python clients, and names the
//! fixtures; without them the tests that need them say `SKIPPED` and why.

// A test that cannot go on has failed; every function here is part of one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod alone;
mod clients;
mod cluster;
mod crash;
mod disk;
mod fixtures;
mod genesis;
mod keys;
mod layers;
mod load;
mod localnet;
mod network;
mod node;
mod persistence;
mod precompiles;
mod rpc;
mod rpc_runner;
mod sealed;
mod subscriptions;
mod wallet;
mod worker_commands;
mod wrong_request;
mod wrong_start;
