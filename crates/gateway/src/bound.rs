//! Opening the port, and serving it until shutdown.

use crate::{
    body_space::BodySpace, config::GatewayConfig, connection::Connections, error::GatewayError,
    http::HttpLimits, metrics, service::Services, websocket::WebSockets,
};
use mfenx_rpc::{NodeStatus, RpcLimits, RpcMethods, RpcServer};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The entrance.
#[derive(Debug, Clone, Copy)]
pub struct Gateway;

impl Gateway {
    /// Opens the port. Connections wait in the system's queue until [`Bound::serve`].
    ///
    /// # Errors
    /// [`GatewayError`], with what to do about it.
    pub async fn bind(config: GatewayConfig) -> Result<Bound, GatewayError> {
        let address = config.http;
        let listener =
            TcpListener::bind(address).await.map_err(|error| GatewayError::bind(address, error))?;
        let address = listener.local_addr().map_err(|error| GatewayError::bind(address, error))?;
        Ok(Bound { listener, address, config })
    }
}

/// An open port that is not served yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    config: GatewayConfig,
}

impl Bound {
    /// Where the port is, with the number that the system chose for 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `methods` until `shutdown` is cancelled; then accepts nothing more,
    /// lets what runs end within the drain time, and returns when every connection is closed.
    ///
    /// `limits` are those the methods were made with. Whoever wants load balancers to turn away first
    /// sets `status` to not ready and waits before cancelling `shutdown`.
    pub async fn serve(
        self,
        methods: impl Into<RpcMethods>,
        limits: &RpcLimits,
        status: Arc<NodeStatus>,
        shutdown: CancellationToken,
    ) {
        let Self { listener, address, config } = self;
        metrics::describe();
        let server = RpcServer::new(methods, limits);
        let services = services(&config, limits, status, &shutdown);
        let connections = Connections::new(&config, Arc::new(services), server);
        tracing::info!(%address, "JSON-RPC over HTTP and WebSocket");
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, address)) => connections.accept(socket, address),
                Err(error) => {
                    // Usually the limit of open files: those who are served will make room.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.drain(Duration::from_millis(config.drain_time_ms_max)).await;
    }
}

fn services(
    config: &GatewayConfig,
    limits: &RpcLimits,
    status: Arc<NodeStatus>,
    shutdown: &CancellationToken,
) -> Services {
    let body_space = Arc::new(BodySpace::new(config.bodies_bytes_max));
    Services {
        websockets: WebSockets::new(config, limits, Arc::clone(&body_space), shutdown.clone()),
        status,
        requests: metrics::Requests::new(),
        body_space,
        limits: HttpLimits {
            request_bytes_max: config.request_bytes_max as usize,
            body_time_max: Duration::from_millis(config.body_time_ms_max),
            request_time_max: Duration::from_millis(config.request_time_ms_max),
        },
        shutdown: shutdown.clone(),
    }
}
