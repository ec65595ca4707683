//! JSON-RPC with subscriptions over WebSocket: the handshake. What follows is a [session](crate::session).

use crate::{
    body_space::BodySpace,
    config::GatewayConfig,
    frames::{FrameReader, FrameWriter},
    http::{self, Answer},
    session::{Session, SessionLimits},
};
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use mfenx_rpc::{RpcLimits, RpcServer};
use soketto::handshake::http::Server;
use std::{sync::Arc, time::Duration};
use tokio::io::{BufReader, BufWriter};
use tokio_util::sync::CancellationToken;

/// Makes WebSockets out of HTTP requests.
#[derive(Debug, Clone)]
pub(crate) struct WebSockets {
    limits: SessionLimits,
    message_bytes_max: usize,
    space: Arc<BodySpace>,
    shutdown: CancellationToken,
}

impl WebSockets {
    pub(crate) fn new(
        config: &GatewayConfig,
        limits: &RpcLimits,
        space: Arc<BodySpace>,
        shutdown: CancellationToken,
    ) -> Self {
        let interval = Duration::from_millis(config.ping_interval_ms.max(1));
        let limits = SessionLimits {
            requests_max: limits.connection_requests_max.max(1),
            unsent_bytes_max: limits.connection_unsent_bytes_max,
            subscriptions_max: config.subscriptions_max,
            messages_max: config.websocket_buffer.max(1) as usize,
            ping_interval: interval,
            silence_max: interval.saturating_mul(2),
        };
        let message_bytes_max = config.websocket_message_bytes_max as usize;
        Self { limits, message_bytes_max, space, shutdown }
    }

    /// Answers the request to become a WebSocket and, if it becomes one, serves it in the
    /// background. The WebSocket lives as long as its socket does.
    pub(crate) fn upgrade(&self, request: Request<Incoming>, server: &RpcServer) -> Answer {
        let mut handshake = Server::new();
        let Ok(answer) = handshake.receive_request(&request) else {
            return http::text(StatusCode::BAD_REQUEST, "this is no WebSocket handshake\n");
        };
        let (limits, server, stop) = (self.limits, server.clone(), self.shutdown.clone());
        let (bytes_max, space) = (self.message_bytes_max, Arc::clone(&self.space));
        tokio::spawn(async move {
            // It is upgraded after the answer is written.
            let upgraded = match hyper::upgrade::on(request).await {
                Ok(upgraded) => upgraded,
                Err(error) => return tracing::trace!(%error, "no WebSocket"),
            };
            let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
            let reader = FrameReader::new(BufReader::new(reader), bytes_max, space);
            let writer = FrameWriter::new(BufWriter::new(writer));
            Session::new(&server, limits, stop).serve(reader, writer).await;
        });
        let mut switching = Response::from_parts(answer.into_parts().0, Full::<Bytes>::default());
        *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        switching
    }
}
