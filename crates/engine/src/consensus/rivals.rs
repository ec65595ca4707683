//! Peers that have another block than we at a height: two chains from one genesis.
//!
//! What is decided is final, so this never happens to a healthy network. It does when authorities
//! begin a chain anew whose blocks others still have, when a majority is cut in two and both sides
//! go on, or when a key runs twice under the rule `majority`. Nothing here mends that; it is said
//! loudly, once a minute for each peer, and counted.
//!
//! Bounds: one head for each connected peer, [`RIVALS_MAX`] peers named, [`READS_MAX`] hashes read
//! at once.

use super::driver::Driver;
use crate::{error::EngineError, metrics::consensus as counted};
use alloy_primitives::B256;
use mfenx_network::{Head, PeerId, PeerInfo};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How often the same peer is named.
const AGAIN: Duration = Duration::from_secs(60);
/// Peers that are named within [`AGAIN`].
const RIVALS_MAX: usize = 16;
const READS_MAX: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    /// The head of each peer that is looked at next, or was, and whether it was.
    heads: HashMap<PeerId, (Head, bool)>,
    /// Who was named, and when.
    named: HashMap<PeerId, Instant>,
    met: u64,
}

impl Rivals {
    /// Heads at or below `head` that were not looked at; each is given out once.
    fn due(&mut self, peers: &[PeerInfo], head: u64) -> Vec<(PeerId, Head)> {
        let mut due = Vec::new();
        let mut heads = HashMap::with_capacity(peers.len());
        for peer in peers {
            // A head above ours is kept until we come to it, while the peer goes on.
            let held =
                self.heads.remove(&peer.peer).filter(|(held, seen)| !seen || *held == peer.head);
            let (held, mut seen) = held.unwrap_or((peer.head, false));
            if !seen && held.number <= head && due.len() < READS_MAX {
                due.push((peer.peer, held));
                seen = true;
            }
            heads.insert(peer.peer, (held, seen));
        }
        self.heads = heads;
        due
    }

    /// How often a peer had another block.
    pub(super) const fn met(&self) -> u64 {
        self.met
    }

    /// Whether a peer is to be named now.
    fn names(&mut self, peer: PeerId, now: Instant) -> bool {
        self.named.retain(|_, at| now.saturating_duration_since(*at) < AGAIN);
        if self.named.contains_key(&peer) || self.named.len() >= RIVALS_MAX {
            return false;
        }
        self.named.insert(peer, now);
        true
    }
}

impl Driver {
    /// Compares the heads of peers with our blocks.
    pub(super) fn compare_heads(&mut self) -> Result<(), EngineError> {
        let due = self.rivals.due(&self.network.peers(), self.head.number);
        if due.is_empty() {
            return Ok(());
        }
        let reader = self.chain.store().reader()?;
        for (peer, theirs) in due {
            let ours = reader.block_hash(theirs.number)?;
            if let Some(ours) = ours.filter(|ours| *ours != theirs.hash) {
                self.meet_rival(peer, theirs, ours);
            }
        }
        Ok(())
    }

    /// A peer has another block than we, or says so.
    pub(super) fn meet_rival(&mut self, peer: PeerId, theirs: Head, ours: B256) {
        counted::rival();
        self.rivals.met += 1;
        if self.rivals.names(peer, Instant::now()) {
            let Head { number, hash } = theirs;
            let authority = self.authorities.operator_of(&peer).map(|operator| operator.0);
            tracing::error!(
                %peer, ?authority, number, theirs = %hash, %ours,
                "a peer has another block than this node at the same height: unless it lies, there \
                 are two chains from one genesis. Find out which of them others have built on \
                 before anything is started, stopped or paid for"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::claiming as peer;
    use super::*;

    #[test]
    fn every_head_is_looked_at_once_and_not_before_we_have_its_height() {
        let id = PeerId::random();
        let mut rivals = Rivals::default();
        assert_eq!(rivals.due(&[peer(id, 7)], 5), []);
        // It goes on, and so do we: what we remember of it is what we come to.
        assert_eq!(rivals.due(&[peer(id, 9)], 6), []);
        assert_eq!(rivals.due(&[peer(id, 11)], 8), [(id, peer(id, 7).head)]);
        assert_eq!(rivals.due(&[peer(id, 11)], 8), []);
        assert_eq!(rivals.due(&[peer(id, 11)], 11), [(id, peer(id, 11).head)]);
        assert_eq!(rivals.due(&[peer(id, 11)], 12), []);
        assert_eq!(rivals.due(&[], 12), []);
        assert!(rivals.heads.is_empty(), "who is gone is forgotten");
    }

    #[test]
    fn rivals_are_named_once_a_minute_and_not_without_end() {
        let mut rivals = Rivals::default();
        let (id, now) = (PeerId::random(), Instant::now());
        assert!(rivals.names(id, now) && !rivals.names(id, now + AGAIN / 2));
        assert!(rivals.names(id, now + AGAIN));
        let named = (0..100).filter(|_| rivals.names(PeerId::random(), now + AGAIN)).count();
        assert_eq!(named, RIVALS_MAX - 1);
    }
}
