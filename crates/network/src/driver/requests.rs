//! Requests of the application to peers, and of peers to the application.

use super::Driver;
use crate::{
    codec::Answer,
    error::RequestError,
    event::{Direction, NetworkEvent, ReplyChannel, Request},
    handle::{Response, Target, Waiter},
    inbox::Class,
    metrics,
    protocol::Protocol,
};
use bytes::Bytes;
use libp2p::{
    PeerId,
    futures::{FutureExt, future::BoxFuture, stream::FuturesUnordered},
    request_response::{
        Event, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ResponseChannel,
    },
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// What is under way in both directions. Bounded by [`crate::ProtocolLimits`].
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Ours.
    asked: HashMap<(Protocol, OutboundRequestId), Asked>,
    /// Those of peers, until the last byte of the answer is sent.
    answering: HashMap<(Protocol, InboundRequestId), PeerId>,
    /// The application's answers, as they become ready.
    pub(super) replies: FuturesUnordered<BoxFuture<'static, Reply>>,
}

#[derive(Debug)]
struct Asked {
    peer: PeerId,
    since: Instant,
    waiter: Waiter,
}

/// The application's answer to a request; none when it has nothing to say.
#[derive(Debug)]
pub(super) struct Reply {
    protocol: Protocol,
    channel: ResponseChannel<Answer>,
    data: Option<Bytes>,
}

impl Driver {
    pub(super) fn ask(&mut self, target: Target, protocol: Protocol, data: Bytes, waiter: Waiter) {
        let limits = self.limits.protocol(protocol);
        let under_way = self.requests.asked.keys().filter(|(other, _)| *other == protocol).count();
        let peer = match target {
            Target::Peer(peer) => Some(peer),
            Target::Any { head_min } => self.best_peer(head_min),
        };
        let peer = peer.and_then(|id| {
            let known = self.peers.get_mut(&id).filter(|peer| peer.is_ready())?;
            Some((id, known))
        });
        let refused = match peer {
            _ if under_way >= limits.outbound_max => RequestError::Overloaded,
            None => RequestError::NoPeer,
            Some((peer, known)) => {
                known.asking += 1;
                let id = self.swarm.behaviour_mut().requests(protocol).send_request(&peer, data);
                let asked = Asked { peer, since: Instant::now(), waiter };
                self.requests.asked.insert((protocol, id), asked);
                return;
            }
        };
        metrics::request(protocol.label(), Direction::Outbound, refused.label());
        let _ = waiter.send(Err(refused));
    }

    /// Of those who are high enough the one with the least to do for us, then the nearest.
    fn best_peer(&self, head_min: u64) -> Option<PeerId> {
        let able = |peer: &crate::peers::Peer| peer.is_ready() && peer.head.number >= head_min;
        let cost = |peer: &crate::peers::Peer| (peer.asking, peer.latency.unwrap_or(Duration::MAX));
        let able = self.peers.iter().filter(|(_, peer)| able(peer));
        able.min_by_key(|(_, peer)| cost(peer)).map(|(id, _)| *id)
    }

