//! Proofs of equivocation between nodes: found, heard of, and asked for, so that everybody has them
//! whoever noticed, and whoever was not there.
//!
//! A proof that is found is gossiped once. Whoever was down or not connected then learns of it
//! otherwise: a node asks every peer that connects for the proofs it keeps, and some of its peers
//! again every [`ASK_AGAIN`]; an authority also when an epoch begins.
//!
//! A proof is judged by the authorities of the epoch that it is of, however long ago, as far back as
//! [`EPOCHS_BACK_MAX`]. Bounds: one peer is asked at a time, [`ASKS_MAX`] wait; an answer has at most
//! [`PROOFS_MAX`] proofs, and ends with the first that does not hold;
//! [`SETS_MAX`] sets of other epochs are remembered, and at most one is read each [`READ_EVERY`], for
//! a set costs a call of the registry and anybody can name an epoch.

use super::{
    audit::Event,
    driver::Driver,
    jobs::Done,
    wire::{PROOFS_MAX, encode_evidence, encode_proofs_request, read_proofs},
};
use crate::{error::EngineError, metrics::consensus as counted};
use bytes::Bytes;
use mfenx_consensus::{Evidence, ValidatorSet};
use mfenx_network::{PeerId, Protocol, Target, Topic, Verdict};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Proofs that one peer is asked for, one answer after the other.
const PROOFS_OF_PEER_MAX: u32 = 4_096;
/// How often some peers are asked without cause.
const ASK_AGAIN: Duration = Duration::from_secs(600);
const ASKS_MAX: usize = 32;
/// Epochs of the past whose authorities are still accused: two weeks and more with the usual 1,200
/// blocks an epoch.
const EPOCHS_BACK_MAX: u64 = 1_024;
const SETS_MAX: usize = 8;
const READ_EVERY: Duration = Duration::from_millis(100);
/// Sets that may be read at once after a time without.
const READS_MAX: u32 = 16;

/// Whom proofs are asked of, and the sets they are judged by.
#[derive(Debug)]
pub(super) struct Inquiry {
    /// Whom to ask, and from which proof on.
    asks: VecDeque<(PeerId, u32)>,
    asking: bool,
    again: Instant,
    sets: VecDeque<(u64, ValidatorSet)>,
    reads: u32,
    read_at: Instant,
}

/// What a proof is found to be.
#[derive(Debug)]
enum Finding {
    /// It holds, and was not known.
    Proven,
    /// It is known, or cannot be judged here.
    Nothing,
    /// It does not hold: whoever sent it did not check it.
    False,
}

impl Inquiry {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            asks: VecDeque::new(),
            asking: false,
            again: now + ASK_AGAIN,
            sets: VecDeque::new(),
            reads: READS_MAX,
            read_at: now,
        }
    }

    /// Puts a peer into the queue, unless it is there.
    pub(super) fn ask(&mut self, peer: PeerId) {
        if self.asks.len() < ASKS_MAX && !self.asks.iter().any(|(queued, _)| *queued == peer) {
            self.asks.push_back((peer, 0));
        }
    }

    fn known_set(&self, epoch: u64) -> Option<ValidatorSet> {
        self.sets.iter().find(|(held, _)| *held == epoch).map(|(_, set)| set.clone())
    }

    fn remember(&mut self, epoch: u64, set: ValidatorSet) {
        if self.sets.len() >= SETS_MAX {
            self.sets.pop_front();
        }
        self.sets.push_back((epoch, set));
    }

    /// Whether another set may be read now.
    fn may_read(&mut self) -> bool {
        let earned = self.read_at.elapsed().as_millis() / READ_EVERY.as_millis();
        if earned > 0 {
            self.reads = READS_MAX.min(self.reads.saturating_add(earned.min(1_000) as u32));
            self.read_at = Instant::now();
        }
        self.reads.checked_sub(1).is_some_and(|left| {
            self.reads = left;
            true
        })
    }
}

impl Driver {
    /// Takes a proof that was gossiped.
    pub(super) fn take_evidence(&mut self, found: &Evidence) -> Verdict {
        match self.judge(found) {
            Finding::Proven => {
                self.hear_evidence(found, "gossip");
                Verdict::Accept
            }
            Finding::Nothing => Verdict::Ignore,
            Finding::False => Verdict::Reject,
        }
    }

