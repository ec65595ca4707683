//! `bench exec`: import against bare revm.

use crate::{
    bare,
    workload::{self, Kind, Stage, Workload},
};
use alloy_rlp::Decodable;
use clap::Args;
use eyre::{Error, Result, eyre};
use mfenx_engine::Chain;
use mfenx_primitives::Block;
use mfenx_storage::{Store, StoreOptions};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Sizes of the benchmark.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Blocks of each kind, of up to 30 Mgas each.
    #[arg(long, default_value_t = 20)]
    blocks: u64,
    /// Accounts that send.
    #[arg(long, default_value_t = 500)]
    senders: u64,
    /// Runs of each side, alternating; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    println!(
        "import: decode, recover, validate, execute, state root, receipts root, durable MDBX commit \
         a block; bare: decode, recover, revm over a map in memory"
    );
    println!(
        "{:<10} {:>7} {:>8} {:>13} {:>13} {:>11} {:>9}",
        "workload", "txs", "Mgas", "import Mgas/s", "bare Mgas/s", "import tx/s", "ratio"
    );
    for kind in Kind::ALL {
        let workload = workload::build(
            &[Stage { kind, blocks: options.blocks, per_block: kind.per_block() }],
            options.senders,
        )?;
        let (mut import, mut bare_times) = (Vec::new(), Vec::new());
        for _ in 0..options.runs.max(1) {
            import.push(import_all(&workload)?);
            let (gas, time) = bare::run(&workload.spec, &workload.blocks)?;
            if gas != workload.gas {
                return Err(eyre!("bare revm used {gas} gas, the blocks say {}", workload.gas));
            }
            bare_times.push(time);
        }
        let (import, bare) = (median(&mut import), median(&mut bare_times));
        let mgas = workload.gas as f64 / 1e6;
        println!(
            "{:<10} {:>7} {:>8.1} {:>13.1} {:>13.1} {:>11.0} {:>9.3}",
            kind.name(),
            workload.transactions,
            mgas,
            mgas / import.as_secs_f64(),
            mgas / bare.as_secs_f64(),
            workload.transactions as f64 / import.as_secs_f64(),
            bare.as_secs_f64() / import.as_secs_f64(),
        );
    }
    Ok(())
}

/// Imports into a fresh store with durable commits; opening it is not measured.
fn import_all(workload: &Workload) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(directory.path(), StoreOptions::default())?;
    let chain = Chain::open(Arc::clone(&workload.spec), store)?;
    let start = Instant::now();
    let blocks = workload.blocks.iter().map(|rlp| Ok(((), Block::decode(&mut rlp.as_ref())?)));
    chain.import_all(blocks, |(), outcome| outcome.map(|_| ()).map_err(Error::from))?;
    Ok(start.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
