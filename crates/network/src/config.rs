//! What a network is told at its start. Every bound is a field with its unit in the name.

use crate::{
    address::PeerAddress, error::NetworkError, identity::Identity, protocol::Protocol,
    status::Head, topic::Topic,
};
use libp2p::{Multiaddr, PeerId};
use mfenx_primitives::B256;
use std::time::Duration;

/// Version of what peers say to each other; peers of another one are refused.
pub const PROTOCOL_VERSION: u32 = 1;
/// Longest request of an application protocol, in bytes.
pub const REQUEST_BYTES_MAX: usize = 1024;
/// Length of the parts that a proposal is pushed in, in bytes: long enough that signatures and
/// envelopes cost nothing, short enough that votes get through between two of them.
pub const PART_BYTES: usize = 256 * 1024;

/// Which chain this is. Peers that are on another one are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainIdentity {
    /// Chain ID (EIP-155).
    pub chain_id: u64,
    /// Hash of the genesis block.
    pub genesis_hash: B256,
    /// Version of the protocol, [`PROTOCOL_VERSION`] unless a test pretends to be another node.
    pub version: u32,
}

impl ChainIdentity {
    /// A chain at the current [`PROTOCOL_VERSION`].
    #[must_use]
    pub const fn new(chain_id: u64, genesis_hash: B256) -> Self {
        Self { chain_id, genesis_hash, version: PROTOCOL_VERSION }
    }

    /// Chain ID and the first eight bytes of the genesis hash: part of the names of topics and of
    /// the discovery protocol.
    pub(crate) fn tag(&self) -> String {
        let hash = self.genesis_hash.to_string();
        let short = hash.get(2..18).unwrap_or_default();
        format!("{}-{short}", self.chain_id)
    }
}

/// How a node takes part in the network.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Who this node is.
    pub identity: Identity,
    /// The chain it is on.
    pub chain: ChainIdentity,
    /// Name and version shown to peers, such as `mfenx/0.1.0`.
    pub agent: String,
    /// Where to listen; see [`crate::listen_addresses`].
    pub listen: Vec<Multiaddr>,
    /// Addresses to announce beside those listened on: what others see behind a NAT.
    pub external: Vec<Multiaddr>,
    /// Peers that are dialled, with back-off, while there are fewer than [`Limits::peers_target`].
    pub bootnodes: Vec<PeerAddress>,
    /// Peers that are always dialled again.
    pub persistent: Vec<PeerAddress>,
    /// The authorities: always dialled again, exempt from the limits of connections, and, unless
    /// there are none, the only ones whose messages on [`Topic::Consensus`] are passed on.
    pub pinned: Vec<PeerId>,
    /// Whether to take part in [`Topic::Consensus`]. Followers need not: what is decided reaches
    /// them through [`Topic::Heads`] and [`Protocol::Blocks`].
    pub consensus: bool,
    /// The head at the start; later ones come by [`crate::NetworkHandle::set_head`].
    pub head: Head,
    /// Bounds.
    pub limits: Limits,
}

impl NetworkConfig {
    /// A node that listens nowhere and knows nobody, with the default limits.
    #[must_use]
    pub fn new(identity: Identity, chain: ChainIdentity) -> Self {
        Self {
            identity,
            chain,
            agent: concat!("mfenx/", env!("CARGO_PKG_VERSION")).into(),
            listen: Vec::new(),
            external: Vec::new(),
            bootnodes: Vec::new(),
            persistent: Vec::new(),
            pinned: Vec::new(),
            consensus: true,
            head: Head::default(),
            limits: Limits::default(),
        }
    }
}

/// What a peer may send on one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicLimits {
    /// Longest message, in bytes.
    pub message_bytes_max: usize,
    /// Messages a second that one peer may pass to us, in the long run.
    pub messages_per_second: u32,
    /// Messages that it may pass at once.
    pub messages_burst: u32,
    /// Bytes a second that one peer may pass to us, in the long run.
    pub bytes_per_second: u32,
    /// Bytes that it may pass at once.
    pub bytes_burst: u32,
}

/// Bounds of one protocol of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolLimits {
    /// Longest response, in bytes, sent or taken.
    pub response_bytes_max: usize,
    /// From opening the stream to the last byte of the response, on both sides.
    pub timeout: Duration,
    /// Requests of one peer that are being answered.
    pub inbound_per_peer_max: usize,
    /// Requests of all peers that are being answered. Pinned peers are not counted.
    pub inbound_max: usize,
    /// Requests a second that one peer may make, in the long run; it may save up twice as many.
    pub inbound_per_second: u32,
    /// Requests of ours that are under way.
    pub outbound_max: usize,
}

