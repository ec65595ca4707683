//! What can go wrong, and what the caller may do about it.

use crate::{address::AddressError, protocol::Protocol, topic::Topic};
use libp2p::{Multiaddr, PeerId};
use std::time::Duration;

/// The seed of an identity was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the seed of an Ed25519 key")]
pub struct IdentityError;

/// The network cannot start or go on: the process should end with this reason.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A listening address is in use, or not an address of this machine.
    #[error(
        "cannot listen on {address}: {reason}; stop the program that does, or choose another address \
         for peers"
    )]
    Listen {
        /// The address that was refused.
        address: Multiaddr,
        /// What the system said.
        reason: String,
    },
    /// A listener ended while the node ran.
    #[error("the listener on {addresses} ended: {reason}")]
    ListenerClosed {
        /// Where it listened.
        addresses: String,
        /// What the system said.
        reason: String,
    },
    /// The limits contradict each other: fix the configuration.
    #[error("network configuration: {0}")]
    Config(String),
    /// A transport could not be set up.
    #[error("cannot set up a transport: {0}")]
    Transport(String),
    /// An address of the configuration.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// A message was not taken for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Larger than every peer accepts on this topic: split it.
    #[error("{bytes} bytes on {topic}: at most {bytes_max} are allowed")]
    TooLarge {
        /// Where it should have gone.
        topic: Topic,
        /// Its length.
        bytes: usize,
        /// The bound of the topic.
        bytes_max: usize,
    },
    /// The queue to the network is full: drop it, or try again later.
    #[error("the queue to the network is full")]
    Overloaded,
    /// The network has ended.
    #[error("the network has ended")]
    Stopped,
}

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than the protocol allows: ask for less.
    #[error("a request of {bytes} bytes: at most {bytes_max} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The bound of a request.
        bytes_max: usize,
    },
    /// Nobody is connected who could answer: wait for a peer.
    #[error("no connected peer can answer")]
    NoPeer,
    /// As many requests as allowed are under way: wait for one of them.
    #[error("too many requests are under way")]
    Overloaded,
    /// The peer has too much to do: ask another, or later.
    #[error("{peer} is busy")]
    Busy {
        /// Who was asked.
        peer: PeerId,
    },
    /// The peer does not have it, or did not want to say: ask another.
    #[error("{peer} has no answer")]
    Unavailable {
        /// Who was asked.
        peer: PeerId,
    },
    /// No complete answer came in time: ask another.
    #[error("{peer} did not answer {protocol} within {timeout:?}")]
    Timeout {
        /// Who was asked.
        peer: PeerId,
        /// What.
        protocol: Protocol,
        /// How long was waited.
        timeout: Duration,
    },
    /// The connection broke, or the answer broke the rules of the protocol: ask another.
    #[error("no answer from {peer}: {reason}")]
    Failed {
        /// Who was asked.
        peer: PeerId,
        /// What happened.
        reason: String,
    },
    /// The network has ended.
    #[error("the network has ended")]
    Stopped,
}

impl RequestError {
    /// A word of a bounded set, for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NoPeer => "no_peer",
            Self::Overloaded => "overloaded",
            Self::Busy { .. } => "busy",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout { .. } => "timeout",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
        }
    }
}
