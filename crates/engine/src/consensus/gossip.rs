//! What comes over the topics of consensus and heads, and what is sent there.

use super::{
    driver::{Driver, Wanted},
    parts::Added,
    wire::{Frame, Part, encode_message},
};
use crate::{error::EngineError, metrics::consensus as counted};
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_consensus::{Certificate, Input, Message, Verdict as Opinion};
use mfenx_network::{GossipMessage, PeerId, Protocol, Target, Topic, Verdict};
use std::time::Duration;
use tokio::time::Instant;

use super::jobs::Done;

/// After this long a block that nobody had is asked for again.
const PULL_AGAIN: Duration = Duration::from_millis(500);
/// Blocks that are asked for at the same time.
const PULLS_MAX: usize = 4;
/// Peers that one pull asks.
const PULL_PEERS_MAX: usize = 8;

impl Driver {
    pub(super) fn take_gossip(&mut self, message: GossipMessage) -> Result<(), EngineError> {
        let topic = message.topic;
        let verdict = match topic {
            Topic::Transactions => {
                // The relay reports. What it has no room for is lost here, and ignored.
                if let Err(error) = self.transactions.try_send(message) {
                    let message = error.into_inner();
                    self.network.report(message.receipt.clone(), Verdict::Ignore);
                }
                return Ok(());
            }
            Topic::Consensus => match Frame::decode(message.data.clone()) {
                Ok(Frame::Message(inner)) => self.take_message(inner)?,
                Ok(Frame::Part(part)) => self.take_part(message.source, part),
                Ok(Frame::Evidence(found)) => self.take_evidence(&found),
                Err(_) => Verdict::Reject,
            },
            Topic::Heads => self.take_head(&message)?,
        };
        counted::gossip(topic.label(), verdict);
        self.network.report(message.receipt.clone(), verdict);
        Ok(())
    }

    fn take_message(&mut self, message: Message) -> Result<Verdict, EngineError> {
        let proposal = match &message {
            Message::Proposal(proposal) => Some(proposal.clone()),
            Message::Vote(_) | Message::Polka(_) | Message::Round(_) => None,
        };
        let opinion = self.feed_message(Input::Message(message))?;
        Ok(match opinion {
            Some(Opinion::Accept) => {
                if let Some(proposal) = proposal {
                    let hash = proposal.value.0;
                    self.blocks.proposed(proposal);
                    // A block that came before its proposal, or stood in the log.
                    if let Some(verdict) = self.blocks.verdict(hash) {
                        self.feed_machine(Input::ValueReceived(verdict))?;
                    }
                }
                Verdict::Accept
            }
            Some(Opinion::Reject(reason)) => {
                tracing::debug!(reason = reason.label(), "rejected a message of consensus");
                Verdict::Reject
            }
            Some(Opinion::Ignore(_)) | None => Verdict::Ignore,
        })
    }

    fn take_part(&mut self, source: PeerId, part: Part) -> Verdict {
        let (height, hash) = (part.height, part.hash);
        let near = height == self.height() || height == self.height() + 1;
        if self.machine.is_none() || !near || self.authorities.operator_of(&source).is_none() {
            return Verdict::Ignore;
        }
        match self.assemblies.add(source, part) {
            Added::Waiting => Verdict::Accept,
            Added::Complete(payload) => {
                self.wanted.remove(&hash);
                self.blocks.insert(height, hash, payload, Some(source));
                Verdict::Accept
            }
            Added::Broken => Verdict::Reject,
            Added::Full => Verdict::Ignore,
        }
    }

    /// Takes the certificate of a decided block.
    fn take_head(&mut self, message: &GossipMessage) -> Result<Verdict, EngineError> {
        let Ok(certificate) = Certificate::decode(&message.data) else {
            return Ok(Verdict::Reject);
        };
        let number = certificate.height.0;
        if number <= self.head.number {
            return self.take_old_head(message, &certificate);
        }
        if number <= self.announced {
            return Ok(Verdict::Ignore);
        }
        // Only the seed differs within an epoch, and no signature is about it.
        if self.sets.epoch_of(number) != self.authorities.epoch() {
            return Ok(Verdict::Ignore);
        }
        let domain = self.chain.domain();
        let set = self.authorities.set();
        if let Err(error) = mfenx_consensus::verify_certificate(&domain, set, &certificate) {
            tracing::debug!(%error, number, "rejected a certificate");
            return Ok(Verdict::Reject);
        }
        let head = mfenx_network::Head { number, hash: certificate.block_hash };
        for peer in [message.receipt.from(), message.source] {
            // Heard anew with the peer's next status.
            let _ = self.network.set_peer_head(peer, head);
        }
        self.announced = number;
        self.sync.sources.connected(&message.receipt.from());
        self.decide(certificate);
        Ok(Verdict::Accept)
    }

