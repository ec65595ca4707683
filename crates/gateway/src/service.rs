//! Which request goes where.

use crate::{
    body_space::BodySpace,
    health,
    http::{self, Answer, HttpLimits},
    metrics::Requests,
    websocket::WebSockets,
};
use ::http::{Method, Request};
use hyper::body::Incoming;
use mfenx_rpc::{NodeStatus, RpcServer};
use soketto::handshake::http::is_upgrade_request;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What all connections share.
pub(crate) struct Services {
    pub(crate) websockets: WebSockets,
    pub(crate) status: Arc<NodeStatus>,
    pub(crate) limits: HttpLimits,
    pub(crate) body_space: Arc<BodySpace>,
    pub(crate) requests: Requests,
    pub(crate) shutdown: CancellationToken,
}

impl Services {
    /// Answers one request of a client, for whom `server` works.
    pub(crate) async fn answer(&self, request: Request<Incoming>, server: &RpcServer) -> Answer {
        let path = request.uri().path();
        let is_get = request.method() == Method::GET || request.method() == Method::HEAD;
        if is_get && let Some(answer) = health::answer(path, &self.status, self.is_stopping()) {
            self.requests.health.increment(1);
            return answer;
        }
        if is_upgrade_request(&request) {
            self.requests.websocket.increment(1);
            return self.websockets.upgrade(request, server);
        }
        if request.method() == Method::POST {
            self.requests.rpc.increment(1);
            return http::post(server, self.limits, &self.body_space, request).await;
        }
        self.requests.other.increment(1);
        match *request.method() {
            Method::GET | Method::HEAD if path == "/" => http::greeting(),
            Method::GET | Method::HEAD => http::not_found(),
            _ => http::method_not_allowed(),
        }
    }

    fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }
}
