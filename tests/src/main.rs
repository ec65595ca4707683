//! Runs Ethereum's own test suites against this node.

use clap::{Parser, Subcommand};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

mod blockchain;

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
    let Suite::Blockchain(arguments) = Arguments::parse().suite;
    let options = blockchain::Options {
        threads: arguments.threads,
        filter: arguments.filter,
        scratch: arguments.scratch.unwrap_or_else(std::env::temp_dir),
        strict_exceptions: arguments.strict_exceptions,
    };
    let code = match blockchain::run(&arguments.paths, &options) {
        Ok(report) => {
            let total = report.passed + report.failures.len();
            if let Err(error) = print(&report) {
                let _ = writeln!(io::stderr(), "error: cannot print the result: {error}");
                return ExitCode::from(FAILED);
            }
            match (total, report.failures.is_empty()) {
                (0, _) => USAGE,
                (_, true) => 0,
                (_, false) => FAILED,
            }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            USAGE
        }
    };
    ExitCode::from(code)
}

fn print(report: &blockchain::Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for failure in &report.failures {
        writeln!(out, "FAILED {}: {}", failure.name, failure.reason)?;
    }
    if report.passed == 0 && report.failures.is_empty() {
        writeln!(io::stderr(), "error: no test was found")?;
    }
    writeln!(out, "{} passed, {} failed", report.passed, report.failures.len())?;
    out.flush()
}