    fn judge(&mut self, found: &Evidence) -> Finding {
        if !self.proofs.lack(found) {
            return Finding::Nothing;
        }
        let set = match self.set_to_judge_by(self.sets.epoch_of(found.height().0)) {
            Ok(Some(set)) => set,
            Ok(None) => return Finding::Nothing,
            Err(error) => {
                tracing::warn!(%error, "the authorities of another epoch could not be read");
                return Finding::Nothing;
            }
        };
        match found.verify(&self.chain.domain(), &set) {
            Ok(()) => Finding::Proven,
            Err(error) => {
                tracing::debug!(%error, "rejected evidence");
                Finding::False
            }
        }
    }

    /// The authorities of an epoch; none while they are not final, too long ago, or too many others
    /// were read just now.
    pub(super) fn set_to_judge_by(
        &mut self,
        epoch: u64,
    ) -> Result<Option<ValidatorSet>, EngineError> {
        let current = self.authorities.epoch();
        if epoch == current {
            return Ok(Some(self.authorities.set().clone()));
        }
        if epoch > current.saturating_add(1) || epoch.saturating_add(EPOCHS_BACK_MAX) < current {
            return Ok(None);
        }
        if let Some(set) = self.inquiry.known_set(epoch) {
            return Ok(Some(set));
        }
        if !self.inquiry.may_read() {
            return Ok(None);
        }
        let set = self.sets.of_epoch(&self.chain.store().reader()?, epoch)?;
        if let Some(set) = &set {
            self.inquiry.remember(epoch, set.clone());
        }
        Ok(set)
    }

    /// One against ourselves is kept as well, and no reason to stop: it may be older than this run.
    fn hear_evidence(&mut self, found: &Evidence, source: &'static str) {
        tracing::error!(operator = %found.operator(), height = %found.height(), "equivocation, heard of");
        self.keep_evidence(found, source);
    }

    /// Keeps a proof; whether it is new.
    fn keep_evidence(&mut self, found: &Evidence, source: &'static str) -> bool {
        counted::equivocation();
        let new = self.proofs.keep(found).unwrap_or_else(|error| {
            tracing::error!(%error, "the evidence could not be kept");
            true
        });
        if new {
            self.note(Event::evidence(found, source));
        }
        new
    }

    /// Keeps a proof that this node found, and tells everybody of it.
    pub(super) fn accuse(&mut self, found: &Evidence) {
        if self.keep_evidence(found, "found")
            && let Err(error) = self.network.publish(Topic::Consensus, encode_evidence(found))
        {
            tracing::warn!(%error, "evidence was not sent");
        }
    }

    /// Asks some of the peers again for what they keep.
    pub(super) fn ask_peers_again(&mut self) {
        self.inquiry.again = Instant::now() + ASK_AGAIN;
        for peer in self.network.peers().iter() {
            self.inquiry.ask(peer.peer);
        }
    }

    /// Asks the next peer for its proofs.
    pub(super) fn inquire(&mut self) {
        if Instant::now() >= self.inquiry.again {
            self.ask_peers_again();
        }
        if self.inquiry.asking {
            return;
        }
        let Some((peer, first)) = self.inquiry.asks.pop_front() else { return };
        self.inquiry.asking = true;
        let network = self.network.clone();
        self.jobs.waiting(async move {
            let request = encode_proofs_request(first);
            let answer = network.request(Target::Peer(peer), Protocol::Parts, request).await;
            if let Err(error) = &answer {
                tracing::debug!(%error, %peer, "asked for evidence in vain");
            }
            Done::Proofs { peer, first, answer: answer.ok().map(|answer| answer.data) }
        });
    }

    /// A peer told what it keeps, or did not.
    pub(super) fn told_proofs(&mut self, peer: PeerId, first: u32, answer: Option<Bytes>) {
        self.inquiry.asking = false;
        let Some(answer) = answer else { return };
        let Ok((all, proofs)) = read_proofs(answer) else {
            return self.sync.distrust(&self.network, peer);
        };
        for found in &proofs {
            match self.judge(found) {
                Finding::Proven => self.hear_evidence(found, "peer"),
                Finding::Nothing => {}
                Finding::False => {
                    tracing::warn!(%peer, "a peer sent evidence that proves nothing");
                    return self.sync.distrust(&self.network, peer);
                }
            }
        }
        let next = first.saturating_add(proofs.len() as u32);
        // A peer that sends them one by one, or the same without end, would keep us busy.
        if proofs.len() == PROOFS_MAX && next < all && next < PROOFS_OF_PEER_MAX {
            self.inquiry.asks.push_back((peer, next));
        }
    }
}
