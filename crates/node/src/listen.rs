//! Where a node listens, within what the system lets this process open.

use crate::error::NodeError;
use mfenx_gateway::GatewayConfig;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;

/// Files that are open besides connections of callers: the store, listeners, the runtime, peers.
const FILES_OF_OUR_OWN: u64 = 64;

/// Where a node listens and what it answers.
#[derive(Debug, Clone)]
pub struct Listen {
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// Metrics.
    pub admin: SocketAddr,
    /// Namespaces separated by commas; `public` and `all` are sets of them.
    pub api: String,
}

/// The gateway's bounds, within what the system lets this process open.
///
/// The soft limit of open files is often 1,024 for the sake of programs that use `select`; this one
/// does not, and takes what the hard limit allows.
pub(crate) fn gateway_config(http: SocketAddr) -> Result<GatewayConfig, NodeError> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let default = GatewayConfig::default();
    let connections = files.saturating_sub(FILES_OF_OUR_OWN).min(default.connections_max as u64);
    if connections == 0 {
        return Err(NodeError::OpenFiles { files, needed: FILES_OF_OUR_OWN + 1 });
    }
    Ok(GatewayConfig { http, connections_max: connections as usize, ..default })
}
