//! How much is ready and not yet written to whoever asked for it: of all connections, and of one.
//!
//! Answers can be long and clients slow. What waits for a client is therefore counted from the
//! moment it is made until the transport lets go of it, and refused or held back above a bound.

use crate::metrics;
use ::metrics::Gauge;
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};
use tokio::sync::watch;

/// Answers up to this length (in bytes) are never refused: a node whose long answers are stuck still
/// serves the short ones. Connections and their requests are bounded, and so are these.
const SHORT_BYTES: usize = 4 * 1_024;

/// What is unsent on all connections together, or on all those of one client.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// Signed, for a message may be written before it is counted.
    bytes: AtomicI64,
    bytes_max: i64,
    /// What this is a share of.
    whole: Option<Arc<Self>>,
    gauge: Gauge,
}

impl Unsent {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: AtomicI64::new(0),
            bytes_max: signed(bytes_max),
            whole: None,
            gauge: metrics::unsent(),
        }
    }

    /// A share of `whole`, with a bound of its own.
    pub(crate) fn share(whole: &Arc<Self>, bytes_max: usize) -> Self {
        Self { whole: Some(Arc::clone(whole)), ..Self::new(bytes_max) }
    }

    /// Counts an answer, unless there is no room for it.
    fn try_add(&self, bytes: usize) -> bool {
        let is_short = bytes <= SHORT_BYTES;
        let added = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let held = held.saturating_add(signed(bytes));
            (is_short || held <= self.bytes_max).then_some(held)
        });
        if added.is_err() {
            return false;
        }
        match &self.whole {
            Some(whole) if !whole.try_add(bytes) => {
                self.bytes.fetch_sub(signed(bytes), Ordering::Relaxed);
                return false;
            }
            Some(_) => {}
            None => self.gauge.increment(signed(bytes) as f64),
        }
        true
    }

    fn add(&self, bytes: i64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        match &self.whole {
            Some(whole) => whole.add(bytes),
            None => self.gauge.increment(bytes as f64),
        }
    }
}

/// What is unsent on one connection, and the requests it waits for.
#[derive(Debug)]
pub struct Backlog {
    all: Arc<Unsent>,
    bytes: watch::Sender<i64>,
}

impl Backlog {
    pub(crate) fn new(all: Arc<Unsent>) -> Self {
        Self { all, bytes: watch::Sender::new(0) }
    }

    /// Waits until no more than `bytes_max` bytes are unsent or received and in work.
    pub async fn at_most(&self, bytes_max: usize) {
        let mut bytes = self.bytes.subscribe();
        // It fails only when the sender is gone, which is borrowed here.
        let _ = bytes.wait_for(|bytes| *bytes <= signed(bytes_max)).await;
    }

    /// Counts a message that was handed to the transport.
    pub(crate) fn queued(&self, bytes: usize) {
        self.all.add(signed(bytes));
        self.change(signed(bytes));
    }

    /// Counts a message that will be handed to the transport; false when there is no room for it.
    pub(crate) fn try_queue(&self, bytes: usize) -> bool {
        let is_room = self.all.try_add(bytes);
        if is_room {
            self.change(signed(bytes));
        }
        is_room
    }

    /// A message (no answer, which counts itself) of this length was written.
    pub fn written(&self, bytes: usize) {
        self.all.add(-signed(bytes));
        self.change(-signed(bytes));
    }

    /// Counts a request that was read, in this connection, until it is dropped.
    pub fn received(self: &Arc<Self>, bytes: usize) -> Received {
        self.change(signed(bytes));
        Received { backlog: Arc::clone(self), bytes }
    }

    fn change(&self, bytes: i64) {
        self.bytes.send_modify(|held| *held = held.saturating_add(bytes));
    }
}

/// A request in memory.
#[derive(Debug)]
pub struct Received {
    backlog: Arc<Backlog>,
    bytes: usize,
}

impl Drop for Received {
    fn drop(&mut self) {
        self.backlog.change(-signed(self.bytes));
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        // Messages that nobody will write any more; requests and answers are gone, for each of them
        // holds on to this.
        self.all.add(-*self.bytes.borrow());
    }
}

/// The parts of one answer, counted until it is written or given up.
#[derive(Debug)]
pub(crate) struct Held {
    all: Arc<Unsent>,
    backlog: Option<Arc<Backlog>>,
    bytes: AtomicUsize,
}

impl Held {
    pub(crate) fn new(all: Arc<Unsent>, backlog: Option<Arc<Backlog>>) -> Self {
        Self { all, backlog, bytes: AtomicUsize::new(0) }
    }

    /// Counts a part for which there must be room: a short one.
    pub(crate) fn add(&self, bytes: usize) {
        self.all.add(signed(bytes));
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(backlog) = &self.backlog {
            backlog.change(signed(bytes));
        }
    }

    /// Counts a part; false when there is no room for it.
    pub(crate) fn try_add(&self, bytes: usize) -> bool {
        if !self.all.try_add(bytes) {
            return false;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(backlog) = &self.backlog {
            backlog.change(signed(bytes));
        }
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let bytes = signed(*self.bytes.get_mut());
        self.all.add(-bytes);
        if let Some(backlog) = &self.backlog {
            backlog.change(-bytes);
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn long_answers_are_refused_without_room_and_short_ones_are_not() {
        let all = Arc::new(Unsent::new(10_000));
        let first = Held::new(Arc::clone(&all), None);
        assert!(first.try_add(6_000) && !first.try_add(6_000));
        let second = Held::new(Arc::clone(&all), None);
        assert!(!second.try_add(6_000) && second.try_add(SHORT_BYTES) && second.try_add(100));
        assert_eq!(all.bytes.load(Ordering::Relaxed), 6_000 + SHORT_BYTES as i64 + 100);
        drop(first);
        assert!(second.try_add(5_000));
        drop(second);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn no_client_takes_more_than_its_share() {
        let all = Arc::new(Unsent::new(25_000));
        let client = || Arc::new(Unsent::share(&all, 10_000));
        let (greedy, other, third) = (client(), client(), client());
        let held = [&greedy, &other, &third].map(|client| Held::new(Arc::clone(client), None));
        let [greedy_held, other_held, third_held] = &held;
        assert!(greedy_held.try_add(10_000) && !greedy_held.try_add(5_000));
        assert!(other_held.try_add(10_000) && !third_held.try_add(10_000));
        // What the whole refused is not counted in the share.
        assert_eq!(third.bytes.load(Ordering::Relaxed), 0);
        assert!(third_held.try_add(5_000));
        drop(held);
        for unsent in [all, greedy, other, third] {
            assert_eq!(unsent.bytes.load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn a_backlog_holds_up_until_it_is_written() {
        let all = Arc::new(Unsent::new(1_000_000));
        let backlog = Arc::new(Backlog::new(Arc::clone(&all)));
        let answer = Held::new(Arc::clone(&all), Some(Arc::clone(&backlog)));
        assert!(answer.try_add(10_000));
        // Written before it is counted.
        backlog.written(500);
        backlog.queued(500);
        backlog.queued(70);
        let brief = Duration::from_millis(10);
        assert!(tokio::time::timeout(brief, backlog.at_most(9_999)).await.is_err());
        drop(answer);
        backlog.at_most(70).await;
        assert!(tokio::time::timeout(brief, backlog.at_most(69)).await.is_err());
        drop(backlog);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }
}
