//! One WebSocket, from its handshake to its end.
//!
//! Invariants:
//! - a request has a place from before it is read until its answer is written, and while there is
//!   no place, or requests and unsent answers take more memory than they may, nothing is read: a client that does not read is slowed
//!   down by TCP and costs a bounded amount of memory;
//! - what a client left behind when it hung up is given up;
//! - answers are in no particular order, messages of a subscription are, after its identifier.

use crate::{
    frames::{Broken, FrameReader, FrameWriter, Incoming, Message, code},
    metrics,
};
use futures_util::{StreamExt, stream::unfold};
use mfenx_rpc::{Answer, Backlog, RpcServer};
use serde_json::value::RawValue;
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
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
    /// The client sent what cannot be read, and is told so once what runs is answered.
    Unreadable(u16),
    /// The client has said goodbye.
    Closed,
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
    pub(crate) async fn serve<R, W>(self, frames: FrameReader<R>, writer: FrameWriter<W>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let Self { server, backlog, messages, limits, stop } = self;
        let _open = metrics::OpenWebSocket::new();
        // As many as there are places: sending to it never waits.
        let (outgoing, answers) = mpsc::channel(limits.requests_max.saturating_add(1));
        let (pongs, pings) = mpsc::channel(1);
        let mut writer = Writer { writer, answers, messages, pings, backlog: Arc::clone(&backlog) };
        let reader = Reader { server, backlog, limits, outgoing, pongs };
        let end = {
            let mut writing = pin!(writer.write(limits.ping_interval));
            let end = tokio::select! {
                end = reader.read(frames, &stop) => end,
                _ = writing.as_mut() => End::Gone,
            };
            match end {
                End::Stopping | End::Unreadable(_) if writing.as_mut().await.is_err() => End::Gone,
                end => end,
            }
        };
        let code = match end {
            End::Stopping => Some(code::GOING_AWAY),
            End::Unreadable(code) => Some(code),
            End::Closed => Some(code::NORMAL),
            End::Gone => None,
        };
        if let Some(code) = code {
            // It fails when the client does not wait for it.
            let _ = writer.writer.close(code).await;
        }
        tracing::trace!(?end, "WebSocket ended");
    }
}

struct Reader {
    server: RpcServer,
    backlog: Arc<Backlog>,
    limits: SessionLimits,
    outgoing: mpsc::Sender<Outgoing>,
    /// What came with a ping. When one waits to be sent back, further ones need no answer.
    pongs: mpsc::Sender<Vec<u8>>,
}

impl Reader {
    /// Reads requests and answers each in a task of its own, which is given up when this is
    /// dropped.
    async fn read<R>(self, frames: FrameReader<R>, stop: &CancellationToken) -> End
    where
        R: AsyncRead + Unpin,
    {
        let places = Arc::new(Semaphore::new(self.limits.requests_max));
        let mut running = JoinSet::new();
        // Reading must not be given up in the middle of a frame: the stream keeps where it is.
        let requests =
            unfold(frames, |frames| request(frames, &self.pongs, self.limits.silence_max));
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
                Some((place, Err(Unread::TooLong))) => {
                    let answer = RpcServer::too_large();
                    let _ = self.outgoing.send(Outgoing { answer, _place: place }).await;
                    break End::Unreadable(code::TOO_LONG);
                }
                Some((_, Err(Unread::Protocol))) => break End::Unreadable(code::PROTOCOL),
                Some((_, Err(Unread::Closed))) => return End::Closed,
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
        request: Message,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (server, outgoing) = (self.server.clone(), self.outgoing.clone());
        let backlog = Arc::clone(&self.backlog);
        let held_max = self.limits.unsent_bytes_max.saturating_add(request.bytes.len());
        // Counted before the next one is read.
        let received = self.backlog.received(request.bytes.len());
        async move {
            // Those that were read just before have filled it, perhaps. The last one that was read
            // never waits for the others, so they do not wait for each other for ever.
            backlog.at_most(held_max).await;
            let answer = server.answer(&request.bytes).await;
            drop((request, received));
            if let Some(answer) = answer {
                // It fails when the connection has ended.
                let _ = outgoing.send(Outgoing { answer, _place: place }).await;
            }
        }
    }
}

/// Why there is no further request.
enum Unread {
    /// It is longer than may be.
    TooLong,
    /// It is none.
    Protocol,
    /// The client says goodbye.
    Closed,
}

/// The next request, and the reader for the one after it; none when the connection has ended.
async fn request<R: AsyncRead + Unpin>(
    mut frames: FrameReader<R>,
    pongs: &mpsc::Sender<Vec<u8>>,
    silence_max: Duration,
) -> Option<(Result<Message, Unread>, FrameReader<R>)> {
    loop {
        // Silent for too long, or gone.
        let incoming = timeout(silence_max, frames.next()).await.unwrap_or(Err(Broken::Gone));
        let request = match incoming {
            Ok(Incoming::Message(request)) => Ok(request),
            Ok(Incoming::Ping(payload)) => {
                let _ = pongs.try_send(payload);
                continue;
            }
            Ok(Incoming::Pong) => continue,
            Ok(Incoming::Close) => Err(Unread::Closed),
            Err(Broken::TooLong) => Err(Unread::TooLong),
            Err(Broken::Protocol) => Err(Unread::Protocol),
            Err(Broken::Gone) => return None,
        };
        return Some((request, frames));
    }
}

struct Writer<W> {
    writer: FrameWriter<W>,
    answers: mpsc::Receiver<Outgoing>,
    messages: mpsc::Receiver<Box<RawValue>>,
    pings: mpsc::Receiver<Vec<u8>>,
    backlog: Arc<Backlog>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes until the client takes no more, which is an error, or until everything is answered
    /// after the last request was read.
    async fn write(&mut self, ping_interval: Duration) -> io::Result<()> {
        let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = self.answers.recv() => match answer {
                    Some(outgoing) => self.writer.text(outgoing.answer.get()).await?,
                    None => return Ok(()),
                },
                Some(message) = self.messages.recv() => {
                    let written = self.writer.text(message.get()).await;
                    self.backlog.written(message.get().len());
                    written?;
                }
                Some(payload) = self.pings.recv() => self.writer.pong(&payload).await?,
                _ = pings.tick() => self.writer.ping().await?,
            }
        }
    }
}
