//! A load of HTTP requests over connections that stay open.

use crate::http::{Connection, post};
use eyre::{Result, eyre};
use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

/// Threads that send and read. Two, so that a core is never idle for want of requests.
const THREADS: usize = 2;

/// Bodies of requests to send again and again, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'r> {
    pub(crate) requests: &'r [String],
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

impl Load<'_> {
    /// Requests answered in a second. Each thread sends on every connection of its own, then reads
    /// from each, so that a request always waits on all of them.
    ///
    /// # Errors
    /// The node closed a connection or answered with an error.
    pub(crate) fn run(&self, node: SocketAddr) -> Result<f64> {
        let bytes: Vec<Vec<u8>> = self.requests.iter().map(|body| post(body)).collect();
        let threads = THREADS.min(self.connections).max(1);
        let start = Instant::now();
        let answered = thread::scope(|scope| {
            let senders: Vec<_> = (0..threads)
                .map(|index| {
                    let requests = bytes.iter().cycle().skip(index * bytes.len() / threads);
                    let connections = self.connections.div_ceil(threads);
                    scope.spawn(move || send(node, connections, requests, start, self.time))
                })
                .collect();
            let counts = senders.into_iter().map(|sender| {
                sender.join().map_err(|_| eyre!("a thread of the load generator ended"))?
            });
            counts.sum::<Result<u64>>()
        })?;
        Ok(answered as f64 / start.elapsed().as_secs_f64())
    }
}

fn send<'r>(
    node: SocketAddr,
    connections: usize,
    mut requests: impl Iterator<Item = &'r Vec<u8>>,
    start: Instant,
    time: Duration,
) -> Result<u64> {
    let mut connections: Vec<Connection> =
        (0..connections).map(|_| Connection::open(node)).collect::<Result<_>>()?;
    let mut answered = 0;
    while start.elapsed() < time {
        for connection in &mut connections {
            let request = requests.next().ok_or_else(|| eyre!("no requests"))?;
            connection.send(request)?;
        }
        // From the last one, so that the thread sleeps once a round and not once an answer.
        for connection in connections.iter_mut().rev() {
            connection.read_result()?;
            answered += 1;
        }
    }
    Ok(answered)
}
