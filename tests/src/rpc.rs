//! The request and response pairs of ethereum/execution-apis, by the rules of the simulator
//! `rpc-compat` of ethereum/hive.
//!
//! A directory holds `genesis.json`, `chain.rlp` and one folder a method with its cases
//! (`METHOD/case.io`). The chain is imported into a temporary store as `mfenx import --unsealed`
//! would, served as `mfenx serve` would, and asked over HTTP: nothing here knows the node's
//! inside. Cases run in sorted order on one node, for some expect what earlier ones have sent.

use eyre::{WrapErr, bail, ensure};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

mod case;
mod client;
mod compare;
mod node;

use case::Case;
use client::Client;
use compare::{Difference, Mode, compare};
use node::Node;

/// Differences of one response that are printed; the rest is counted.
const DIFFERENCES_MAX: usize = 12;

/// What to run, and against which node.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `METHOD` or `METHOD/case`: nothing else is run.
    pub(crate) only: Option<String>,
    /// A node that runs already and serves the chain of the fixtures.
    pub(crate) url: Option<String>,
    /// Where the temporary store is made.
    pub(crate) scratch: PathBuf,
    /// Also report the requests and responses of failures, whole, and what passed.
    pub(crate) verbose: bool,
}

/// The outcome of one case: why it failed, if it did.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `METHOD/case`.
    pub(crate) name: String,
    /// Lines that tell a reader what differs.
    pub(crate) failure: Option<String>,
}

/// The outcomes of a run, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// One a case.
    pub(crate) outcomes: Vec<Outcome>,
}

impl Report {
    /// How many cases failed.
    pub(crate) fn failed(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.failure.is_some()).count()
    }

    /// Passed and all cases, by method.
    pub(crate) fn totals(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut totals = BTreeMap::new();
        for outcome in &self.outcomes {
            let method = outcome.name.split('/').next().unwrap_or_default();
            let (passed, all) = totals.entry(method).or_insert((0, 0));
            *all += 1;
            *passed += usize::from(outcome.failure.is_none());
        }
        totals
    }
}

/// Runs the cases of `fixtures`, telling `done` of each outcome as it comes.
///
/// # Errors
/// The directory is not one of fixtures, its chain cannot be imported or served, or the node ended
/// while it was asked.
pub(crate) fn run(
    fixtures: &Path,
    options: &Options,
    mut done: impl FnMut(&Outcome),
) -> eyre::Result<Report> {
    let cases = case::load(fixtures, options.only.as_deref())?;
    ensure_is_fixtures(fixtures, options)?;
    let node = match &options.url {
        Some(_) => None,
        None => Some(Node::start(fixtures, &options.scratch)?),
    };
    let client = match (&options.url, &node) {
        (Some(url), _) => Client::from_url(url)?,
        (None, Some(node)) => Client::new(node.address()),
        (None, None) => bail!("there is no node to ask"),
    };
    let mut report = Report::default();
    for case in &cases {
        let failure = run_case(case, &client, options.verbose);
        if let Some(node) = &node {
            node.ensure_running().wrap_err_with(|| format!("at {}", case.name))?;
        }
        let outcome = Outcome { name: case.name.clone(), failure };
        done(&outcome);
        report.outcomes.push(outcome);
    }
    if let Some(node) = node {
        node.stop()?;
    }
    Ok(report)
}

fn ensure_is_fixtures(fixtures: &Path, options: &Options) -> eyre::Result<()> {
    if options.url.is_some() {
        return Ok(());
    }
    for name in ["genesis.json", "chain.rlp"] {
        ensure!(
            fixtures.join(name).is_file(),
            "{} has no {name}: name a directory with genesis.json, chain.rlp and METHOD/case.io",
            fixtures.display()
        );
    }
    Ok(())
}

/// Sends the requests of a case in order; the first response that differs ends it.
fn run_case(case: &Case, client: &Client, verbose: bool) -> Option<String> {
    let mode = if case.spec_only { Mode::Shape } else { Mode::Exact };
    for exchange in &case.exchanges {
        let response = match client.post(&exchange.request) {
            Ok(response) => response,
            Err(error) => return Some(failure(&exchange.request, &format!("  {error:#}"), None)),
        };
        let got = match serde_json::from_str(&response) {
            Ok(got) => got,
            Err(error) => {
                let reason = format!("  the response is not JSON: {error}");
                return Some(failure(&exchange.request, &reason, Some(&response)));
            }
        };
        let differences = compare(&exchange.response, &got, mode);
        if !differences.is_empty() {
            let whole = verbose.then_some(response.as_str());
            return Some(failure(&exchange.request, &list(&differences, verbose), whole));
        }
    }
    None
}

fn failure(request: &str, reason: &str, response: Option<&str>) -> String {
    let shown = if response.is_some() { request.to_owned() } else { compare::shorten(request) };
    let mut text = format!("  request: {shown}\n{reason}");
    if let Some(response) = response {
        text.push_str("\n  response: ");
        text.push_str(response.trim_end());
    }
    text
}

fn list(differences: &[Difference], verbose: bool) -> String {
    let most = if verbose { usize::MAX } else { DIFFERENCES_MAX };
    let mut lines: Vec<_> =
        differences.iter().take(most).map(|difference| format!("  {difference}")).collect();
    let rest = differences.len().saturating_sub(most);
    if rest > 0 {
        lines.push(format!("  and {rest} more differences"));
    }
    lines.join("\n")
}
