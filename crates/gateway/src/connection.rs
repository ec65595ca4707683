//! One accepted connection, from its socket to its end.

use crate::{
    admission::{Admission, Refusal},
    config::GatewayConfig,
    front::Front,
    metrics,
    patience::Patience,
    service::Services,
    stream::ClientStream,
};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use mfenx_rpc::RpcServer;
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// Refused connections that are told so at the same time; others are closed without a word.
const REFUSALS_MAX: usize = 64;
/// How long and how much a refused client may still send, so that it gets to read the refusal.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
const REFUSAL_BYTES_MAX: u64 = 64 * 1_024;

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    access-control-allow-origin: *\r\ncontent-type: text/plain\r\ncontent-length: 32\r\n\
    connection: close\r\n\r\nall connections here are in use\n";
const CLIENT: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\
    access-control-allow-origin: *\r\ncontent-type: text/plain\r\ncontent-length: 33\r\n\
    connection: close\r\n\r\nthis client has too many of them\n";

/// Turns sockets into connections.
pub(crate) struct Connections {
    services: Arc<Services>,
    admission: Arc<Admission>,
    refusals: Arc<Semaphore>,
    idle_time_max: Duration,
    stall_max: Duration,
    stall_bytes_min: usize,
    /// What is open, WebSockets included.
    open: TaskTracker,
    /// Ends what is open without further ado.
    end: CancellationToken,
}

impl Connections {
    pub(crate) fn new(config: &GatewayConfig, services: Arc<Services>, server: RpcServer) -> Self {
        Self {
            services,
            admission: Arc::new(Admission::new(config, server)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            idle_time_max: Duration::from_millis(config.idle_time_ms_max),
            stall_max: Duration::from_millis(config.write_stall_ms_max),
            stall_bytes_min: config.write_stall_bytes_min,
            open: TaskTracker::new(),
            end: CancellationToken::new(),
        }
    }

    /// Serves a socket in the background, or turns it away.
    pub(crate) fn accept(&self, socket: TcpStream, address: SocketAddr) {
        // Answers are written at once; waiting for more would only delay them.
        let _ = socket.set_nodelay(true);
        match self.admission.admit(address.ip()) {
            Ok(place) => {
                let server = place.server().clone();
                let stream = ClientStream::new(
                    socket,
                    &self.end,
                    Patience::new(self.stall_max, self.stall_bytes_min),
                    place,
                    self.open.token(),
                );
                let services = Arc::clone(&self.services);
                tokio::spawn(serve(stream, services, server, self.idle_time_max));
            }
            Err(refusal) => {
                metrics::refused(refusal.name());
                tracing::debug!(%address, reason = refusal.name(), "connection refused");
                if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
                    tokio::spawn(async move {
                        let _place = place;
                        refuse(socket, refusal).await;
                    });
                }
            }
        }
    }

    /// Waits for what is open to end, and ends it when `drain_time_max` is over.
    pub(crate) async fn drain(&self, drain_time_max: Duration) {
        self.open.close();
        if tokio::time::timeout(drain_time_max, self.open.wait()).await.is_err() {
            tracing::warn!(open = self.open.len(), "closing connections that did not end in time");
        }
        self.end.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.open.wait()).await;
    }
}

async fn serve(
    stream: ClientStream,
    services: Arc<Services>,
    server: RpcServer,
    idle_time_max: Duration,
) {
    let shutdown = services.shutdown.clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_time_max)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), Front::new(services, server))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "connection ended");
    }
}

/// Tells a client why it is not let in. Closing right away could make the client's system throw the
/// words away, so what it sends is read for a moment.
async fn refuse(mut socket: TcpStream, refusal: Refusal) {
    let words = match refusal {
        Refusal::Full => FULL,
        Refusal::Client => CLIENT,
    };
    let _ = tokio::time::timeout(REFUSAL_TIME, async {
        socket.write_all(words).await?;
        socket.shutdown().await?;
        tokio::io::copy(&mut socket.take(REFUSAL_BYTES_MAX), &mut tokio::io::sink()).await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_http_with_the_length_they_say() {
        for words in [FULL, CLIENT] {
            let text = std::str::from_utf8(words).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{text}");
            assert!(head.lines().all(|line| !line.starts_with(' ')), "{text}");
        }
    }
}
