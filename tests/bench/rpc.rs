//! `bench rpc`: JSON-RPC over HTTP, ours against anvil, on the same blocks.
//!
//! Both run as processes of their own, one after the other gets the same load from the same
//! generator, in turns; medians count. Requests of a case name different things in turn, so that
//! no answer can be the one before.

mod cases;
mod load;
mod nodes;

use crate::workload::{self, Kind, Stage};
use cases::{Case, Contents};
use clap::Args;
use eyre::Result;
use load::Load;
use nodes::Node;
use std::{path::PathBuf, time::Duration};

/// What is measured, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Our program.
    #[arg(long, env = "MFENX_BIN", default_value = "target/release/mfenx")]
    mfenx: PathBuf,
    /// The peer; without it, only ours is measured.
    #[arg(long, env = "ANVIL_BIN", value_name = "FILE")]
    anvil: Option<PathBuf>,
    /// Only cases whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Connections at the same time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Turns of each side; the median counts.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Length of a turn.
    #[arg(long, default_value_t = 2_000)]
    turn_ms: u64,
}

const SENDERS: u64 = 500;
/// Blocks for `eth_getLogs`, with twenty ERC-20 transfers each.
const LOG_BLOCKS: u64 = 1_000;
const LOG_TRANSFERS: u64 = 20;
/// Full blocks of plain transfers, for `eth_getBlockByNumber`.
const TRANSFER_BLOCKS: u64 = 16;
/// The last of the blocks of ERC-20 transfers, for traces: anvil takes 16 seconds for a full one.
const TRACED_BLOCKS: u64 = 16;

pub(crate) fn run(options: &Options) -> Result<()> {
    let stages = [
        Stage { kind: Kind::Erc20, blocks: LOG_BLOCKS, per_block: LOG_TRANSFERS },
        Stage {
            kind: Kind::Transfers,
            blocks: TRANSFER_BLOCKS,
            per_block: Kind::Transfers.per_block(),
        },
    ];
    let workload = workload::build(&stages, SENDERS)?;
    println!(
        "contents: {} blocks, {} transactions; {} connections, {} turns of {} ms each side",
        workload.blocks.len(),
        workload.transactions,
        options.connections,
        options.turns,
        options.turn_ms,
    );
    let ours = Node::mfenx(&options.mfenx, &workload)?;
    let peer = match &options.anvil {
        Some(anvil) => Some(Node::anvil(anvil, &workload)?),
        None => None,
    };
    let contents = Contents::read(&workload)?;
    println!("{:<26} {:>13} {:>13} {:>7}  {:<24}", "case", "mfenx", "anvil", "ratio", "unit");
    for case in cases::all(&contents) {
        if options.only.as_ref().is_none_or(|only| case.name.contains(only.as_str())) {
            measure(options, &case, &ours, peer.as_ref())?;
        }
    }
    Ok(())
}

fn measure(options: &Options, case: &Case, ours: &Node, peer: Option<&Node>) -> Result<()> {
    let load = Load {
        requests: &case.requests,
        connections: options.connections,
        time: Duration::from_millis(options.turn_ms),
    };
    let warm_up = Load { time: Duration::from_millis(options.turn_ms / 4), ..load };
    for node in [Some(ours), peer].into_iter().flatten() {
        warm_up.run(node.address)?;
    }
    let (mut our_rates, mut peer_rates) = (Vec::new(), Vec::new());
    for _ in 0..options.turns.max(1) {
        our_rates.push(load.run(ours.address)?);
        if let Some(peer) = peer {
            peer_rates.push(load.run(peer.address)?);
        }
    }
    let ours = median(&mut our_rates) * case.units as f64;
    let peer = median(&mut peer_rates) * case.units as f64;
    let ratio = if peer > 0.0 { format!("{:.2}", ours / peer) } else { "-".into() };
    println!("{:<26} {ours:>13.0} {peer:>13.0} {ratio:>7}  {:<24}", case.name, case.unit);
    Ok(())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
