//! Benchmarks that print a ratio against a peer measured in the same run.
#![allow(clippy::print_stdout)]

mod bare;
mod exec;
mod precompiles;
mod rpc;
mod workload;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Benchmarks of mfenx against a peer in the same run")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Blocks through the whole import path, against the same transactions on bare revm over an
    /// in-memory database.
    Exec(exec::Options),
    /// The chain's own precompiles: nanoseconds a gas.
    Precompiles(precompiles::Options),
    /// JSON-RPC over HTTP, against anvil with the same blocks and the same load generator.
    Rpc(rpc::Options),
}

fn main() -> eyre::Result<()> {
    match Cli::parse().command {
        Command::Exec(options) => exec::run(&options),
        Command::Precompiles(options) => precompiles::run(&options),
        Command::Rpc(options) => rpc::run(&options),
    }
}
