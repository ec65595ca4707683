//! More authorities: simulated ones up to a hundred, and as many real processes as a small machine
//! carries.

use super::{
    Options,
    load::Load,
    report::{mean, quantile},
    simulated,
    transfers::Accounts,
    usage::Usage,
};
use eyre::Result;
use std::{thread, time::Duration};

/// Authorities of the curve: simulated ones, and real processes.
const SIMULATED: [usize; 6] = [4, 7, 16, 31, 64, 100];
const REAL: [usize; 3] = [4, 7, 16];
/// Signatures of a simulated size that are made and verified, about, so that each takes seconds.
const SIMULATED_WORK: usize = 40_000;

/// Transfers a second of the light load.
const RATE: u64 = 20;

/// Real processes: idle, then a few transfers a second for as long.
pub(super) fn real(options: &Options) -> Result<()> {
    println!(
        "real authorities on this machine, {} s each: idle, then {RATE} transfers/s",
        options.idle_seconds
    );
    println!(
        "{:>11} {:>12} {:>10} {:>12} {:>14} {:>14}",
        "authorities", "idle CPU", "memory", "CPU, load", "interval p50", "finality p50"
    );
    for authorities in REAL {
        let network = options.network(&format!("curve-{authorities}"), (authorities, 0))?;
        let usage = Usage::start(&network.nodes)?;
        thread::sleep(Duration::from_secs(options.idle_seconds));
        let idle = usage.taken()?;
        let mut accounts = Accounts::fund(network.last()?, options.accounts)?;
        let load = Load {
            rate: Some(RATE as f64),
            window: options.window,
            transfers: RATE * options.idle_seconds,
            connections: options.connections,
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

/// What consensus takes, without a network.
pub(super) fn simulated() -> Result<()> {
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
