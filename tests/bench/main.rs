//! Benchmarks that print a ratio against a peer measured in the same run.
#![allow(clippy::print_stdout)]

mod bare;
mod compute;
mod exec;
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
    /// Proof-of-compute on the CPU: verification, kernels, rounds and their stages.
    Compute(compute::Options),
    /// Blocks through the whole import path, against the same transactions on bare revm over an
    /// in-memory database.
    Exec(exec::Options),
    /// JSON-RPC over HTTP, against anvil with the same blocks and the same load generator.
    Rpc(rpc::Options),
}

fn main() -> eyre::Result<()> {
    match Cli::parse().command {
        Command::Compute(options) => compute::run(&options),
        Command::Exec(options) => exec::run(&options),
        Command::Rpc(options) => rpc::run(&options),
    }
}
