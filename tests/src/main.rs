//! Runs Ethereum's own test suites against this node.

use clap::{Parser, Subcommand};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

mod blockchain;
mod rpc;

/// Exit code when a test failed.
const FAILED: u8 = 1;
/// Exit code when nothing could be run; clap uses it for bad usage as well.
const USAGE: u8 = 2;

/// Runs Ethereum's own test suites against this node.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, about)]
struct Arguments {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// Blockchain tests: blocks in RLP that must be accepted or refused, and the state after them.
    ///
    /// Takes the `blockchain_tests` of ethereum/execution-spec-tests and the BlockchainTests of
    /// ethereum/tests, for every fork from Frontier to Osaka and its blob-parameter forks, and
    /// for transitions such as CancunToPragueAtTime15k or BerlinToLondonAt5.
    ///
    /// Each test gets a fresh temporary store and a chain specification made from its network, and
    /// its blocks go the way of any imported block: decoding, header, body, execution, state
    /// root, commit. A block that the test calls invalid must be refused because it is invalid.
    /// At the end the head's hash, its state root and every account of the expected state must
    /// match, read from the store.
    ///
    /// This chain has no reorganisations. For tests with competing branches the runner plays the
    /// fork choice: it imports a branch from genesis on in a store of its own and then goes on
    /// with the branch of greater total difficulty (after the merge: with the newest block).
    ///
    /// Failures are printed by name; the last line is `N passed, N failed`. Exit code 0: all
    /// passed. 1: a test failed. 2: bad usage, or no test was found.
    #[command(verbatim_doc_comment)]
    Blockchain(BlockchainArguments),
    /// Requests and responses of ethereum/execution-apis, by the rules of ethereum/hive.
    ///
    /// Takes a directory with genesis.json, chain.rlp and METHOD/case.io. The chain is imported
    /// into a temporary store as `mfenx import --unsealed` does, then served with every namespace
    /// and asked over HTTP, all cases in sorted order on one node.
    ///
    /// A response must be the expected one in every field; only the words of errors are free.
    /// A case with a comment `speconly:` is compared by its shape: JSON types, keys, and what is
    /// hexadecimal.
    ///
    /// Failures are printed with the places that differ, then the totals of each method; the last
    /// line is `N passed, N failed`. Exit code 0: all passed. 1: a case failed. 2: bad usage, no
    /// such case, or the chain cannot be imported and served.
    #[command(verbatim_doc_comment)]
    Rpc(RpcArguments),
}

#[derive(Debug, clap::Args)]
struct RpcArguments {
    /// Directory with genesis.json, chain.rlp and METHOD/case.io.
    #[arg(long, value_name = "DIR")]
    fixtures: PathBuf,
    /// Run only the cases of this method, or only this case.
    #[arg(long, value_name = "METHOD[/case]")]
    only: Option<String>,
    /// Ask this node (`http://...`), which serves the chain already, and start none.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print requests, responses and differences whole, and the names of what passed.
    #[arg(long)]
    verbose: bool,
    /// Where the temporary store is made; by default the system's place for temporary files.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct BlockchainArguments {
    /// JSON files, or directories that are searched for them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Tests at a time; by default one per core.
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// Run only tests whose file path or name contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Where the temporary stores are made; by default the system's place for temporary files.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Fail also when an invalid block is refused for a reason of another kind than the test
    /// names (encoding, place, block, transaction).
    #[arg(long)]
    strict_exceptions: bool,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().suite {
        Suite::Blockchain(arguments) => run_blockchain(arguments),
        Suite::Rpc(arguments) => run_rpc(arguments),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        USAGE
    }))
}

fn run_blockchain(arguments: BlockchainArguments) -> eyre::Result<u8> {
    let options = blockchain::Options {
        threads: arguments.threads,
        filter: arguments.filter,
        scratch: arguments.scratch.unwrap_or_else(std::env::temp_dir),
        strict_exceptions: arguments.strict_exceptions,
    };
    let report = blockchain::run(&arguments.paths, &options)?;
    eyre::ensure!(report.passed > 0 || !report.failures.is_empty(), "no test was found");
    let mut out = io::stdout().lock();
    for failure in &report.failures {
        writeln!(out, "FAILED {}: {}", failure.name, failure.reason)?;
    }
    writeln!(out, "{} passed, {} failed", report.passed, report.failures.len())?;
    out.flush()?;
    Ok(if report.failures.is_empty() { 0 } else { FAILED })
}

fn run_rpc(arguments: RpcArguments) -> eyre::Result<u8> {
    let verbose = arguments.verbose;
    let options = rpc::Options {
        only: arguments.only,
        url: arguments.url,
        scratch: arguments.scratch.unwrap_or_else(std::env::temp_dir),
        verbose,
    };
    let mut out = io::stdout();
    let report = rpc::run(&arguments.fixtures, &options, |outcome| {
        // Whoever closed our output is told by the last line, which cannot be written either.
        let _ = match &outcome.failure {
            Some(failure) => writeln!(out, "FAILED {}\n{failure}", outcome.name),
            None if verbose => writeln!(out, "passed {}", outcome.name),
            None => Ok(()),
        };
    })?;
    for (method, (passed, all)) in report.totals() {
        let mark = if passed == all { "" } else { "  <-" };
        writeln!(out, "{passed:>4} of {all:<4} {method}{mark}")?;
    }
    let failed = report.failed();
    writeln!(out, "{} passed, {failed} failed", report.outcomes.len() - failed)?;
    out.flush()?;
    Ok(if failed == 0 { 0 } else { FAILED })
}
