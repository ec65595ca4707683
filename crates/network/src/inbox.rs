//! The queue to the application, bounded in events and in bytes.
//!
//! There is one queue so that the application has one thing to wait for; what matters less may
//! use less of it, so that a flood of transactions leaves room for votes.

use crate::{event::NetworkEvent, metrics, topic::Topic};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::mpsc;

/// How much of the queue an event may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Half.
    Transactions,
    /// Three quarters.
    Requests,
    /// Seven eighths.
    Heads,
    /// All.
    Consensus,
}

impl Class {
    pub(crate) const fn of(topic: Topic) -> Self {
        match topic {
            Topic::Consensus => Self::Consensus,
            Topic::Transactions => Self::Transactions,
            Topic::Heads => Self::Heads,
        }
    }

    /// Eighths of the queue.
    const fn share(self) -> usize {
        match self {
            Self::Transactions => 4,
            Self::Requests => 6,
            Self::Heads => 7,
            Self::Consensus => 8,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Requests => "requests",
            Self::Heads => "heads",
            Self::Consensus => "consensus",
        }
    }
}

/// Bytes of the queue that one message holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct Inbox {
    events: mpsc::Sender<NetworkEvent>,
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Inbox {
    pub(crate) fn new(events: mpsc::Sender<NetworkEvent>, bytes_max: usize) -> Self {
        Self { events, used: Arc::default(), bytes_max }
    }

    /// Room for a message of `bytes`, unless its class has used up its share.
    pub(crate) fn room(&self, class: Class, bytes: usize) -> Option<Room> {
        let events_max = self.events.max_capacity();
        let waiting = events_max - self.events.capacity();
        let used = self.used.load(Ordering::Relaxed);
        if waiting >= events_max * class.share() / 8
            || used.saturating_add(bytes) > self.bytes_max / 8 * class.share()
        {
            metrics::dropped(class.label());
            return None;
        }
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Some(Room { used: Arc::clone(&self.used), bytes })
    }

    /// Queues an event for which there is room. It is lost only when the application is gone or
    /// the queue is full of events that matter as much.
    pub(crate) fn push(&self, event: NetworkEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            metrics::dropped("events");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DisconnectReason;
    use libp2p::PeerId;

    fn event() -> NetworkEvent {
        NetworkEvent::PeerRefused { peer: PeerId::random(), reason: DisconnectReason::Genesis }
    }

    #[test]
    fn transactions_give_way_before_consensus() {
        let (sender, mut receiver) = mpsc::channel(16);
        let inbox = Inbox::new(sender, 1 << 20);
        for _ in 0..8 {
            assert!(inbox.room(Class::Transactions, 1).is_some());
            inbox.push(event());
        }
        assert!(inbox.room(Class::Transactions, 1).is_none());
        assert!(inbox.room(Class::Requests, 1).is_some());
        for _ in 8..16 {
            assert!(inbox.room(Class::Consensus, 1).is_some());
            inbox.push(event());
        }
        assert!(inbox.room(Class::Consensus, 1).is_none());
        receiver.try_recv().unwrap();
        assert!(inbox.room(Class::Consensus, 1).is_some());
    }

    #[test]
    fn bytes_are_held_until_the_message_is_dropped() {
        let (sender, _receiver) = mpsc::channel(16);
        let inbox = Inbox::new(sender, 800);
        let held = inbox.room(Class::Transactions, 400).unwrap();
        assert!(inbox.room(Class::Transactions, 1).is_none());
        assert!(inbox.room(Class::Consensus, 401).is_none());
        let more = inbox.room(Class::Consensus, 400).unwrap();
        drop((held, more));
        assert!(inbox.room(Class::Transactions, 400).is_some());
    }
}
