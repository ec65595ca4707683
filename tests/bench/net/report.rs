//! How outcomes are printed.

use super::{
    load::Outcome,
    single::{Rate, Rates},
    usage::Taken,
};

/// What a load came to.
pub(crate) fn print_outcome(outcome: &Outcome) {
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

/// A line for each node.
pub(crate) fn print_taken(all: &[Taken]) {
    for taken in all {
        println!(
            "  {:<14} {:>6.1} % of a core, {:>4} MiB",
            taken.name,
            100.0 * taken.cpu_share,
            taken.resident_bytes >> 20
        );
    }
}

/// Medians of both sides, and their ratio.
pub(crate) fn print_rates(name: &str, rates: &Rates, of: impl Fn(&Rate) -> f64) {
    let sorted = |rates: &[Rate]| {
        let mut rates: Vec<f64> = rates.iter().map(&of).collect();
        rates.sort_unstable_by(f64::total_cmp);
        rates
    };
    let side = |rates: &[f64]| {
        let [low, median, high] = [0.0, 0.5, 1.0].map(|part| quantile(rates, part));
        format!("{median:>6.0}/s ({low:.0} to {high:.0})")
    };
    let (ours, peer) = (sorted(&rates.ours), sorted(&rates.peer));
    print!("  {name:<14} mfenx {}", side(&ours));
    if peer.is_empty() {
        println!();
    } else {
        let ratio = quantile(&ours, 0.5) / quantile(&peer, 0.5);
        println!(", anvil {}, ratio {ratio:.2}", side(&peer));
    }
}

/// Of all nodes.
pub(crate) fn mean(all: &[Taken], value: impl Fn(&Taken) -> f64) -> f64 {
    all.iter().map(value).sum::<f64>() / all.len().max(1) as f64
}

/// The value below which that part of sorted values lies; 0 of none.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
}
