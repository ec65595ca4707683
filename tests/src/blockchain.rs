//! Blockchain tests: finding them, running them on all cores, counting.

mod chains;
mod exceptions;
mod fixture;
mod network;
mod post_state;

use chains::Chains;
use eyre::{Context, Result, bail};
use fixture::{Test, TestBlock};
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// How to run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Tests at a time; none: one per core.
    pub(crate) threads: Option<NonZeroUsize>,
    /// A part of the path or name of the tests to run.
    pub(crate) filter: Option<String>,
    /// Where temporary stores go.
    pub(crate) scratch: PathBuf,
    /// Compare the reasons of refusals.
    pub(crate) strict_exceptions: bool,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// By name.
    pub(crate) failures: Vec<Failure>,
}

/// One test that failed, or one file that could not be read.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// Runs every test in `paths`.
pub(crate) fn run(paths: &[PathBuf], options: &Options) -> Result<Report> {
    let mut files = Vec::new();
    for path in paths {
        find(path, &mut files).wrap_err_with(|| format!("cannot search {}", path.display()))?;
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        bail!("no JSON file in the given paths");
    }
    // The largest first, so that no thread starts on one of them when the others are done.
    files.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));

    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = options.threads.map_or(cores, NonZeroUsize::get).min(files.len());
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((file, _)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let of_file = run_file(file, options);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    report.passed += of_file.passed;
                    report.failures.extend(of_file.failures);
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.failures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(report)
}

/// Adds the JSON files under `path`, with their sizes; hidden entries are not looked at.
fn find(path: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        files.push((path.to_owned(), metadata.len()));
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "json") {
            find(&path, files)?;
        }
    }
    Ok(())
}

fn run_file(file: &Path, options: &Options) -> Report {
    let mut report = Report::default();
    let path = file.display().to_string();
    let wanted = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter));
    let mut fail = |name: String, reason: String| report.failures.push(Failure { name, reason });
    let tests = match read(file) {
        Ok(tests) => tests,
        Err(error) if wanted(&path) => {
            fail(path, format!("{error:#}"));
            return report;
        }
        Err(_) => return report,
    };
    for (name, test) in tests {
        // Names of execution-spec-tests say where the test's source is, others only what it is.
        let name = if name.contains("::") { name } else { format!("{path}::{name}") };
        if !wanted(&name) && !wanted(&path) {
            continue;
        }
        let result = serde_json::from_value(test)
            .map_err(|error| format!("not a blockchain test: {error}"))
            .and_then(|test: Test| guarded(&test, options));
        match result {
            Ok(()) => report.passed += 1,
            Err(reason) => report.failures.push(Failure { name, reason }),
        }
    }
    report
}

/// The tests of a file by name; each is decoded on its own, so that one bad test is one failure.
fn read(file: &Path) -> Result<BTreeMap<String, serde_json::Value>> {
    let text = fs::read_to_string(file)?;
    Ok(serde_json::from_str(&text)?)
}

/// Runs a test; a panic is a failure of this test, not of the run.
fn guarded(test: &Test, options: &Options) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| run_test(test, options))) {
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(format!("panicked: {text}"))
        }
    }
}

fn run_test(test: &Test, options: &Options) -> Result<()> {
    let spec = network::chain_spec(test)?;
    let mut chains = Chains::new(spec, &options.scratch)?;
    for (index, block) in test.blocks.iter().enumerate() {
        import(&mut chains, block, options)
            .wrap_err_with(|| format!("block {index} of the test"))?;
    }
    let head = chains.head()?;
    if head.hash() != test.last_block_hash {
        bail!("the head is {}, expected {}", head.hash(), test.last_block_hash);
    }
    post_state::check(test, &head, chains.store())
}

fn import(chains: &mut Chains, block: &TestBlock, options: &Options) -> Result<()> {
    let result = match &block.rlp {
        Ok(rlp) => chains.import(rlp),
        Err(error) => Err(chains::Refused::Malformed(error.clone())),
    };
    match (result, block.expected_exception()) {
        (Ok(hash), None) => match &block.header {
            Some(header) if header.hash != hash => {
                bail!("imported {hash}, the test says {}", header.hash)
            }
            _ => Ok(()),
        },
        (Ok(hash), Some(exception)) => bail!("accepted {hash}, which is invalid: {exception}"),
        (Err(refused), None) => bail!("refused: {refused}"),
        (Err(refused), Some(exception)) => {
            exceptions::check(&exception, &refused, options.strict_exceptions)
        }
    }
}

#[cfg(test)]
mod tests;
