//! What the application wants.

use super::Driver;
use crate::{
    dialer::Want,
    event::{Direction, DisconnectReason, Receipt, Verdict},
    handle::Command,
    metrics, scoring,
    topic::Topic,
};
use bytes::Bytes;
use libp2p::{PeerId, gossipsub::PublishError};
use std::time::Instant;

impl Driver {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { topic, data } => self.publish(topic, data),
            Command::Report { receipt, verdict } => self.report(&receipt, verdict),
            Command::Request { target, protocol, data, reply } => {
                self.ask(target, protocol, data, reply);
            }
            Command::SetHead(head) => self.head = head,
            Command::SetPeerHead { peer, head } => {
                if let Some(peer) = self.peers.get_mut(&peer)
                    && head.number > peer.head.number
                {
                    peer.head = head;
                }
            }
            Command::SetPinned(pinned) => self.set_pinned(pinned),
            Command::Dial(peer) => self.dialer.add(peer, Want::Always, Instant::now()),
            Command::Ban { peer, time } => self.expel(peer, DisconnectReason::Banned, time),
        }
    }

    fn publish(&mut self, topic: Topic, data: Bytes) {
        let bytes = data.len();
        let name = self.topics.name(topic).hash();
        let result = match self.swarm.behaviour_mut().gossip.publish(name, data) {
            Ok(_) => {
                metrics::gossip_bytes(topic, Direction::Outbound, bytes);
                "published"
            }
            Err(PublishError::Duplicate) => "duplicate",
            Err(PublishError::NoPeersSubscribedToTopic) => "no_peers",
            Err(PublishError::AllQueuesFull(peers)) => {
                tracing::warn!(%topic, peers, "a message was dropped: every peer is too slow");
                metrics::dropped("peers");
                "queues_full"
            }
            Err(error) => {
                tracing::warn!(%topic, %error, "a message could not be published");
                "failed"
            }
        };
        metrics::gossip(topic, result);
    }

    pub(super) fn report(&mut self, receipt: &Receipt, verdict: Verdict) {
        self.swarm.behaviour_mut().gossip.report_message_validation_result(
            &receipt.id,
            &receipt.from,
            verdict.acceptance(),
        );
        metrics::gossip(receipt.topic, verdict.label());
    }

    /// Those who cease to be authorities stay connected, as anybody may.
    pub(super) fn set_pinned(&mut self, pinned: Vec<PeerId>) {
        let now = Instant::now();
        let pinned: std::collections::HashSet<PeerId> = pinned.into_iter().collect();
        let behaviour = self.swarm.behaviour_mut();
        for gone in self.pinned.difference(&pinned) {
            behaviour.gossip.set_application_score(gone, 0.0);
            self.dialer.release(gone);
        }
        for peer in pinned.difference(&self.pinned) {
            behaviour.gossip.set_application_score(peer, scoring::PINNED_BONUS);
            self.dialer.add_pinned(*peer, now);
        }
        behaviour.gate.set_pinned(pinned.clone());
        self.pinned = pinned;
    }
}
