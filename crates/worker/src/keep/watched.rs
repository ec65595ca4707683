//! Who is watched, and which rounds are gone through.
//!
//! # Invariants
//! - [`WORKERS_MAX`] workers, [`ROUNDS_MAX`] rounds; whoever was heard of least lately leaves first, and
//!   of the rounds the oldest.
//! - A round is gone through by the names of the workers, so it needs no list of its own.

use alloy_primitives::{Address, U256};
use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

/// Workers that are watched.
pub(super) const WORKERS_MAX: usize = 4_096;
/// Rounds that are gone through: more than are opened in a window, for `miss` takes none that is older.
pub(super) const ROUNDS_MAX: usize = 256;

/// When a seat is looked at.
#[derive(Debug, Clone, Copy)]
struct Seat {
    /// What was heard of the worker last, counted from the start.
    heard: u64,
    /// From this block on.
    at: u64,
    /// It was wrong at the last look.
    is_stale: bool,
}

/// How far a round is gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sweep {
    /// From this second on.
    pub(super) due: u64,
    /// The worker that was asked about last.
    pub(super) after: Option<Address>,
}

/// The workers and rounds.
#[derive(Debug, Default)]
pub(super) struct Watched {
    seats: BTreeMap<Address, Seat>,
    /// By when they were heard of.
    heard: BTreeMap<u64, Address>,
    /// Things heard so far.
    count: u64,
    rounds: BTreeMap<U256, Sweep>,
}

impl Watched {
    /// Something was heard of a worker.
    pub(super) fn hear(&mut self, worker: Address) {
        let heard = self.count;
        self.count += 1;
        let seat = self.seats.entry(worker).or_insert(Seat { heard, at: 0, is_stale: false });
        self.heard.remove(&seat.heard);
        seat.heard = heard;
        self.heard.insert(heard, worker);
        while self.seats.len() > WORKERS_MAX
            && let Some((_, oldest)) = self.heard.pop_first()
        {
            self.seats.remove(&oldest);
        }
    }

    /// A worker is there no more.
    pub(super) fn forget(&mut self, worker: Address) {
        if let Some(seat) = self.seats.remove(&worker) {
            self.heard.remove(&seat.heard);
        }
    }

    /// Up to `most` workers, by name, behind `after`.
    pub(super) fn behind(&self, after: Option<Address>, most: usize) -> Vec<Address> {
        let from = after.map_or(Unbounded, Excluded);
        self.seats.range((from, Unbounded)).take(most).map(|(worker, _)| *worker).collect()
    }

    /// Up to `most` workers whose seat is due at block `number`, longest due first; and whether it was
    /// wrong at the last look.
    pub(super) fn seats_due(&self, number: u64, most: usize) -> Vec<(Address, bool)> {
        let due = self.seats.iter().filter(|(_, seat)| seat.at <= number);
        let mut due: Vec<_> = due.map(|(name, it)| (it.at, *name, it.is_stale)).collect();
        due.sort_unstable();
        due.into_iter().take(most).map(|(_, worker, is_stale)| (worker, is_stale)).collect()
    }

    /// A worker's seat is looked at again from block `at` on.
    pub(super) fn look_again(&mut self, worker: Address, at: u64, is_stale: bool) {
        if let Some(seat) = self.seats.get_mut(&worker) {
            (seat.at, seat.is_stale) = (at, is_stale);
        }
    }

    /// A round was opened.
    pub(super) fn open(&mut self, round: U256) {
        self.rounds.entry(round).or_default();
        while self.rounds.len() > ROUNDS_MAX {
            self.rounds.pop_first();
        }
    }

    /// The rounds that are due at second `timestamp`, oldest first.
    pub(super) fn rounds_due(&self, timestamp: u64) -> Vec<(U256, Sweep)> {
        let due = self.rounds.iter().filter(|(_, sweep)| sweep.due <= timestamp);
        due.map(|(round, sweep)| (*round, *sweep)).collect()
    }

    /// A round goes on like this; with none it is over.
    pub(super) fn go_on(&mut self, round: U256, sweep: Option<Sweep>) {
        match sweep {
            Some(sweep) => {
                if let Some(it) = self.rounds.get_mut(&round) {
                    *it = sweep;
                }
            }
            None => {
                self.rounds.remove(&round);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u64) -> Address {
        Address::from_word(U256::from(number).into())
    }

    #[test]
    fn whoever_was_heard_of_least_lately_leaves_first() {
        let mut watched = Watched::default();
        let most = WORKERS_MAX as u64;
        for number in 0..most {
            watched.hear(name(number));
        }
        // The first is heard of again, and stays; the second is now the oldest.
        watched.hear(name(0));
        watched.hear(name(most));
        assert!(watched.seats.contains_key(&name(0)) && watched.seats.contains_key(&name(most)));
        assert!(!watched.seats.contains_key(&name(1)));
        assert_eq!((watched.seats.len(), watched.heard.len()), (WORKERS_MAX, WORKERS_MAX));
        // Who leaves the chain makes room for one that stays.
        watched.forget(name(2));
        watched.forget(name(2));
        watched.hear(name(most + 1));
        assert!(watched.seats.contains_key(&name(3)));
        assert_eq!((watched.seats.len(), watched.heard.len()), (WORKERS_MAX, WORKERS_MAX));
    }

    #[test]
    fn everybody_is_asked_once_a_round() {
        let mut watched = Watched::default();
        (0..100).for_each(|number| watched.hear(name(number * 7 % 100)));
        let (mut after, mut asked) = (None, Vec::new());
        loop {
            let found = watched.behind(after, 32);
            let Some(last) = found.last().copied() else { break };
            asked.extend(found);
            after = Some(last);
            // Those that leave or come on the way disturb nobody else.
            watched.forget(last);
            watched.hear(name(0));
        }
        assert_eq!(asked, (0..100).map(name).collect::<Vec<_>>());
    }

    #[test]
    fn rounds_are_bounded_and_gone_through_when_due() {
        let mut watched = Watched::default();
        let last = ROUNDS_MAX as u64 + 2;
        (0..=last).for_each(|round| watched.open(U256::from(round)));
        let due = watched.rounds_due(0);
        assert_eq!(due.len(), ROUNDS_MAX);
        assert_eq!(due[0].0, U256::from(3), "the oldest are gone");
        let (first, second) = (due[0].0, due[1].0);
        watched.go_on(first, None);
        let put_off = Sweep { due: 50, after: Some(name(9)) };
        watched.go_on(second, Some(put_off));
        // Hearing of it once more does not begin it anew, nor brings what is over back.
        watched.open(second);
        watched.go_on(first, Some(put_off));
        assert_eq!(watched.rounds_due(49).len(), ROUNDS_MAX - 2);
        assert_eq!(watched.rounds_due(50)[0], (second, put_off));
    }

    #[test]
    fn seats_are_looked_at_in_turn() {
        let mut watched = Watched::default();
        (1..=3).for_each(|number| watched.hear(name(number)));
        assert_eq!(watched.seats_due(0, 2), [(name(1), false), (name(2), false)]);
        watched.look_again(name(1), 60, false);
        watched.look_again(name(2), 5, true);
        assert_eq!(watched.seats_due(5, 9), [(name(3), false), (name(2), true)]);
        // What is heard of a worker does not bring its turn forward.
        watched.hear(name(1));
        assert_eq!(watched.seats_due(59, 9).len(), 2);
        watched.look_again(name(8), 0, true);
        assert_eq!(watched.seats_due(60, 9).len(), 3, "strangers are not taken in");
    }
}
