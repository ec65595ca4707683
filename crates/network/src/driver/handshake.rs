//! Who is on our chain: the exchange of statuses, at the start and from time to time.
//!
//! Whoever dialled asks; the other side learns from the question. Both refuse by themselves, so
//! that both can say why.

use super::Driver;
use crate::{
    codec::Answer,
    event::Direction,
    event::{DisconnectReason, NetworkEvent},
    metrics,
    peers::Stage,
    scoring,
    status::{Mismatch, Status},
};
use bytes::Bytes;
use libp2p::{
    PeerId,
    request_response::{Event, Message, OutboundFailure},
};
use std::{
    io,
    time::{Duration, Instant},
};

/// How long a refused peer stays, so that our answer reaches it.
const PARTING: Duration = Duration::from_millis(300);
/// Longest time that a refused authority is left alone: it may be repaired any moment.
const SHORT_REFUSAL: Duration = Duration::from_secs(10);
/// Longest time that anybody is left alone who was merely slow: its machine, or ours, may have been
/// busy for a moment, and a quorum may be waiting for it.
const SLOW_REFUSAL: Duration = Duration::from_secs(1);

impl Driver {
    fn status(&self) -> Bytes {
        let status = Status { chain: self.chain, head: self.head };
        Bytes::copy_from_slice(&status.encode())
    }

    pub(super) fn ask_status(&mut self, peer: PeerId) {
        let status = self.status();
        self.swarm.behaviour_mut().status.send_request(&peer, status);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.asked = Instant::now();
        }
    }

    pub(super) fn on_status(&mut self, event: Event<Bytes, Answer>) {
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                let now = Instant::now();
                let known = self.peers.get_mut(&peer);
                let answer = if known.is_some_and(|peer| peer.status_requests.take(1, now)) {
                    Answer::Data(self.status())
                } else {
                    Answer::Busy
                };
                // The peer may have gone meanwhile.
                let _ = self.swarm.behaviour_mut().status.send_response(channel, answer);
                self.hear_status(peer, &request, now + PARTING);
            }
            Event::Message { peer, message: Message::Response { response, .. }, .. } => {
                if let Answer::Data(status) = response {
                    self.hear_status(peer, &status, Instant::now());
                }
            }
            Event::OutboundFailure { peer, error, .. } => self.on_no_status(peer, &error),
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    /// A peer said where it stands; if it does not belong here, it goes at `parting`.
    fn hear_status(&mut self, peer: PeerId, bytes: &[u8], parting: Instant) {
        let Some(status) = Status::decode(bytes) else {
            self.refuse(peer, DisconnectReason::Handshake, parting);
            return;
        };
        if let Some(mismatch) = self.chain.mismatch(&status.chain) {
            let reason = match mismatch {
                Mismatch::ChainId => DisconnectReason::ChainId,
                Mismatch::Genesis => DisconnectReason::Genesis,
                Mismatch::Version => DisconnectReason::Version,
            };
            if self.refuse(peer, reason, parting) {
                tracing::warn!(
                    %peer,
                    reason = reason.label(),
                    their_chain = status.chain.chain_id,
                    their_genesis = %status.chain.genesis_hash,
                    their_version = status.chain.version,
                    our_chain = self.chain.chain_id,
                    our_genesis = %self.chain.genesis_hash,
                    our_version = self.chain.version,
                    "refused a peer that is not on our chain",
                );
            }
            return;
        }
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.head = status.head;
        if matches!(known.stage, Stage::New { .. }) {
            known.stage = Stage::Ready;
            known.announced = true;
            self.welcome(peer);
        }
    }

    fn welcome(&mut self, peer: PeerId) {
        let Some(known) = self.peers.get(&peer) else { return };
        let head = known.head;
        tracing::info!(%peer, head = head.number, "a peer is on our chain");
        self.dialer.connected(&peer);
        if self.pinned.contains(&peer) {
            let bonus = scoring::PINNED_BONUS;
            self.swarm.behaviour_mut().gossip.set_application_score(&peer, bonus);
        }
        self.learn_addresses(peer);
        self.outlets.inbox.push(NetworkEvent::PeerConnected { peer, head });
        self.show_peers(Instant::now());
    }

    fn on_no_status(&mut self, peer: PeerId, error: &OutboundFailure) {
        tracing::debug!(%peer, %error, "no status from a peer");
        metrics::request("status", Direction::Outbound, "failed");
        match self.peers.get(&peer).map(|peer| peer.stage) {
            None | Some(Stage::Leaving { .. }) => return,
            Some(Stage::Ready) => {
                if matches!(error, OutboundFailure::Timeout) {
                    self.refuse(peer, DisconnectReason::Ping, Instant::now());
                }
                return;
            }
            Some(Stage::New { .. }) => {}
        }
        match error {
            // One of two connections closed: ask on the other.
            OutboundFailure::ConnectionClosed => self.ask_status(peer),
            OutboundFailure::Timeout | OutboundFailure::DialFailure => {
                self.refuse(peer, DisconnectReason::HandshakeTimeout, Instant::now());
            }
            // A connection that breaks is no offence.
            OutboundFailure::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                self.refuse(peer, DisconnectReason::Closed, Instant::now());
            }
            OutboundFailure::UnsupportedProtocols | OutboundFailure::Io(_) => {
                self.refuse(peer, DisconnectReason::Handshake, Instant::now());
            }
        }
    }

    /// Marks a peer as unwanted; whether it was wanted until now.
    fn refuse(&mut self, peer: PeerId, reason: DisconnectReason, at: Instant) -> bool {
        let Some(known) = self.peers.get_mut(&peer) else { return false };
        if matches!(known.stage, Stage::Leaving { .. }) {
            return false;
        }
        known.stage = Stage::Leaving { reason, at };
        true
    }

    /// Keeps a refused peer out for a while, so that neither side tries again and again.
    pub(super) fn remember_refusal(
        &mut self,
        peer: PeerId,
        reason: DisconnectReason,
        now: Instant,
    ) {
        let memory = self.limits.refusal_memory;
        let time = match reason {
            DisconnectReason::HandshakeTimeout => memory.min(SLOW_REFUSAL),
            _ if self.pinned.contains(&peer) => memory.min(SHORT_REFUSAL),
            _ => memory,
        };
        let behaviour = self.swarm.behaviour_mut();
        behaviour.gate.ban(peer, now + time);
        behaviour.kad.remove_peer(&peer);
    }

    pub(super) fn check_handshakes(&mut self, now: Instant) {
        let (mut late, mut leaving, mut stale) = (Vec::new(), Vec::new(), Vec::new());
        for (id, peer) in &self.peers {
            match peer.stage {
                Stage::New { deadline } if deadline <= now => late.push(*id),
                Stage::Leaving { at, .. } if at <= now => leaving.push(*id),
                Stage::Ready if now > peer.asked + self.limits.status_interval => stale.push(*id),
                _ => {}
            }
        }
        for peer in late {
            tracing::debug!(%peer, "a peer did not say which chain it is on");
            self.refuse(peer, DisconnectReason::HandshakeTimeout, now);
            leaving.push(peer);
        }
        for peer in leaving {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        for peer in stale {
            self.ask_status(peer);
        }
    }
}
