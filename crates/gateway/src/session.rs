//! One WebSocket, from its handshake to its end.
//!
//! Invariants:
//! - a request has a place from before it is read until its answer is written, and while there is
//!   no place, or requests and unsent answers take more memory than they may, nothing is read: a client that does not read is slowed
//!   down by TCP and costs a bounded amount of memory;
//! - what a client left behind when it hung up is given up;
//! - answers are in no particular order, messages of a subscription are, after its identifier.

use crate::metrics;
use futures_util::{
    StreamExt,
    io::{AsyncRead, AsyncWrite},
    stream::unfold,
};
use mfenx_rpc::{Answer, Backlog, RpcServer};
use serde_json::value::RawValue;
use soketto::{
    Incoming, Receiver, Sender, base::Error as CodecError, connection::Error, data::ByteSlice125,
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

/// What one WebSocket may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    /// Requests that run or whose answers are not written yet.
    pub(crate) requests_max: usize,
    /// Bytes of requests that run and of what is unsent, while a further request is read.
    pub(crate) unsent_bytes_max: usize,
    pub(crate) subscriptions_max: u32,
    /// Messages of subscriptions that wait to be written.
    pub(crate) messages_max: usize,
    pub(crate) ping_interval: Duration,
    /// How long the client may say nothing, not even that it is there.
    pub(crate) silence_max: Duration,
}

/// An answer, with the place of its request.
struct Outgoing {
    answer: Answer,
    _place: OwnedSemaphorePermit,
}

/// Why no more is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The node stops: what runs is still answered.
    Stopping,
    /// The client sent what cannot be read, and is told so.
    Unreadable,
    /// The client has gone.
    Gone,
}

/// A WebSocket's requests.
pub(crate) struct Session {
    server: RpcServer,
    backlog: Arc<Backlog>,
    messages: mpsc::Receiver<Box<RawValue>>,
    limits: SessionLimits,
    stop: CancellationToken,
}

impl Session {
    pub(crate) fn new(server: &RpcServer, limits: SessionLimits, stop: CancellationToken) -> Self {
        let (sender, messages) = mpsc::channel(limits.messages_max);
        let (server, backlog) = server.for_connection(sender, limits.subscriptions_max);
        Self { server, backlog, messages, limits, stop }
    }

    /// Serves until the client goes, or the node stops and everything is answered.
    pub(crate) async fn serve<T>(self, sender: Sender<T>, receiver: Receiver<T>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { server, backlog, messages, limits, stop } = self;
        let _open = metrics::OpenWebSocket::new();
        // As many as there are places: sending to it never waits.
        let (outgoing, answers) = mpsc::channel(limits.requests_max.saturating_add(1));
        let writer = Writer { sender, answers, messages, backlog: Arc::clone(&backlog) };
        let reader = Reader { server, backlog, limits, outgoing };
        let mut writing = pin!(writer.write(limits.ping_interval));
        let end = tokio::select! {
            end = reader.read(receiver, &stop) => end,
            () = writing.as_mut() => End::Gone,
        };
        if end != End::Gone {
            writing.await;
        }
        tracing::trace!(?end, "WebSocket ended");
    }
}

struct Reader {
    server: RpcServer,
    backlog: Arc<Backlog>,
    limits: SessionLimits,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Reader {
    /// Reads requests and answers each in a task of its own, which is given up when this is
    /// dropped.
    async fn read<T>(self, receiver: Receiver<T>, stop: &CancellationToken) -> End
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let places = Arc::new(Semaphore::new(self.limits.requests_max));
        let mut running = JoinSet::new();
        // Reading must not be given up in the middle of a frame: the stream keeps where it is.
        let requests = unfold(receiver, |receiver| request(receiver, self.limits.silence_max));
        let mut requests = pin!(requests.fuse());
        let end = loop {
            while running.try_join_next().is_some() {}
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                self.backlog.at_most(self.limits.unsent_bytes_max).await;
                Some((place, requests.next().await?))
            };
            let next = tokio::select! {
                next = next => next,
                () = stop.cancelled() => break End::Stopping,
            };
            match next {
                Some((place, Ok(request))) => {
                    running.spawn(self.answer(request, place));
                }
                Some((place, Err(TooLong))) => {
                    let answer = RpcServer::too_large();
                    let _ = self.outgoing.send(Outgoing { answer, _place: place }).await;
                    break End::Unreadable;
                }
                None => return End::Gone,
            }
        };
        tokio::select! {
            () = async { while running.join_next().await.is_some() {} } => end,
            // Only to see the connection end.
            () = async { while let Some(Ok(_)) = requests.next().await {} }, if end == End::Stopping => {
                End::Gone
            }
        }
    }

    fn answer(
        &self,
        request: Vec<u8>,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (server, outgoing) = (self.server.clone(), self.outgoing.clone());
        let backlog = Arc::clone(&self.backlog);
        let held_max = self.limits.unsent_bytes_max.saturating_add(request.len());
        // Counted before the next one is read.
        let received = self.backlog.received(request.len());
        async move {
            // Those that were read just before have filled it, perhaps. The last one that was read
            // never waits for the others, so they do not wait for each other for ever.
            backlog.at_most(held_max).await;
            let answer = server.answer(&request).await;
            drop((request, received));
            if let Some(answer) = answer {
                // It fails when the connection has ended.
                let _ = outgoing.send(Outgoing { answer, _place: place }).await;
            }
        }
    }
}

/// A request is longer than may be.
struct TooLong;

/// The next request, and the receiver for the one after it; none when the connection has ended.
async fn request<T>(
    mut receiver: Receiver<T>,
    silence_max: Duration,
) -> Option<(Result<Vec<u8>, TooLong>, Receiver<T>)>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let mut request = Vec::new();
        match timeout(silence_max, receiver.receive(&mut request)).await {
            Ok(Ok(Incoming::Data(_))) => return Some((Ok(request), receiver)),
            Ok(Ok(Incoming::Pong(_))) => {}
            Ok(Err(
                Error::MessageTooLarge { .. } | Error::Codec(CodecError::PayloadTooLarge { .. }),
            )) => return Some((Err(TooLong), receiver)),
            // Closed, broken, or silent for too long.
            Ok(Ok(Incoming::Closed(_)) | Err(_)) | Err(_) => return None,
        }
    }
}

struct Writer<T> {
    sender: Sender<T>,
    answers: mpsc::Receiver<Outgoing>,
    messages: mpsc::Receiver<Box<RawValue>>,
    backlog: Arc<Backlog>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Writer<T> {
    /// Writes until the client takes no more, or until everything is answered after the last
    /// request was read; then says goodbye.
    async fn write(mut self, ping_interval: Duration) {
        let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let written = tokio::select! {
                answer = self.answers.recv() => match answer {
                    Some(outgoing) => self.text(outgoing.answer.get()).await,
                    None => break,
                },
                Some(message) = self.messages.recv() => {
                    let written = self.text(message.get()).await;
                    self.backlog.written(message.get().len());
                    written
                }
                _ = pings.tick() => self.ping().await,
            };
            if written.is_err() {
                return;
            }
        }
        let _ = self.sender.close().await;
    }

    async fn text(&mut self, text: &str) -> Result<(), Error> {
        self.sender.send_text(text).await?;
        self.sender.flush().await
    }

    async fn ping(&mut self) -> Result<(), Error> {
        let nothing: &[u8] = &[];
        let Ok(nothing) = ByteSlice125::try_from(nothing) else { return Ok(()) };
        self.sender.send_ping(nothing).await?;
        self.sender.flush().await
    }
}
