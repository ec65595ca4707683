//! `bench net`: networks of real nodes under load and idle, one authority against anvil, and what
//! consensus takes among up to a hundred authorities.
//!
//! Nodes and load generator share the machine; what the generator takes is printed beside it.

mod load;
mod nodes;
mod send;
mod simulated;
mod single;
#[cfg(test)]
mod smoke;
mod transfers;
mod usage;
mod watch;

use clap::{Args, ValueEnum};
use eyre::Result;
use load::{Load, Outcome};
use nodes::Network;
use single::Turns;
use std::{path::PathBuf, thread, time::Duration};
use transfers::Accounts;
use usage::{Taken, Usage};

/// Authorities of the curve: simulated ones, and real processes.
const SIMULATED: [usize; 6] = [4, 7, 16, 31, 64, 100];
const REAL: [usize; 3] = [4, 7, 16];
/// Signatures of a simulated size that are made and verified, about, so that each takes seconds.
const SIMULATED_WORK: usize = 40_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// CPU and memory of a network in which nothing happens.
    Idle,
    /// Three authorities and a follower: transfers at `--rate`, to the follower.
    Sustained,
    /// The same to all four nodes.
    All,
    /// The same to the follower, as fast as it goes.
    Ceiling,
    /// One authority against anvil.
    Single,
    /// The curve of simulated authorities.
    Simulated,
    /// Real processes: 4, 7 and 16 authorities, idle and with a few transfers.
    Curve,
}

/// What is measured, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Our program.
    #[arg(long, env = "MFENX_BIN", default_value = "target/release/mfenx")]
    mfenx: PathBuf,
    /// The peer; without it, only ours is measured.
    #[arg(long, env = "ANVIL_BIN", value_name = "FILE")]
    anvil: Option<PathBuf>,
    /// Only these parts; several with commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Length of each load.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Length of the idle minute, and of each idle network of the curve.
    #[arg(long, default_value_t = 60)]
    idle_seconds: u64,
    /// Transfers a second, where they come at a pace.
    #[arg(long, default_value_t = 1_600)]
    rate: u64,
    /// Accounts that send.
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Connections at the same time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Transfers on their way at most.
    #[arg(long, default_value_t = 8_000)]
    window: u64,
    /// Turns of each side against anvil.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Transfers of a turn; the pool must have room for them.
    #[arg(long, default_value_t = 8_000)]
    turn_transfers: u64,
    /// Node `i` uses this port plus `i`, and those 1,000 and 2,000 above; 0 takes free ones.
    #[arg(long, default_value_t = 0)]
    base_port: u16,
    /// Keeps the directories of the networks, with the logs of their nodes.
    #[arg(long)]
    keep: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    println!("machine: {}", usage::machine());
    let all = Part::value_variants();
    for part in all.iter().filter(|part| options.only.is_empty() || options.only.contains(part)) {
        println!();
        match part {
            Part::Idle => options.idle()?,
            Part::Sustained => options.load("sustained, to the follower", false, false)?,
            Part::All => options.load("sustained, to all nodes", true, false)?,
            Part::Ceiling => options.load("flat out, to the follower", false, true)?,
            Part::Single => options.single()?,
            Part::Simulated => simulated_curve()?,
            Part::Curve => options.real_curve()?,
        }
    }
    Ok(())
}

impl Options {
    /// A network in a directory that goes away with the second value, unless it is to be kept.
    fn network(&self, name: &str, size: (usize, usize)) -> Result<(Network, tempfile::TempDir)> {
        let directory = tempfile::tempdir()?;
        let place = match &self.keep {
            Some(keep) => keep.join(name),
            None => directory.path().join(name),
        };
        Ok((Network::start(&self.mfenx, &place, size, self.base_port)?, directory))
    }

    fn idle(&self) -> Result<()> {
        let (network, _directory) = self.network("idle", (3, 1))?;
        let usage = Usage::start(&network.nodes)?;
        thread::sleep(Duration::from_secs(self.idle_seconds));
        println!("idle: three authorities and a follower, {} s", self.idle_seconds);
        print_taken(&usage.taken()?);
        Ok(())
    }

    fn load(&self, title: &str, to_all: bool, flat_out: bool) -> Result<()> {
        let name = title.replace([' ', ','], "-");
        let (network, _directory) = self.network(&name, (3, 1))?;
        let mut accounts = Accounts::fund(network.last()?, self.accounts)?;
        let load = Load {
            rate: (!flat_out).then_some(self.rate as f64),
            window: self.window,
            transfers: self.rate * self.seconds,
            connections: self.connections,
            to_all,
        };
        let outcome = load.run(&network, &mut accounts)?;
        println!("{title}: three authorities and a follower, {} accounts", accounts.len());
        print_outcome(&outcome);
        print_taken(&outcome.taken);
        Ok(())
    }