    pub(super) fn on_request(&mut self, protocol: Protocol, event: Event<Bytes, Answer>) {
        match event {
            Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    self.on_asked(peer, protocol, request_id, request, channel);
                }
                Message::Response { request_id, response } => {
                    self.on_answer(protocol, request_id, response);
                }
            },
            Event::OutboundFailure { request_id, error, .. } => {
                self.on_no_answer(protocol, request_id, &error);
            }
            Event::InboundFailure { request_id, error, .. } => {
                tracing::debug!(%protocol, %error, "an answer was not sent");
                self.on_answered(protocol, request_id, "failed");
            }
            Event::ResponseSent { request_id, .. } => {
                self.on_answered(protocol, request_id, "sent");
            }
        }
    }

    fn on_asked(
        &mut self,
        peer: PeerId,
        protocol: Protocol,
        id: InboundRequestId,
        data: Bytes,
        channel: ResponseChannel<Answer>,
    ) {
        let room = self.outlets.inbox.room(Class::Requests, data.len());
        if room.is_none() || !self.may_ask(peer, protocol) {
            metrics::request(protocol.label(), Direction::Inbound, "busy");
            let requests = self.swarm.behaviour_mut().requests(protocol);
            let _ = requests.send_response(channel, Answer::Busy);
            return;
        }
        self.requests.answering.insert((protocol, id), peer);
        let (sender, reply) = oneshot::channel();
        let bytes_max = self.limits.protocol(protocol).response_bytes_max;
        let reply = reply.map(move |data| Reply { protocol, channel, data: data.ok() });
        self.requests.replies.push(reply.boxed());
        let reply = ReplyChannel { sender, bytes_max };
        self.outlets.inbox.push(NetworkEvent::Request(Request { peer, protocol, data, reply }));
    }

    /// Whether there is a place for one more request of `peer`; it is taken then.
    fn may_ask(&mut self, peer: PeerId, protocol: Protocol) -> bool {
        let limits = self.limits.protocol(protocol);
        let pinned = &self.pinned;
        let counted = self.requests.answering.iter();
        let counted =
            counted.filter(|((other, _), peer)| *other == protocol && !pinned.contains(*peer));
        let full = counted.count() >= limits.inbound_max && !pinned.contains(&peer);
        let Some(known) = self.peers.get_mut(&peer) else { return false };
        let place = protocol.index();
        let (Some(answering), Some(bucket)) =
            (known.answering.get_mut(place), known.requests.get_mut(place))
        else {
            return false;
        };
        if full || *answering >= limits.inbound_per_peer_max || !bucket.take(1, Instant::now()) {
            return false;
        }
        *answering += 1;
        true
    }

    pub(super) fn on_reply(&mut self, Reply { protocol, channel, data }: Reply) {
        let answer = match data {
            Some(data) => {
                metrics::response_bytes(protocol, Direction::Outbound, data.len());
                Answer::Data(data)
            }
            None => Answer::Unavailable,
        };
        // An error means that nobody waits any more; that was reported by its own event.
        let _ = self.swarm.behaviour_mut().requests(protocol).send_response(channel, answer);
    }

    fn on_answered(&mut self, protocol: Protocol, id: InboundRequestId, result: &'static str) {
        let Some(peer) = self.requests.answering.remove(&(protocol, id)) else { return };
        metrics::request(protocol.label(), Direction::Inbound, result);
        if let Some(peer) = self.peers.get_mut(&peer)
            && let Some(answering) = peer.answering.get_mut(protocol.index())
        {
            *answering = answering.saturating_sub(1);
        }
    }

    fn on_answer(&mut self, protocol: Protocol, id: OutboundRequestId, answer: Answer) {
        let Some(asked) = self.take_asked(protocol, id) else { return };
        let peer = asked.peer;
        let result = match answer {
            Answer::Data(data) => {
                metrics::response_bytes(protocol, Direction::Inbound, data.len());
                metrics::request_time(protocol, asked.since.elapsed());
                Ok(Response { peer, data })
            }
            Answer::Busy => Err(RequestError::Busy { peer }),
            Answer::Unavailable => Err(RequestError::Unavailable { peer }),
        };
        settle(protocol, asked.waiter, result);
    }

    fn on_no_answer(&mut self, protocol: Protocol, id: OutboundRequestId, error: &OutboundFailure) {
        let timeout = self.limits.protocol(protocol).timeout;
        let Some(asked) = self.take_asked(protocol, id) else { return };
        let peer = asked.peer;
        let error = match error {
            OutboundFailure::Timeout => RequestError::Timeout { peer, protocol, timeout },
            other => RequestError::Failed { peer, reason: other.to_string() },
        };
        settle(protocol, asked.waiter, Err(error));
    }

    fn take_asked(&mut self, protocol: Protocol, id: OutboundRequestId) -> Option<Asked> {
        let asked = self.requests.asked.remove(&(protocol, id))?;
        if let Some(peer) = self.peers.get_mut(&asked.peer) {
            peer.asking = peer.asking.saturating_sub(1);
        }
        Some(asked)
    }

    /// Ends what took too long: libp2p's own clock starts when the stream is negotiated.
    pub(super) fn check_requests(&mut self, now: Instant) {
        let limits = &self.limits;
        let asked = self.requests.asked.iter();
        let late = asked.filter(|((protocol, _), asked)| {
            now.saturating_duration_since(asked.since) > limits.protocol(*protocol).timeout
        });
        let late: Vec<_> = late.map(|(key, _)| *key).collect();
        for (protocol, id) in late {
            self.on_no_answer(protocol, id, &OutboundFailure::Timeout);
        }
    }
}

fn settle(protocol: Protocol, waiter: Waiter, result: Result<Response, RequestError>) {
    let label = result.as_ref().map_or_else(RequestError::label, |_| "answered");
    metrics::request(protocol.label(), Direction::Outbound, label);
    // Whoever asked may have lost interest.
    let _ = waiter.send(result);
}
