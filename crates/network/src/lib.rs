//! The peer-to-peer network: one libp2p swarm.

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
    ChainIdentity, Limits, NetworkConfig, PROTOCOL_VERSION, ProtocolLimits, REQUEST_BYTES_MAX,
    TopicLimits,
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
