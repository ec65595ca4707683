//! Messages of others, from the wire to the application.

use super::Driver;
use crate::{
    bucket::Admission,
    event::{Direction, DisconnectReason, GossipMessage, NetworkEvent, Receipt, Verdict},
    inbox::Class,
    metrics,
    peers::{Connection, Peer, Stage},
    scoring,
    topic::Topic,
};
use libp2p::{
    PeerId,
    gossipsub::{Event, Message, MessageId},
};
use std::{collections::HashSet, time::Instant};

impl Driver {
    pub(super) fn on_gossip(&mut self, event: Event) {
        match event {
            Event::Message { propagation_source, message_id, message } => {
                self.on_message(propagation_source, message_id, message);
            }
            Event::SlowPeer { peer_id, failed_messages } => {
                tracing::debug!(peer = %peer_id, ?failed_messages, "a peer is too slow");
                metrics::dropped("peers");
            }
            Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(peer = %peer_id, "a peer does not gossip");
            }
            Event::Subscribed { .. } | Event::Unsubscribed { .. } => {}
        }
    }

    /// Size and signature were checked. What is dropped here is reported at once, so that nothing
    /// of it is kept.
    fn on_message(&mut self, from: PeerId, id: MessageId, message: Message) {
        let (Some(topic), Some(source)) = (self.topics.of(&message.topic), message.source) else {
            return;
        };
        let bytes = message.data.len();
        metrics::gossip_bytes(topic, Direction::Inbound, bytes);
        let receipt = Receipt { id, from, topic };
        let result = match self.admit(from, topic, source, bytes) {
            Ok(()) => match self.outlets.inbox.room(Class::of(topic), bytes) {
                Some(room) => {
                    metrics::gossip(topic, "received");
                    self.outlets.inbox.push(NetworkEvent::Gossip(GossipMessage {
                        topic,
                        source,
                        data: message.data.into(),
                        receipt,
                        _room: room,
                    }));
                    return;
                }
                None => "dropped",
            },
            Err(result) => result,
        };
        metrics::gossip(topic, result);
        self.report(&receipt, Verdict::Ignore);
    }

    fn admit(
        &mut self,
        from: PeerId,
        topic: Topic,
        source: PeerId,
        bytes: usize,
    ) -> Result<(), &'static str> {
        let Some(peer) = self.peers.get_mut(&from) else { return Err("leaving") };
        if matches!(peer.stage, Stage::Leaving { .. }) {
            return Err("leaving");
        }
        let [consensus, transactions, heads] = &mut peer.gossip;
        let bucket = match topic {
            Topic::Consensus => consensus,
            Topic::Transactions => transactions,
            Topic::Heads => heads,
        };
        match bucket.admit(bytes, Instant::now()) {
            Admission::Pass => {}
            Admission::Flood if !self.pinned.contains(&from) => {
                tracing::warn!(peer = %from, %topic, "a peer floods us");
                self.expel(from, DisconnectReason::Flood, self.limits.ban);
                return Err("limited");
            }
            Admission::Drop | Admission::Flood => return Err("limited"),
        }
        // Sets of authorities change at slightly different times on different nodes: who passes a
        // stranger's message on is not to blame.
        let stranger = !self.pinned.is_empty() && !self.pinned.contains(&source);
        if topic == Topic::Consensus && stranger { Err("stranger") } else { Ok(()) }
    }

    /// Disconnects those whose standing is so low that gossipsub ignores them.
    pub(super) fn expel_the_worst(&mut self) {
        let gossip = &self.swarm.behaviour().gossip;
        let is_bad = |peer: &&PeerId| {
            gossip.peer_score(peer).is_some_and(|score| score < scoring::EXPELLED_BELOW)
        };
        let connected = self.peers.iter().filter(|(_, peer)| peer.is_ready()).map(|(id, _)| id);
        let worst: Vec<PeerId> = connected.filter(is_bad).copied().collect();
        for peer in worst.into_iter().filter(|peer| !self.pinned.contains(peer)).collect::<Vec<_>>()
        {
            tracing::warn!(%peer, "a peer sent too much that was invalid");
            self.expel(peer, DisconnectReason::Score, self.limits.ban);
        }
    }

    /// Disconnects those who subscribed to nothing in all the time that two handshakes may take.
    /// Every node of ours hears at least of heads: such a peer, or we, lost what the other said
    /// at the start, as when one comes back before its old connection was missed. Connected anew,
    /// both say it again.
    pub(super) fn part_from_the_silent(&mut self, now: Instant) {
        let patience = self.limits.handshake_timeout * 2;
        let is_settled = |peer: &Peer| {
            let age = |c: &Connection| now.saturating_duration_since(c.since);
            peer.is_ready() && peer.connections.iter().all(|c| age(c) > patience)
        };
        let gossip = &self.swarm.behaviour().gossip;
        let heard = gossip.all_peers().filter(|(_, topics)| !topics.is_empty());
        let heard: HashSet<PeerId> = heard.map(|(peer, _)| *peer).collect();
        for (id, peer) in &mut self.peers {
            if is_settled(peer) && !heard.contains(id) {
                tracing::info!(peer = %id, "a peer takes part in no gossip: connecting anew");
                peer.stage = Stage::Leaving { reason: DisconnectReason::Silent, at: now };
            }
        }
    }
}
