//! `bench net`: networks of real nodes under load and idle, one authority against anvil, and what
//! consensus takes among up to a hundred authorities.
//!
//! Nodes and load generator share the machine; what the generator takes is printed beside it.

mod curve;
mod load;
mod nodes;
mod report;
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
use load::Load;
use nodes::Network;
use report::{print_outcome, print_rates, print_taken};
use single::{Rate, Turns};
use std::{path::PathBuf, thread, time::Duration};
use transfers::Accounts;
use usage::Usage;

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
    /// Transactions of a block of anvil.
    #[arg(long, default_value_t = 200)]
    peer_block: usize,
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
            Part::Simulated => curve::simulated()?,
            Part::Curve => curve::real(options)?,
        }
    }
    Ok(())
}

impl Options {
    /// A network, in a directory of that name where directories are kept.
    fn network(&self, name: &str, size: (usize, usize)) -> Result<Network> {
        let directory = self.keep.as_ref().map(|keep| keep.join(name));
        Network::start(&self.mfenx, directory.as_deref(), size, self.base_port)
    }

    fn idle(&self) -> Result<()> {
        let network = self.network("idle", (3, 1))?;
        let usage = Usage::start(&network.nodes)?;
        thread::sleep(Duration::from_secs(self.idle_seconds));
        println!("idle: three authorities and a follower, {} s", self.idle_seconds);
        print_taken(&usage.taken()?);
        Ok(())
    }

    fn load(&self, title: &str, to_all: bool, flat_out: bool) -> Result<()> {
        let name = title.replace([' ', ','], "-");
        let network = self.network(&name, (3, 1))?;
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
            peer_block: self.peer_block,
        };
        let rates = turns.run(&self.mfenx, self.anvil.as_deref())?;
        println!(
            "one authority: {} turns of {} transfers with receipts each, {} accounts",
            self.turns, self.turn_transfers, self.accounts
        );
        let mined = |rate: &Rate| rate.mined;
        let with_receipts = |rate: &Rate| rate.with_receipts;
        print_rates("in blocks", &rates, mined);
        print_rates("with receipts", &rates, with_receipts);
        Ok(())
    }
}