    /// Announces a block that is committed here, unless another was heard to do so: everybody
    /// forwards it. Several that announce at once cost less than one who was to and crashed.
    pub(super) fn announce(&mut self, certificate: &Certificate) {
        let number = certificate.height.0;
        if self.machine.is_none() || self.announced >= number {
            return;
        }
        self.announced = number;
        let data = Bytes::from(certificate.encode());
        if let Err(error) = self.network.publish(Topic::Heads, data) {
            tracing::debug!(%error, number, "a head was not announced");
        }
    }

    pub(super) fn send_message(&self, message: &Message) {
        if let Err(error) = self.network.publish(Topic::Consensus, encode_message(message)) {
            // The machine repeats what matters.
            tracing::warn!(%error, "a message of consensus was not sent");
        }
    }

    pub(super) fn send_parts(&self, hash: B256) {
        let Some(payload) = self.blocks.payload(hash) else { return };
        for part in Part::all(self.height(), hash, &payload) {
            if let Err(error) = self.network.publish(Topic::Consensus, part.encode()) {
                tracing::warn!(%error, "a part of a proposal was not sent");
                return;
            }
        }
    }

    /// When the next block is asked for.
    pub(super) fn next_pull(&self) -> Option<Instant> {
        if self.pulls_running() >= PULLS_MAX {
            return None;
        }
        self.wanted.values().filter_map(|wanted| wanted.ask_at).min()
    }

    fn pulls_running(&self) -> usize {
        self.wanted.values().filter(|wanted| wanted.ask_at.is_none()).count()
    }

    /// Asks peers for blocks that are missing.
    pub(super) fn pull_wanted(&mut self, now: Instant) {
        let running = self.pulls_running();
        let due: Vec<B256> = self
            .wanted
            .iter()
            .filter(|(_, wanted)| wanted.ask_at.is_some_and(|at| at <= now))
            .map(|(hash, _)| *hash)
            .take(PULLS_MAX.saturating_sub(running))
            .collect();
        for hash in due {
            if self.blocks.knowledge(hash).is_some() {
                self.wanted.remove(&hash);
                continue;
            }
            self.wanted.insert(hash, Wanted { ask_at: None });
            let (network, peers) = (self.network.clone(), self.peers_to_ask());
            self.jobs.waiting(async move {
                let request = super::wire::encode_payload_request(hash);
                for peer in peers {
                    let target = Target::Peer(peer);
                    let answer = network.request(target, Protocol::Parts, request.clone()).await;
                    match answer {
                        Ok(answer) => {
                            return Done::Pulled { hash, found: Some((answer.peer, answer.data)) };
                        }
                        Err(error) => tracing::debug!(%error, %hash, "asked for a block in vain"),
                    }
                }
                Done::Pulled { hash, found: None }
            });
        }
    }

    /// Whom to ask for a block of this height: authorities, others, those of whom nothing ever came;
    /// of each first those that say they have it committed.
    fn peers_to_ask(&self) -> Vec<PeerId> {
        let height = self.height();
        let peers = self.network.peers();
        let mut peers: Vec<_> =
            peers.iter().filter(|peer| !self.sync.sources.is_left_alone(&peer.peer)).collect();
        peers.sort_by_key(|peer| {
            let doubtful = self.sync.sources.is_doubtful(&peer.peer);
            let latency = peer.latency.unwrap_or(Duration::MAX);
            (doubtful, !peer.pinned, peer.head.number < height, latency)
        });
        peers.into_iter().map(|peer| peer.peer).take(PULL_PEERS_MAX).collect()
    }

    pub(super) fn pulled(&mut self, hash: B256, found: Option<(PeerId, Bytes)>) {
        let Some((peer, payload)) = found else {
            if let Some(wanted) = self.wanted.get_mut(&hash) {
                wanted.ask_at = Some(Instant::now() + PULL_AGAIN);
            }
            return;
        };
        if self.wanted.remove(&hash).is_some() {
            self.blocks.insert(self.height(), hash, payload, Some(peer));
        }
    }
}