/// Every bound of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Peers to look for. Bootnodes are dialled and the network is searched below this.
    pub peers_target: usize,
    /// Connections that others opened.
    pub inbound_max: usize,
    /// Connections that this node opened.
    pub outbound_max: usize,
    /// Connections to one peer.
    pub per_peer_max: usize,
    /// Inbound connections from one IPv4 address or one /64 of IPv6, established or not.
    pub per_ip_max: usize,
    /// Inbound connections that are being set up.
    pub pending_inbound_max: usize,
    /// Streams that a peer may have open on one connection.
    pub streams_max: usize,
    /// From the connection to a verified status.
    pub handshake_timeout: Duration,
    /// How long a peer that is on another chain is neither dialled nor let in.
    pub refusal_memory: Duration,
    /// How long a peer that flooded or lied is kept out.
    pub ban: Duration,
    /// How often peers are asked for their head.
    pub status_interval: Duration,
    /// How often peers are asked whether they are alive; a peer that does not answer within it
    /// is gone.
    pub ping_interval: Duration,
    /// Longest pause between attempts to dial a pinned or persistent peer. Bootnodes: six times.
    pub redial_max: Duration,
    /// How often the network is searched while peers are missing.
    pub discovery_interval: Duration,
    /// Messages and requests that wait for the application.
    pub events_max: usize,
    /// Bytes of messages that the application was given and has not dropped.
    pub event_bytes_max: usize,
    /// Commands that wait for the network, in each of two queues.
    pub commands_max: usize,
    /// Messages that wait for one slow peer.
    pub peer_queue_max: usize,
    /// How long a message is remembered as seen.
    pub duplicate_window: Duration,
    /// Bounds of [`Topic::Consensus`].
    pub consensus: TopicLimits,
    /// Bounds of [`Topic::Transactions`].
    pub transactions: TopicLimits,
    /// Bounds of [`Topic::Heads`].
    pub heads: TopicLimits,
    /// Bounds of [`Protocol::Blocks`].
    pub blocks: ProtocolLimits,
    /// Bounds of [`Protocol::Parts`].
    pub parts: ProtocolLimits,
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

impl Default for Limits {
    fn default() -> Self {
        let requests = ProtocolLimits {
            response_bytes_max: 9 * MIB as usize,
            timeout: Duration::from_secs(15),
            inbound_per_peer_max: 4,
            inbound_max: 16,
            inbound_per_second: 20,
            outbound_max: 16,
        };
        Self {
            peers_target: 24,
            inbound_max: 64,
            outbound_max: 32,
            per_peer_max: 3,
            per_ip_max: 16,
            pending_inbound_max: 64,
            streams_max: 96,
            handshake_timeout: Duration::from_secs(5),
            refusal_memory: Duration::from_secs(300),
            ban: Duration::from_secs(300),
            status_interval: Duration::from_secs(5),
            ping_interval: Duration::from_secs(5),
            redial_max: Duration::from_secs(5),
            discovery_interval: Duration::from_secs(10),
            events_max: 4096,
            event_bytes_max: 64 * MIB as usize,
            commands_max: 1024,
            peer_queue_max: 512,
            duplicate_window: Duration::from_secs(60),
            consensus: TopicLimits {
                message_bytes_max: 512 * KIB as usize,
                messages_per_second: 1000,
                messages_burst: 4000,
                bytes_per_second: 16 * MIB,
                bytes_burst: 48 * MIB,
            },
            transactions: TopicLimits {
                message_bytes_max: (MIB + 4 * KIB) as usize,
                messages_per_second: 5000,
                messages_burst: 10_000,
                bytes_per_second: 4 * MIB,
                bytes_burst: 16 * MIB,
            },
            heads: TopicLimits {
                message_bytes_max: 64 * KIB as usize,
                messages_per_second: 20,
                messages_burst: 200,
                bytes_per_second: 256 * KIB,
                bytes_burst: MIB,
            },
            blocks: requests,
            parts: ProtocolLimits {
                timeout: Duration::from_secs(5),
                inbound_per_second: 100,
                ..requests
            },
        }
    }
}

impl Limits {
    /// The bounds of a topic.
    #[must_use]
    pub const fn topic(&self, topic: Topic) -> &TopicLimits {
        match topic {
            Topic::Consensus => &self.consensus,
            Topic::Transactions => &self.transactions,
            Topic::Heads => &self.heads,
        }
    }

    /// The bounds of a protocol.
    #[must_use]
    pub const fn protocol(&self, protocol: Protocol) -> &ProtocolLimits {
        match protocol {
            Protocol::Blocks => &self.blocks,
            Protocol::Parts => &self.parts,
        }
    }

    /// Refuses bounds under which nothing could pass.
    pub(crate) fn check(&self) -> Result<(), NetworkError> {
        let wrong = |what: String| Err(NetworkError::Config(what));
        for topic in Topic::ALL {
            let limits = self.topic(topic);
            let bytes_max = limits.message_bytes_max;
            if bytes_max == 0 || bytes_max > limits.bytes_burst as usize {
                return wrong(format!("{topic}: a message of {bytes_max} bytes never passes"));
            }
            if limits.messages_burst == 0 {
                return wrong(format!("{topic}: messages_burst is 0"));
            }
        }
        for protocol in Protocol::ALL {
            if u32::try_from(self.protocol(protocol).response_bytes_max).is_err() {
                return wrong(format!("{protocol}: response_bytes_max is above 4 GiB"));
            }
        }
        if self.events_max < 16 || self.commands_max == 0 || self.peer_queue_max == 0 {
            return wrong("a queue without room".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limits_are_sound_and_contradictions_are_not() {
        Limits::default().check().unwrap();
        let mut limits = Limits::default();
        limits.heads.message_bytes_max = limits.heads.bytes_burst as usize + 1;
        assert!(limits.check().unwrap_err().to_string().contains("heads"));
    }

    #[test]
    fn the_tag_names_chain_and_genesis() {
        let chain = ChainIdentity::new(5, B256::repeat_byte(0x1f));
        assert_eq!(chain.tag(), "5-1f1f1f1f1f1f1f1f");
    }
}
