//! A network under load: what it carries, and when a sender knows that his transfer is final.

use super::{
    nodes::{Network, Node},
    send::Pace,
    transfers::{Accounts, Transfer},
    usage::{Taken, Usage, own_cpu_seconds},
    watch::{Seen, Watch},
};
use alloy_primitives::B256;
use eyre::{Result, bail, eyre};
use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

/// How long the last transfers may take after they were sent.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(60);

/// What is sent, and where to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Transfers a second; without, as fast as `window` lets them.
    pub(crate) rate: Option<f64>,
    /// Transfers that are on their way at most.
    pub(crate) window: u64,
    pub(crate) transfers: u64,
    pub(crate) connections: usize,
    /// To all nodes in turn, instead of the last one only.
    pub(crate) to_all: bool,
}

/// What came of it. Times are in seconds, sorted.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) transfers: u64,
    /// From the first transfer sent until the last one was final at every node.
    pub(crate) seconds: f64,
    pub(crate) blocks: usize,
    /// From sending a transfer until the last node showed its block.
    pub(crate) finality: Vec<f64>,
    /// The same until the node showed it that it was sent to first of all (the last one).
    pub(crate) finality_there: Vec<f64>,
    /// Between the blocks that the last node showed under load.
    pub(crate) intervals: Vec<f64>,
    pub(crate) taken: Vec<Taken>,
    /// CPU of the load generator, of one core.
    pub(crate) own_share: f64,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        self.transfers as f64 / self.seconds
    }
}

impl Load {
    /// Signs the transfers, sends them, and watches every node meanwhile.
    ///
    /// # Errors
    /// A node refuses a transfer, ends, or loses one.
    pub(crate) fn run(&self, network: &Network, accounts: &mut Accounts) -> Result<Outcome> {
        let transfers = accounts.sign(self.transfers)?;
        let nodes = &network.nodes;
        let target =
            if self.to_all { nodes.as_slice() } else { std::slice::from_ref(network.last()?) };
        let watch = Watch::new(nodes.len());
        let usage = Usage::start(nodes)?;
        let (own_before, start) = (own_cpu_seconds()?, Instant::now());
        let (sent, seen) = thread::scope(|scope| -> Result<_> {
            let watch = &watch;
            let watchers: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(index, node)| scope.spawn(move || watch.follow(index, node)))
                .collect();
            let arrived = watch.seen_by(nodes.len().saturating_sub(1));
            let pace = Pace {
                rate: self.rate,
                connections: self.connections,
                accounts: accounts.len(),
                window: arrived.map(|arrived| (self.window, arrived)),
            };
            let sent = pace.send(target, &transfers);
            let finished = match &sent {
                Ok(_) => watch.finish(transfers.len() as u64, DRAIN_TIME_MAX),
                Err(_) => {
                    watch.stop();
                    Ok(())
                }
            };
            let seen = watchers
                .into_iter()
                .map(|watcher| watcher.join().map_err(|_| eyre!("a watcher ended"))?);
            let seen = seen.collect::<Result<Vec<_>>>();
            Ok((sent?, finished.and(seen)?))
        })?;
        let own_share = (own_cpu_seconds()? - own_before) / start.elapsed().as_secs_f64();
        let taken = usage.taken()?;
        evaluate(nodes, &transfers, &sent, &seen, taken, own_share)
    }
}

fn evaluate(
    nodes: &[Node],
    transfers: &[Transfer],
    sent: &[Instant],
    seen: &[Vec<Seen>],
    taken: Vec<Taken>,
    own_share: f64,
) -> Result<Outcome> {
    let sent: HashMap<B256, Instant> =
        transfers.iter().zip(sent).map(|(transfer, at)| (transfer.hash, *at)).collect();
    let mut last_seen: HashMap<B256, Instant> = HashMap::with_capacity(sent.len());
    let mut finality_there = Vec::with_capacity(sent.len());
    for (index, blocks) in seen.iter().enumerate() {
        let mut count = 0;
        for block in blocks {
            for hash in &block.transactions {
                let Some(sent_at) = sent.get(hash) else { continue };
                count += 1;
                let at = last_seen.entry(*hash).or_insert(block.at);
                *at = block.at.max(*at);
                if index + 1 == seen.len() {
                    finality_there.push((block.at - *sent_at).as_secs_f64());
                }
            }
        }
        if count != sent.len() {
            let name = nodes.get(index).map_or("a node", |node| &node.name);
            bail!("{name} showed {count} of {} transfers", sent.len());
        }
    }
    let mut finality: Vec<f64> = last_seen
        .iter()
        .filter_map(|(hash, at)| Some((*at - *sent.get(hash)?).as_secs_f64()))
        .collect();
    finality.sort_unstable_by(f64::total_cmp);
    finality_there.sort_unstable_by(f64::total_cmp);
    let full: Vec<Instant> = seen.last().map_or_else(Vec::new, |blocks| {
        blocks.iter().filter(|block| !block.transactions.is_empty()).map(|block| block.at).collect()
    });
    let mut intervals: Vec<f64> = full
        .iter()
        .zip(full.iter().skip(1))
        .map(|(before, after)| (*after - *before).as_secs_f64())
        .collect();
    intervals.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sent.values().min(), last_seen.values().max()) else {
        bail!("nothing was sent");
    };
    Ok(Outcome {
        transfers: sent.len() as u64,
        seconds: (*last - *first).as_secs_f64(),
        blocks: full.len(),
        finality,
        finality_there,
        intervals,
        taken,
        own_share,
    })
}
