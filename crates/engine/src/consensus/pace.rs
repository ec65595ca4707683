//! Time: the machine's timers, and when a block is built.
//!
//! A block is due `blockTimeMs` after its parent; while the pool is empty, `idleBlockTimeMs` after
//! it. The proposer of round 0 waits for that, and so does everybody's patience with it: the timer of
//! the proposal starts when a block is due, not when the height does. Later rounds wait for nothing.
//! The parent's time is its timestamp where that makes sense to this machine's clock; a wrong clock,
//! ours or the parent's, costs at most one such time.

use mfenx_chainspec::ChainParams;
use mfenx_consensus::{Round, Timeout, TimeoutKind};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// The running timers of a height: one of each kind and round.
#[derive(Debug)]
pub(super) struct Pace {
    block_time: Duration,
    idle_time: Duration,
    timers: HashMap<Timeout, Instant>,
    /// When a block is due with and without transactions.
    due: Instant,
    idle_due: Instant,
    /// Since when there are transactions.
    busy_since: Option<Instant>,
    /// How long the proposal of round 0 may take, while its timer runs.
    propose: Option<Duration>,
}

const PROPOSE_0: Timeout = Timeout::new(Round::ZERO, TimeoutKind::Propose);

impl Pace {
    pub(super) fn new(params: &ChainParams) -> Self {
        let now = Instant::now();
        Self {
            block_time: Duration::from_millis(params.block_time_ms),
            idle_time: Duration::from_millis(params.idle_block_time_ms),
            timers: HashMap::new(),
            due: now,
            idle_due: now,
            busy_since: None,
            propose: None,
        }
    }

    /// A height starts on a parent of that timestamp (seconds); `unix` is the present time.
    pub(super) fn start_height(&mut self, now: Instant, unix: Duration, parent_timestamp: u64) {
        self.clear();
        let parent = Duration::from_secs(parent_timestamp);
        let wait = |time: Duration| parent.saturating_add(time).saturating_sub(unix).min(time);
        self.due = now + wait(self.block_time);
        self.idle_due = now + wait(self.idle_time);
        self.busy_since = None;
    }

    /// Stops all timers.
    pub(super) fn clear(&mut self) {
        self.timers.clear();
        self.propose = None;
    }

    /// Starts a timer, or starts it anew.
    pub(super) fn schedule(&mut self, now: Instant, timeout: Timeout, after: Duration) {
        if timeout == PROPOSE_0 {
            self.propose = Some(after);
        } else {
            self.timers.insert(timeout, now + after);
        }
    }

    /// Stops a timer.
    pub(super) fn cancel(&mut self, timeout: Timeout) {
        if timeout == PROPOSE_0 {
            self.propose = None;
        }
        self.timers.remove(&timeout);
    }

    /// Says whether there are transactions.
    pub(super) fn set_busy(&mut self, now: Instant, busy: bool) {
        self.busy_since = match (busy, self.busy_since) {
            (false, _) => None,
            (true, since) => since.or(Some(now)),
        };
    }

    /// Whether there are transactions.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy_since.is_some()
    }

    /// When the block of a round is to be built.
    pub(super) fn build_at(&self, now: Instant, round: u32) -> Instant {
        match (round, self.busy_since) {
            (0, Some(_)) => self.due,
            (0, None) => self.idle_due,
            _ => now,
        }
    }

    /// The next moment at which a timer runs out.
    pub(super) fn next(&self) -> Option<Instant> {
        self.timers.values().copied().chain(self.propose_deadline()).min()
    }

    /// Takes a timer that has run out.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Timeout> {
        if self.propose_deadline().is_some_and(|at| at <= now) {
            self.propose = None;
            return Some(PROPOSE_0);
        }
        let (timeout, _) = self.timers.iter().filter(|(_, at)| **at <= now).min_by_key(|t| t.1)?;
        let timeout = *timeout;
        self.timers.remove(&timeout);
        Some(timeout)
    }

    fn propose_deadline(&self) -> Option<Instant> {
        let start = match self.busy_since {
            // Nobody can build for a transaction before it has come.
            Some(since) => since.max(self.due).min(self.idle_due),
            None => self.idle_due,
        };
        self.propose.map(|propose| start + propose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn pace(now: Instant, unix: Duration, parent: u64) -> Pace {
        let params =
            ChainParams { block_time_ms: 1_000, idle_block_time_ms: 5_000, ..<_>::default() };
        let mut pace = Pace::new(&params);
        pace.start_height(now, unix, parent);
        pace
    }

    #[test]
    fn a_block_is_due_a_block_time_after_its_parent() {
        let now = Instant::now();
        let mut pace = pace(now, MS(100_200), 100);
        assert_eq!(pace.build_at(now, 0), now + MS(4_800));
        assert_eq!(pace.build_at(now, 1), now);
        pace.set_busy(now, true);
        assert_eq!(pace.build_at(now, 0), now + MS(800));
    }

    #[test]
    fn patience_with_a_proposer_begins_when_its_block_is_due() {
        let now = Instant::now();
        let mut pace = pace(now, MS(100_200), 100);
        pace.schedule(now, PROPOSE_0, MS(2_000));
        assert_eq!(pace.next(), Some(now + MS(6_800)));
        pace.set_busy(now + MS(300), true);
        assert_eq!(pace.next(), Some(now + MS(2_800)));
        assert_eq!(pace.expired(now + MS(2_799)), None);
        assert_eq!(pace.expired(now + MS(2_800)), Some(PROPOSE_0));
        assert_eq!(pace.next(), None);
    }

    #[test]
    fn a_wrong_clock_costs_one_block_time() {
        let now = Instant::now();
        assert_eq!(pace(now, MS(0), 3_600).build_at(now, 0), now + MS(5_000));
        assert_eq!(pace(now, MS(3_600_000), 100).build_at(now, 0), now);
    }
}
