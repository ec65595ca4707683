//! The peer-to-peer network: one libp2p swarm that carries bounded, opaque frames.
//!
//! It knows peers, topics and protocols, and no type of consensus or execution: what a vote or a
//! block looks like is the business of whoever reads the [`NetworkEvent`]s.
//!
//! # What is spoken
//!
//! TCP (noise, yamux) and QUIC. After a connection is made the dialler sends its status (chain ID,
//! genesis hash, protocol version, head) over `/mfenx/status/1` and gets the other's: whoever is on
//! another chain is refused by both sides, with a reason that is logged and counted, and left alone
//! for [`Limits::refusal_memory`]. Gossip (gossipsub 1.2) has three topics, whose names hold the
//! chain; messages are signed by who published them, and passed on only after the application
//! accepted them. `/mfenx/blocks/1` and `/mfenx/parts/1` carry a request of at most
//! [`REQUEST_BYTES_MAX`] and its answer. Peers are found through Kademlia, under a name of the
//! chain; it stores no records.
//!
//! # Parts of a proposal
//!
//! They are **pushed**, in messages of [`PART_BYTES`] on [`Topic::Consensus`], as they are made, and
//! **pulled** over [`Protocol::Parts`] by whoever misses some. What this node publishes goes to
//! every subscribed peer at once (`flood_publish`), so that three or four authorities have a part
//! after half a round trip, where a pull takes one and a half; those who are not connected to the
//! proposer get it through others, which a pull by hash would have to search for. The price is
//! work: each part is signed, checked, and offered once more by those who have it (IDONTWANT keeps
//! most of that off the wire). On loopback, four nodes on one thread, without optimisation, 8 MiB
//! take 0.45 s pushed and 0.3 s pulled; of a block of the usual size nothing is left of that
//! difference but the round trip. Followers need not subscribe: [`NetworkConfig::consensus`].
//!
//! # Bounds
//!
//! Everything a peer can make grow has a bound, most of them fields of [`Limits`]:
//!
//! | What | Bound |
//! |---|---|
//! | connections | `gate`: in all, by direction, per peer, per IPv4 address or /64, being set up; bans: 4096 |
//! | streams of a connection | yamux and QUIC: [`Limits::streams_max`]; 32 in negotiation; per request protocol 32 |
//! | bytes not read yet | QUIC: 8 MiB a connection; yamux: 256 KiB a stream, up to 1 GiB in all where a peer is read from quickly (libp2p does not let us set yamux's own limit) |
//! | gossip frame | the longest message and 33 KiB, before anything is decoded; 64 messages, 16 KiB of control |
//! | gossip message | [`TopicLimits::message_bytes_max`], before the signature is checked and before anything is kept; other topics are not kept at all |
//! | gossip of one peer | token buckets of messages and bytes per topic; four times that, and it is banned |
//! | messages that were seen | [`Limits::duplicate_window`]; contents five seconds, and not at all once they were rejected or ignored |
//! | gossip towards one peer | [`Limits::peer_queue_max`] messages; those that wait for more than 5 s (ours) or 1 s (forwarded) are dropped when their turn comes |
//! | scores of peers that are gone | one minute |
//! | requests | length; [`ProtocolLimits`]: per second, per peer and in all, until the last byte of the answer is sent; ours, too |
//! | answers | [`ProtocolLimits::response_bytes_max`]; memory is taken as bytes arrive, in chunks of 64 KiB |
//! | queue to the application | [`Limits::events_max`], [`Limits::event_bytes_max`]; transactions may use half, consensus all |
//! | queues from the application | [`Limits::commands_max`], one for consensus and one for the rest |
//! | routing table | 20 peers a bucket, 8 addresses a peer, replaced rather than added; no records |
//! | identify | 4 KiB (libp2p); heard every 10 s; 64 characters of the name; addresses that lead into our own machine or network are ignored unless the peer is there |
//!
//! Not bounded: the work of checking signatures of messages that were seen before or that fail
//! the check (each connection is its own task, and failures count against the peer), and the
//! addresses that Kademlia hears of while searching and dials by itself.
//!
//! # Deliberately absent
//!
//! Relays and hole punching: authorities have addresses. Peer exchange through gossip. A store of
//! peers on disk: bootnodes and Kademlia are quick. Reading key files, which is the caller's.

mod address;
mod behaviour;
mod bucket;
mod codec;
mod config;
mod dialer;
mod driver;
mod error;
mod event;
mod gate;
mod handle;
mod identity;
mod inbox;
mod metrics;
mod network;
mod peers;
mod protocol;
mod scoring;
mod status;
mod topic;

pub use address::{AddressError, PeerAddress, listen_addresses};
pub use config::{
    ChainIdentity, Limits, NetworkConfig, PART_BYTES, PROTOCOL_VERSION, ProtocolLimits,
    REQUEST_BYTES_MAX, TopicLimits,
};
pub use error::{IdentityError, NetworkError, RequestError, SendError};
pub use event::{
    Direction, DisconnectReason, GossipMessage, NetworkEvent, PeerInfo, Receipt, ReplyChannel,
    Request, Verdict,
};
pub use handle::{NetworkHandle, Response, Target};
pub use identity::Identity;
pub use libp2p::{Multiaddr, PeerId};
pub use metrics::describe_metrics;
pub use network::{Network, NetworkTask};
pub use protocol::Protocol;
pub use status::Head;
pub use topic::Topic;
