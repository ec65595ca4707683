//! JSON-RPC over HTTP, and what is said to those who come with something else.

use crate::body_space::{self, BodySpace};
use ::http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use mfenx_rpc::{Answer as RpcAnswer, RpcServer};
use serde::Serialize;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};
use tokio::time::error::Elapsed;

/// What every handler answers with.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Types of content that are JSON-RPC.
const JSON_TYPES: [&str; 3] =
    ["application/json", "application/json-rpc", "application/jsonrequest"];

/// How long what may take, and how much may come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpLimits {
    pub(crate) request_bytes_max: usize,
    pub(crate) body_time_max: Duration,
    pub(crate) request_time_max: Duration,
}

/// A body whose length was not announced (`Transfer-Encoding: chunked`) may be this long, in bytes:
/// room for longer ones is kept before they are read.
const UNANNOUNCED_BYTES_MAX: usize = body_space::SMALL_BYTES as usize;

/// Answers a `POST`.
pub(crate) async fn post(
    server: &RpcServer,
    limits: HttpLimits,
    space: &BodySpace,
    request: Request<Incoming>,
) -> Answer {
    if !is_json(request.headers()) {
        return text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON-RPC with `Content-Type: application/json`\n",
        );
    }
    let body = request.into_body();
    if body.size_hint().lower() > limits.request_bytes_max as u64 {
        return too_large(limits.request_bytes_max);
    }
    let Some(_space) = space.take(&body, limits.body_time_max).await else {
        return closing(rpc(RpcServer::busy()));
    };
    let bytes_max = match body.size_hint().upper() {
        Some(_) => limits.request_bytes_max,
        None => limits.request_bytes_max.min(UNANNOUNCED_BYTES_MAX),
    };
    let body = match in_time(limits.body_time_max, read(body, bytes_max)).await {
        Ok(Ok(body)) => body,
        Ok(Err(Unread::TooLong)) => return too_large(bytes_max),
        // The client has gone or speaks no HTTP: whatever is answered will hardly be read.
        Ok(Err(Unread::Broken)) => {
            return closing(text(StatusCode::BAD_REQUEST, "the body is broken\n"));
        }
        Err(_) => {
            return closing(text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"));
        }
    };
    let answer = in_time(limits.request_time_max, server.answer(&body)).await;
    match answer {
        Ok(Some(answer)) => rpc(answer),
        // Notifications ask for no answer.
        Ok(None) => Response::new(Full::default()),
        Err(_) => rpc(server.timed_out(&body)),
    }
}

/// Why a body was not read.
enum Unread {
    TooLong,
    Broken,
}

/// The whole body, without a copy when it came at once, as short ones do.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Unread> {
    let Some(first) = part(&mut body, bytes_max).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = Vec::from(first);
    while let Some(part) = part(&mut body, bytes_max.saturating_sub(whole.len())).await? {
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// What came next, if anything does.
async fn part(body: &mut Incoming, bytes_max: usize) -> Result<Option<Bytes>, Unread> {
    while let Some(frame) = body.frame().await {
        // What is no data is a trailer.
        let Ok(part) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        return if part.len() <= bytes_max { Ok(Some(part)) } else { Err(Unread::TooLong) };
    }
    Ok(None)
}

/// What `future` gives, unless it takes longer. A clock is only set when there is something to wait
/// for.
async fn in_time<F: Future>(time_max: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let first = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    match first {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => tokio::time::timeout(time_max, future).await,
    }
}

/// Parameters of the type, such as the charset, make no difference: JSON is always UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        JSON_TYPES.iter().any(|json| media_type.eq_ignore_ascii_case(json))
    })
}

fn too_large(limit: usize) -> Answer {
    #[derive(Serialize)]
    struct TooLarge {
        jsonrpc: &'static str,
        id: Option<u8>,
        error: Error,
    }
    #[derive(Serialize)]
    struct Error {
        code: i32,
        message: String,
    }
    let message = format!("request too large: at most {limit} bytes are read");
    let error = Error { code: -32600, message };
    closing(json(StatusCode::PAYLOAD_TOO_LARGE, &TooLarge { jsonrpc: "2.0", id: None, error }))
}

/// What a person reads who opens the port in a browser.
pub(crate) fn greeting() -> Answer {
    text(
        StatusCode::OK,
        "This is a MFENX node. POST JSON-RPC 2.0 to this address, or open a WebSocket.\n",
    )
}

pub(crate) fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "there is nothing here; JSON-RPC is at /\n")
}

pub(crate) fn method_not_allowed() -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "use POST for JSON-RPC\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, GET, HEAD, OPTIONS"));
    answer
}

pub(crate) fn text(status: StatusCode, text: &'static str) -> Answer {
    with_type(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    with_type(status, "application/json", bytes.into())
}

/// The answer counts as unsent until the last of its bytes is dropped.
fn rpc(answer: RpcAnswer) -> Answer {
    with_type(StatusCode::OK, "application/json", Bytes::from_owner(answer))
}

fn with_type(status: StatusCode, media_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// The rest of the request is not read, so the connection is of no further use.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_with_or_without_charset() {
        let is_json = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            super::is_json(&headers)
        };
        for value in ["application/json", "Application/JSON; charset=utf-8", "application/json;a=b"]
        {
            assert!(is_json(value), "{value}");
        }
        for value in ["text/plain", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert!(!is_json(value), "{value}");
        }
        assert!(!super::is_json(&HeaderMap::new()));
    }
}
