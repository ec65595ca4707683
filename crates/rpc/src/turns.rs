//! The order between the subscriptions of one connection.
//!
//! Each is served by a task of its own. So that a client reads everything about a block before
//! anything about the next one, and the subscriptions in the order in which it made them, whoever
//! has something to say about a block waits for its turn. The wait is bounded by whoever waits: an
//! order is worth less than a message.

use std::sync::Arc;
use tokio::sync::watch;

/// The subscriptions of a connection that are about blocks.
#[derive(Debug, Default)]
pub(crate) struct Turns(watch::Sender<Seats>);

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    /// In the order of subscription.
    seats: Vec<State>,
}

#[derive(Debug)]
struct State {
    id: u64,
    /// The last block about which everything is said.
    done: u64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Seat {
    turns: Arc<Turns>,
    id: u64,
}

impl Turns {
    /// The last subscription, which has nothing to say about blocks up to `head`.
    pub(crate) fn join(self: &Arc<Self>, head: u64) -> Seat {
        let mut id = 0;
        self.0.send_modify(|seats| {
            id = seats.next;
            seats.next += 1;
            seats.seats.push(State { id, done: head });
        });
        Seat { turns: Arc::clone(self), id }
    }
}

impl Seat {
    /// Waits until everything is said about the block before, by everybody, and about this one by
    /// whoever subscribed before.
    pub(crate) async fn turn(&self, block: u64) {
        let before = block.saturating_sub(1);
        self.set(before);
        let mut seats = self.turns.0.subscribe();
        let is_turn = |seats: &Seats| {
            seats.seats.iter().all(|seat| {
                let awaited = if seat.id < self.id { block } else { before };
                seat.done >= awaited
            })
        };
        // It fails only when the sender is gone, which is held here.
        let _ = seats.wait_for(is_turn).await;
    }

    /// Everything is said about this block.
    pub(crate) fn done(&self, block: u64) {
        self.set(block);
    }

    fn set(&self, block: u64) {
        self.turns.0.send_if_modified(|seats| {
            let seat = seats.seats.iter_mut().find(|seat| seat.id == self.id);
            seat.is_some_and(|seat| std::mem::replace(&mut seat.done, block) != block)
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.turns.0.send_modify(|seats| seats.seats.retain(|seat| seat.id != self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn is_turn(seat: &Seat, block: u64) -> bool {
        seat.turn(block).now_or_never().is_some()
    }

    #[test]
    fn a_block_is_over_before_the_next_and_the_first_is_first() {
        let turns = Arc::new(Turns::default());
        let [first, second, third] = [5, 5, 6].map(|head| turns.join(head));
        assert!(!is_turn(&second, 6) && is_turn(&first, 6));
        first.done(6);
        // Also to whoever was not there yet for that block.
        assert!(!is_turn(&first, 7) && !is_turn(&third, 7));
        first.done(6);
        assert!(is_turn(&second, 6));
        second.done(6);
        assert!(!is_turn(&third, 7) && !is_turn(&second, 7) && is_turn(&first, 7));
        // Nobody waits for those who have gone.
        drop(first);
        assert!(is_turn(&second, 7));
        drop(second);
        assert!(is_turn(&third, 7));
        drop(third);
        assert!(turns.0.borrow().seats.is_empty());
    }
}
