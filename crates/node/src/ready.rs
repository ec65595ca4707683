//! What a node says once everything serves.

use crate::accounts::DevAccount;
use alloy_primitives::{Address, B256};
use mfenx_primitives::Quorum;
use std::{net::SocketAddr, path::PathBuf};

/// What a node says once everything serves.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Address of JSON-RPC.
    pub http: SocketAddr,
    /// Address of the metrics.
    pub admin: SocketAddr,
    /// Address for peers, with the peer ID; none without a network.
    pub p2p: Option<String>,
    /// The chain ID.
    pub chain_id: u64,
    /// Height of the head.
    pub head_number: u64,
    /// Hash of the head.
    pub head_hash: B256,
    /// Where the chain is kept; `None` when it is temporary.
    pub data: Option<PathBuf>,
    /// What kind of node it is.
    pub running_as: RunningAs,
}

/// What kind of node is running.
#[derive(Debug, Clone)]
pub enum RunningAs {
    /// A development chain.
    Dev {
        /// Its funded accounts.
        accounts: Vec<DevAccount>,
        /// The mnemonic they are from.
        mnemonic: &'static str,
        /// What each had at genesis, in JULIAN.
        balance: u64,
    },
    /// A server over a store that nobody extends.
    Serve,
    /// A node of a network.
    Network {
        /// Whose keys it has; a follower has none.
        operator: Option<Address>,
        /// The rule by which the authorities decide.
        quorum: Quorum,
        /// How many authorities the chain began with.
        authorities: usize,
    },
}

impl Ready {
    /// The line for programs.
    pub fn line(&self) -> String {
        let p2p = self.p2p.as_deref().unwrap_or("off");
        format!("ready http={} ws={} p2p={p2p} admin={}", self.http, self.http, self.admin)
    }
}
