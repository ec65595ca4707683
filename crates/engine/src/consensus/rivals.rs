//! Peers that have another block than we at a height: two chains from one genesis.
//!
//! What is decided is final, so this never happens to a healthy network. It does when authorities
//! begin a chain anew whose blocks others still have, when a majority is cut in two and both sides
//! go on, or when a key runs twice under the rule `majority`. Nothing here mends that; it is said
//! loudly, once a minute for each peer, and counted.
//!
//! Whoever made it possible can be named when both chains have a certificate of one height and round:
//! an authority that signed both has signed twice. So a peer that is named is also asked for its
//! last blocks with their certificates, and what they prove is kept and gossiped as evidence.
//!
//! Bounds: one head for each connected peer, [`RIVALS_MAX`] peers named and asked, each for
//! [`BLOCKS_MAX`] blocks, [`READS_MAX`] hashes read at once; of each answer one proof against an
//! authority.

use super::{
    driver::Driver,
    jobs::Done,
    wire::{RangeRequest, read_blocks},
};
use crate::{error::EngineError, metrics::consensus as counted};
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_consensus::{Certificate, Decision, Evidence, Operator};
use mfenx_network::{GossipMessage, Head, PeerId, PeerInfo, Protocol, Target, Verdict};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// How often the same peer is named.
const AGAIN: Duration = Duration::from_secs(60);
/// Peers that are named within [`AGAIN`].
const RIVALS_MAX: usize = 16;
const READS_MAX: usize = 8;
/// Blocks that a rival is asked for, the last of them the one by which it was noticed.
const BLOCKS_MAX: u16 = 16;

/// An answer of a peer that has other blocks.
pub(super) struct Told {
    peer: PeerId,
    first: u64,
    answer: Option<Bytes>,
    /// Whether to leave it alone now.
    leave: bool,
}

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
                self.meet_rival(peer, theirs, ours, false);
            }
        }
        Ok(())
    }

    /// A peer has another block than we, or says so. Whether it is asked for its certificates; after
    /// that it is left alone when it is to be.
    pub(super) fn meet_rival(
        &mut self,
        peer: PeerId,
        theirs: Head,
        ours: B256,
        leave: bool,
    ) -> bool {
        counted::rival();
        self.rivals.met += 1;
        let names = self.rivals.names(peer, Instant::now());
        if names {
            let Head { number, hash } = theirs;
            let authority = self.authorities.operator_of(&peer).map(|operator| operator.0);
            tracing::error!(
                %peer, ?authority, number, theirs = %hash, %ours,
                "a peer has another block than this node at the same height: unless it lies, there \
                 are two chains from one genesis. Find out which of them others have built on \
                 before anything is started, stopped or paid for"
            );
            self.ask_rival(peer, number, leave);
        }
        names
    }

    fn ask_rival(&self, peer: PeerId, number: u64, leave: bool) {
        let first = number.saturating_sub(u64::from(BLOCKS_MAX) - 1).max(1);
        let network = self.network.clone();
        self.jobs.waiting(async move {
            let request = RangeRequest { first, count: BLOCKS_MAX }.encode();
            let answer = network.request(Target::Peer(peer), Protocol::Blocks, request).await;
            if let Err(error) = &answer {
                tracing::debug!(%error, %peer, "asked for other blocks in vain");
            }
            Done::Rival(Told { peer, first, answer: answer.ok().map(|answer| answer.data), leave })
        });
    }

    /// A peer sent its blocks, or did not.
    pub(super) fn told_rival(&mut self, told: Told) -> Result<(), EngineError> {
        let Told { peer, first, answer, leave } = told;
        let blocks = answer.and_then(|answer| read_blocks(answer, BLOCKS_MAX).ok());
        let mut accused = BTreeSet::new();
        for (number, (_, certificate)) in (first..).zip(blocks.unwrap_or_default()) {
            let Ok(theirs) = Certificate::decode(&certificate) else { break };
            if theirs.height.0 != number || !self.accuse_signers(&theirs, &mut accused)? {
                break;
            }
        }
        if leave {
            self.sync.distrust(&self.network, peer);
        }
        Ok(())
    }

    /// Looks for authorities that signed this certificate and ours of the same height and round. False
    /// when a signature is not what it should be, and nothing else is worth looking at.
    fn accuse_signers(
        &mut self,
        theirs: &Certificate,
        accused: &mut BTreeSet<Operator>,
    ) -> Result<bool, EngineError> {
        let number = theirs.height.0;
        let decision = self.chain.store().reader()?.certificate(number)?;
        let Some(Ok(ours)) = decision.map(|decision| Decision::decode(&decision)) else {
            return Ok(true);
        };
        let certificate = &ours.certificate;
        if certificate.block_hash == theirs.block_hash || certificate.round != theirs.round {
            return Ok(true);
        }
        let epoch = self.sets.epoch_of(number);
        let Some(set) = self.set_to_judge_by(epoch)? else { return Ok(true) };
        let domain = self.chain.domain();
        for found in Evidence::of_certificates(&set, certificate, theirs) {
            let (operator, height) = (found.operator(), found.height());
            if accused.contains(&operator) || !self.proofs.lack(&found) {
                continue;
            }
            if found.verify(&domain, &set).is_err() {
                return Ok(false);
            }
            tracing::error!(%operator, %height, "equivocation: it signed two blocks");
            accused.insert(operator);
            self.accuse(&found);
        }
        Ok(true)
    }

    /// Takes the certificate of a block whose height is decided here, unless the height is of an
    /// epoch before. It is passed on when it is of another block, so that everybody looks.
    pub(super) fn take_old_head(
        &mut self,
        message: &GossipMessage,
        theirs: &Certificate,
    ) -> Result<Verdict, EngineError> {
        let number = theirs.height.0;
        let ours = self.chain.store().reader()?.block_hash(number)?;
        let Some(ours) = ours.filter(|ours| *ours != theirs.block_hash) else {
            return Ok(Verdict::Ignore);
        };
        let set = self.authorities.set();
        if self.sets.epoch_of(number) != self.authorities.epoch() {
            return Ok(Verdict::Ignore);
        }
        if mfenx_consensus::verify_certificate(&self.chain.domain(), set, theirs).is_err() {
            return Ok(Verdict::Reject);
        }
        self.accuse_signers(theirs, &mut BTreeSet::new())?;
        let head = Head { number, hash: theirs.block_hash };
        self.meet_rival(message.source, head, ours, false);
        Ok(Verdict::Accept)
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