    fn single(&self) -> Result<()> {
        let turns = Turns {
            turns: self.turns,
            transfers: self.turn_transfers,
            accounts: self.accounts,
            connections: self.connections,
        };
        let rates = turns.run(&self.mfenx, self.anvil.as_deref())?;
        println!(
            "one authority: {} turns of {} transfers with receipts each",
            self.turns, self.turn_transfers
        );
        let line = |name: &str, rates: &[f64]| {
            let (low, high) = (quantile(rates, 0.0), quantile(rates, 1.0));
            println!("  {name:<8} {:>7.0}/s ({low:.0} to {high:.0})", quantile(rates, 0.5));
        };
        line("mfenx", &rates.ours);
        if !rates.peer.is_empty() {
            line("anvil", &rates.peer);
            let ratio = quantile(&rates.ours, 0.5) / quantile(&rates.peer, 0.5);
            println!("  ratio    {ratio:>7.2}");
        }
        Ok(())
    }

    /// Real processes: idle, then a few transfers a second for as long.
    fn real_curve(&self) -> Result<()> {
        println!(
            "real authorities on this machine, {} s each: idle, then 20 transfers/s",
            self.idle_seconds
        );
        println!(
            "{:>11} {:>12} {:>10} {:>12} {:>14} {:>14}",
            "authorities", "idle CPU", "memory", "CPU, load", "interval p50", "finality p50"
        );
        for authorities in REAL {
            let (network, _directory) =
                self.network(&format!("curve-{authorities}"), (authorities, 0))?;
            let usage = Usage::start(&network.nodes)?;
            thread::sleep(Duration::from_secs(self.idle_seconds));
            let idle = usage.taken()?;
            let mut accounts = Accounts::fund(network.last()?, self.accounts)?;
            let load = Load {
                rate: Some(20.0),
                window: self.window,
                transfers: 20 * self.idle_seconds,
                connections: self.connections,
                to_all: true,
            };
            let outcome = load.run(&network, &mut accounts)?;
            println!(
                "{authorities:>11} {:>10.1} % {:>6.0} MiB {:>10.1} % {:>12.2} s {:>12.2} s",
                100.0 * mean(&idle, |taken| taken.cpu_share),
                mean(&idle, |taken| taken.resident_bytes as f64) / f64::from(1 << 20),
                100.0 * mean(&outcome.taken, |taken| taken.cpu_share),
                quantile(&outcome.intervals, 0.5),
                quantile(&outcome.finality, 0.5),
            );
        }
        Ok(())
    }
}

fn simulated_curve() -> Result<()> {
    println!(
        "simulated authorities, a height that goes well; all but `published` of one authority"
    );
    println!(
        "{:>11} {:>10} {:>10} {:>12} {:>10} {:>16} {:>14}",
        "authorities", "published", "received", "bytes", "CPU", "of it verifying", "certificate"
    );
    for authorities in SIMULATED {
        let heights = (SIMULATED_WORK / (authorities * authorities)).clamp(3, 500) as u64;
        let cost = simulated::run(authorities, heights)?;
        println!(
            "{:>11} {:>10.0} {:>10.1} {:>12.0} {:>7.2} ms {:>13.2} ms {:>8} bytes",
            cost.authorities,
            cost.published,
            cost.received,
            cost.received_bytes,
            1e3 * cost.cpu.as_secs_f64(),
            1e3 * cost.certificate_cpu.as_secs_f64(),
            cost.certificate_bytes,
        );
    }
    Ok(())
}

fn print_outcome(outcome: &Outcome) {
    println!(
        "  {:.0} transfers/s ({} in {:.1} s, {} blocks)",
        outcome.rate(),
        outcome.transfers,
        outcome.seconds,
        outcome.blocks
    );
    let line = |name: &str, times: &[f64]| {
        println!(
            "  {name:<26} p50 {:>6.2} s, p99 {:>6.2} s, most {:>6.2} s",
            quantile(times, 0.5),
            quantile(times, 0.99),
            quantile(times, 1.0)
        );
    };
    line("final at every node", &outcome.finality);
    line("final at the last node", &outcome.finality_there);
    line("block interval", &outcome.intervals);
    println!("  the load generator took {:.0} % of a core", 100.0 * outcome.own_share);
}

fn print_taken(all: &[Taken]) {
    for taken in all {
        println!(
            "  {:<14} {:>6.1} % of a core, {:>4} MiB",
            taken.name,
            100.0 * taken.cpu_share,
            taken.resident_bytes >> 20
        );
    }
}

fn mean(all: &[Taken], value: impl Fn(&Taken) -> f64) -> f64 {
    all.iter().map(value).sum::<f64>() / all.len().max(1) as f64
}

/// The value below which that part of sorted values lies; 0 of none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
}
