//! JSON-RPC with subscriptions over WebSocket.

use crate::{
    config::GatewayConfig,
    http::{self, Answer},
};
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use jsonrpsee::{
    Methods,
    server::{
        BatchRequestConfig, PingConfig, Server, ServerConfig, StopHandle, TowerServiceBuilder,
        middleware::rpc::RpcServiceBuilder,
    },
};
use mfenx_rpc::{RpcLayer, RpcLimits, SubscriptionIds};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tower::{Service, layer::util::Identity};

/// Makes WebSockets out of HTTP requests.
#[derive(Clone)]
pub(crate) struct WebSockets {
    /// Cloned for each connection, so that each gets its own number.
    builder: TowerServiceBuilder<Identity, Identity>,
    methods: Methods,
    stop: StopHandle,
    layer: RpcLayer,
}

impl WebSockets {
    pub(crate) fn new(
        config: &GatewayConfig,
        limits: &RpcLimits,
        methods: Methods,
        layer: RpcLayer,
        stop: StopHandle,
    ) -> Self {
        let saturated = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let interval = Duration::from_millis(config.ping_interval_ms);
        let pings = PingConfig::new().ping_interval(interval).inactive_limit(interval * 2);
        let config = ServerConfig::builder()
            .ws_only()
            .max_request_body_size(config.request_bytes_max)
            .max_response_body_size(saturated(limits.response_bytes_max))
            .set_batch_request_config(BatchRequestConfig::Limit(saturated(
                limits.batch_entries_max,
            )))
            .max_subscriptions_per_connection(config.subscriptions_max)
            .set_message_buffer_capacity(config.websocket_buffer.max(1))
            .enable_ws_ping(pings)
            .set_id_provider(SubscriptionIds)
            // Connections are counted where they are accepted.
            .max_connections(u32::MAX)
            .build();
        let builder = Server::builder().set_config(config).to_service_builder();
        Self { builder, methods, stop, layer }
    }

    /// Answers the request to become a WebSocket and, if it becomes one, serves it in the
    /// background. `requests` are the places of its requests.
    pub(crate) async fn upgrade(
        &self,
        request: Request<Incoming>,
        requests: Arc<Semaphore>,
    ) -> Answer {
        let layer = RpcServiceBuilder::new().layer(self.layer.for_connection(requests));
        let mut service = self
            .builder
            .clone()
            .set_rpc_middleware(layer)
            .build(self.methods.clone(), self.stop.clone());
        match service.call(request).await {
            Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let (parts, _) = answer.into_parts();
                Response::from_parts(parts, Full::<Bytes>::default())
            }
            _ => http::text(StatusCode::BAD_REQUEST, "this is no WebSocket handshake\n"),
        }
    }
}
