//! Sends transfers over HTTP, one request each, at a pace or as fast as they are taken.
//!
//! An account always uses the same connection, so that its transactions arrive in the order of their
//! nonces.

use super::{nodes::Node, transfers::Transfer};
use crate::http::Connection;
use eyre::{Context, Result, eyre};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Threads that send. Two, so that one of them is always ready while the other waits.
const THREADS: usize = 2;
/// How long a thread that has nothing to send sleeps.
const NAP: Duration = Duration::from_millis(1);

/// How transfers are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace<'a> {
    /// Transfers a second; as fast as they are taken without.
    pub(crate) rate: Option<f64>,
    /// Connections, spread over the nodes.
    pub(crate) connections: usize,
    /// How many accounts send in turn.
    pub(crate) accounts: usize,
    /// Transfers that may be on their way at once, and how many have arrived.
    pub(crate) window: Option<(u64, &'a AtomicU64)>,
}

impl Pace<'_> {
    /// Sends all transfers; when each was sent.
    ///
    /// # Errors
    /// A node refused one, or does not answer.
    pub(crate) fn send(&self, nodes: &[Node], transfers: &[Transfer]) -> Result<Vec<Instant>> {
        let threads = THREADS.min(self.connections).max(1);
        let start = Instant::now();
        let sent = AtomicU64::new(0);
        let parts: Vec<Vec<(usize, Instant)>> = thread::scope(|scope| {
            let senders: Vec<_> = (0..threads)
                .map(|thread| {
                    let sent = &sent;
                    scope.spawn(move || self.part(nodes, transfers, (thread, threads), start, sent))
                })
                .collect();
            let joined = senders.into_iter().map(|sender| {
                sender.join().map_err(|_| eyre!("a thread of the load generator ended"))?
            });
            joined.collect::<Result<_>>()
        })?;
        let mut times = vec![start; transfers.len()];
        for (index, time) in parts.into_iter().flatten() {
            if let Some(slot) = times.get_mut(index) {
                *slot = time;
            }
        }
        Ok(times)
    }

    /// What one thread sends: the transfers of its connections, in order.
    fn part(
        &self,
        nodes: &[Node],
        transfers: &[Transfer],
        (thread, threads): (usize, usize),
        start: Instant,
        sent: &AtomicU64,
    ) -> Result<Vec<(usize, Instant)>> {
        let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.http).collect();
        let mut connections = (0..self.connections)
            .map(|index| addresses.get(index % addresses.len().max(1)).map(|at| (index, *at)))
            .map(|place| {
                let (index, address) = place.ok_or_else(|| eyre!("no nodes"))?;
                let is_ours = index % threads == thread;
                is_ours.then(|| Connection::open(address)).transpose()
            })
            .collect::<Result<Vec<_>>>()?;
        let connection_of = |index: usize| index % self.accounts.max(1) % self.connections;
        let mine = |index: &usize| connection_of(*index) % threads == thread;
        let mut waiting = (0..transfers.len()).filter(mine).peekable();
        let mut times = Vec::with_capacity(transfers.len() / threads + 1);
        let mut under_way = Vec::with_capacity(self.connections);
        while waiting.peek().is_some() {
            under_way.clear();
            while let Some(index) = waiting.next_if(|index| {
                !under_way.contains(&connection_of(*index)) && self.is_due(*index, start, sent)
            }) {
                let at = connection_of(index);
                let connection = connections.get_mut(at).and_then(Option::as_mut);
                let connection = connection.ok_or_else(|| eyre!("no connection {at}"))?;
                let transfer = transfers.get(index).ok_or_else(|| eyre!("no transfer {index}"))?;
                times.push((index, Instant::now()));
                connection.send(&transfer.request)?;
                sent.fetch_add(1, Ordering::Relaxed);
                under_way.push(at);
            }
            if under_way.is_empty() {
                thread::sleep(NAP);
            }
            // From the last one, so that the thread sleeps once a round and not once an answer.
            for at in under_way.iter().rev() {
                if let Some(connection) = connections.get_mut(*at).and_then(Option::as_mut) {
                    connection.read_result().wrap_err("a transfer was refused")?;
                }
            }
        }
        Ok(times)
    }

    fn is_due(&self, index: usize, start: Instant, sent: &AtomicU64) -> bool {
        let in_time =
            self.rate.is_none_or(|rate| start.elapsed().as_secs_f64() * rate >= index as f64);
        let has_room = self.window.is_none_or(|(most, arrived)| {
            sent.load(Ordering::Relaxed) < arrived.load(Ordering::Relaxed) + most
        });
        in_time && has_room
    }
}
