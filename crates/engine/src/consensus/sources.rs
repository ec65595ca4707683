//! Whom blocks are asked of, and whose word on its head is taken.
//!
//! Anybody may claim any head. To ask for what is claimed costs little, so everybody who claims to
//! have more is asked, the doubtful last. What is believed is another matter, since readiness hangs
//! on it:
//!
//! | a head | is believed |
//! |---|---|
//! | with a certificate | always |
//! | that authorities in force claim | when they have more power than may lie |
//! | that a peer claims | while it serves long ranges, so while this node is behind |
//!
//! A peer that failed [`TRIES_MAX`] times in a row to serve what it claims to have is not believed in
//! any way, until its claim has come true. Bound: [`PEERS_REMEMBERED_MAX`] peers.

use crate::sets::Authorities;
use mfenx_consensus::thresholds;
use mfenx_network::{PeerId, PeerInfo};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How long a peer is left alone that sent something wrong.
pub(super) const DISTRUST: Duration = Duration::from_secs(60);
/// How long a peer is not asked that had no answer for the first time.
const PAUSE: Duration = Duration::from_millis(500);
/// Nor is it left alone for longer than this: it may be the only one that has the blocks, and asking
/// costs little.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// Failures in a row after which a claim is no reason to believe in anything.
const TRIES_MAX: u32 = 3;
/// Fewer blocks in an answer say that there is nothing to catch up with.
const LONG_RANGE: usize = 16;
const PEERS_REMEMBERED_MAX: usize = 1024;

/// How a peer did so far.
#[derive(Debug)]
struct Record {
    /// It is not asked before.
    until: Instant,
    /// Failures since it last served something.
    failures: u32,
    /// Whether its last answer was a long one.
    serves: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sources(HashMap<PeerId, Record>);

impl Sources {
    /// A peer is back, or has news: what it did not have it may have now. What it owes it still owes.
    pub(super) fn connected(&mut self, peer: &PeerId) {
        let now = Instant::now();
        if let Some(record) = self.0.get_mut(peer)
            && record.until < now + PAUSE
        {
            record.until = now;
        }
    }

    /// A peer sent something wrong.
    pub(super) fn distrust(&mut self, peer: PeerId) {
        if let Some(record) = self.record(peer) {
            record.until = Instant::now() + DISTRUST;
            record.failures = record.failures.saturating_add(TRIES_MAX);
            record.serves = false;
        }
    }

    /// A peer did not serve what it claims to have: it is left alone the longer the more often.
    pub(super) fn fail(&mut self, peer: PeerId) {
        if let Some(record) = self.record(peer) {
            let pause = PAUSE * 2_u32.pow(record.failures.min(10));
            record.until = Instant::now() + PAUSE_MAX.min(pause);
            record.failures = record.failures.saturating_add(1);
            record.serves = false;
        }
    }

    /// A peer served blocks that were right.
    pub(super) fn served(&mut self, peer: PeerId, blocks: usize) {
        if let Some(record) = self.record(peer) {
            record.failures = 0;
            record.serves = blocks >= LONG_RANGE;
        }
    }

    fn record(&mut self, peer: PeerId) -> Option<&mut Record> {
        let now = Instant::now();
        if self.0.len() >= PEERS_REMEMBERED_MAX && !self.0.contains_key(&peer) {
            self.0.retain(|_, record| record.until > now);
            if self.0.len() >= PEERS_REMEMBERED_MAX {
                return None;
            }
        }
        Some(self.0.entry(peer).or_insert(Record { until: now, failures: 0, serves: false }))
    }

    /// Forgives whoever claimed no more than there is by now.
    pub(super) fn forgive(&mut self, peers: &[PeerInfo], head: u64) {
        let now = Instant::now();
        for peer in peers.iter().filter(|peer| peer.head.number <= head) {
            if self.0.get(&peer.peer).is_some_and(|record| record.until <= now) {
                self.0.remove(&peer.peer);
            }
        }
    }

    /// Whether a peer is not asked for now.
    pub(super) fn is_left_alone(&self, peer: &PeerId) -> bool {
        self.0.get(peer).is_some_and(|record| record.until > Instant::now())
    }

    /// Whether a peer claims what it does not serve.
    pub(super) fn is_doubtful(&self, peer: &PeerId) -> bool {
        self.0.get(peer).is_some_and(|record| record.failures >= TRIES_MAX)
    }

    /// The highest head that somebody claims who is not doubtful; 0 when there is none.
    pub(super) fn claimed(&self, peers: &[PeerInfo]) -> u64 {
        let heard = peers.iter().filter(|peer| !self.is_doubtful(&peer.peer));
        heard.map(|peer| peer.head.number).max().unwrap_or(0)
    }

    /// The highest head that there is reason to believe in without a certificate; 0 when there is
    /// none.
    pub(super) fn believed(&self, peers: &[PeerInfo], authorities: &Authorities) -> u64 {
        let set = authorities.set();
        let claim = |id: PeerId| peers.iter().find(|peer| peer.peer == id).map(|peer| peer.head);
        let mut claims: Vec<(u64, u64)> = set
            .validators()
            .iter()
            .filter_map(|member| {
                let peer = authorities.peer_of(&member.operator)?;
                let head = claim(peer).filter(|_| !self.is_doubtful(&peer))?;
                Some((head.number, member.power))
            })
            .collect();
        claims.sort_unstable_by(|one, other| other.cmp(one));
        let (honest, mut power) = (thresholds(set.quorum()).honest, 0_u64);
        let backed = claims.into_iter().find_map(|(number, of_it)| {
            power = power.saturating_add(of_it);
            honest.is_met(power, set.total_power()).then_some(number)
        });
        let serves = |peer: &&PeerInfo| self.0.get(&peer.peer).is_some_and(|one| one.serves);
        let served = peers.iter().filter(serves).map(|peer| peer.head.number).max();
        backed.max(served).unwrap_or(0)
    }
}
