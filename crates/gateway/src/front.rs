//! What stands before every handler: CORS for pages in browsers, and compression of long answers
//! for those who ask for it.
//!
//! tower-http's layers do both where there is something to do, which is seldom: around every
//! request they cost as much time as the request itself.

use crate::{http::Answer, service::Services};
use ::http::{
    HeaderMap, HeaderValue, Method, Request, Response,
    header::{ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body as _, Incoming};
use mfenx_rpc::RpcServer;
use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_http::{
    CompressionLevel,
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
};

/// Answers up to this long, in bytes, are sent as they are.
const COMPRESSED_BYTES_MIN: u64 = 1_024;
/// How long a browser need not ask again whether it may, in seconds.
const CORS_SECONDS: u64 = 7_200;

/// What is sent: nearly always bytes that are there, else a stream that compresses them.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, BoxError>>;

/// Answers the requests of one connection.
#[derive(Clone)]
pub(crate) struct Front {
    services: Arc<Services>,
    server: Arc<RpcServer>,
}

impl Front {
    /// For a client for whom `server` works.
    pub(crate) fn new(services: Arc<Services>, server: RpcServer) -> Self {
        Self { services, server: Arc::new(server) }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        if request.method() == Method::OPTIONS {
            return preflight(request).await.map(Either::Left);
        }
        let encodings = encodings(request.headers());
        let mut answer = self.services.answer(request, &self.server).await;
        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        match encodings {
            Some(encodings) if answer.body().size_hint().lower() > COMPRESSED_BYTES_MIN => {
                compressed(encodings, answer).await
            }
            _ => answer.map(Either::Left),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    // Boxed, for it is large and passes from hand to hand.
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let front = self.clone();
        Box::pin(async move { Ok(front.answer(request).await) })
    }
}

/// The headers that say what the client can decompress, if there are any.
fn encodings(headers: &HeaderMap) -> Option<HeaderMap> {
    let mut found = None::<HeaderMap>;
    for value in headers.get_all(ACCEPT_ENCODING) {
        found.get_or_insert_default().append(ACCEPT_ENCODING, value.clone());
    }
    found
}

async fn compressed(encodings: HeaderMap, answer: Answer) -> Response<Body> {
    let mut request = Request::new(());
    *request.headers_mut() = encodings;
    let mut answer = Some(answer);
    let given = service_fn(move |_| {
        let answer = answer.take().unwrap_or_default();
        async move { Ok::<_, Infallible>(answer) }
    });
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let Ok(answer) = layer.layer(given).oneshot(request).await;
    answer.map(|body| Either::Right(body.map_err(Into::into).boxed_unsync()))
}

/// Answers `OPTIONS`, which browsers send before a page's first request.
async fn preflight(request: Request<Incoming>) -> Answer {
    let layer = CorsLayer::new()
        .allow_origin(Any)
        .allow_headers(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .max_age(Duration::from_secs(CORS_SECONDS));
    // The layer answers each of them, whatever it asks.
    let never = service_fn(|_| async { Ok::<_, Infallible>(Answer::default()) });
    let Ok(answer) = layer.layer(never).oneshot(request.map(|_| ())).await;
    answer
}
