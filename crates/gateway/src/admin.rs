//! The admin listener: metrics, for operators only. It never shares a port with callers.

use crate::error::GatewayError;
use ::http::{Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Bytes, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// A scraper needs one connection, a person another; more are an attack or a mistake.
const CONNECTIONS_MAX: usize = 16;
/// A client that sends no request in this time is closed.
const HEADER_TIME_MAX: Duration = Duration::from_secs(10);

/// Gives the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// A bound listener that answers `GET /metrics`.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl AdminServer {
    /// Binds `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// The address is taken or is not of this machine.
    pub async fn bind(address: SocketAddr) -> Result<Self, GatewayError> {
        let bind = |source| GatewayError::bind(address, source);
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled.
    pub async fn serve(self, render: RenderMetrics, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = stop.cancelled() => return,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, say: give others time to close some.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
            let render = Arc::clone(&render);
            connections.spawn(async move {
                let service = service_fn(|request| {
                    let response = answer(&request, &render);
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIME_MAX)
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "admin connection");
                }
                drop(slot);
            });
        }
    }
}

fn answer<B>(request: &::http::Request<B>, render: &RenderMetrics) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, render()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into()),
        _ => (StatusCode::NOT_FOUND, "only /metrics is here\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let text = ::http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn metrics_are_served_and_nothing_else() {
        let server = AdminServer::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = server.local_addr();
        let taken = AdminServer::bind(address).await.unwrap_err().to_string();
        assert!(taken.contains(&address.to_string()), "{taken}");
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.serve(Arc::new(|| "mfenx_up 1\n".into()), stop.clone()));
        assert!(get(address, "/metrics").await.ends_with("\r\n\r\nmfenx_up 1\n"));
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        task.await.unwrap();
    }
}
