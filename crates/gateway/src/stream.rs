//! A client's socket, with patience that ends and with reading that waits.

use crate::admission::Place;
use std::{
    future::Future,
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Semaphore,
    time::{Sleep, sleep},
};
use tokio_util::{
    sync::{CancellationToken, PollSemaphore, WaitForCancellationFutureOwned},
    task::task_tracker::TaskTrackerToken,
};

/// A socket that
/// - is read from only while there is a free place for a request;
/// - fails, for reading too, when the client does not take what is written to it;
/// - fails when everything has to end;
/// - gives its connection's place back when it is dropped, whoever had it then.
pub(crate) struct ClientStream {
    socket: TcpStream,
    requests: PollSemaphore,
    end: CancellationToken,
    /// One for each direction, for a future wakes only the task that asked it last.
    read_end: Pin<Box<WaitForCancellationFutureOwned>>,
    write_end: Pin<Box<WaitForCancellationFutureOwned>>,
    stall_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
    _open: TaskTrackerToken,
}

impl ClientStream {
    /// `requests` are the places of the connection's requests; `open` is dropped with the stream.
    pub(crate) fn new(
        socket: TcpStream,
        requests: Arc<Semaphore>,
        end: &CancellationToken,
        stall_max: Duration,
        place: Place,
        open: TaskTrackerToken,
    ) -> Self {
        let end = end.child_token();
        Self {
            socket,
            requests: PollSemaphore::new(requests),
            read_end: Box::pin(end.clone().cancelled_owned()),
            write_end: Box::pin(end.clone().cancelled_owned()),
            end,
            stall_max,
            stalled: None,
            _place: place,
            _open: open,
        }
    }

    /// Lets a write wait for so long and no longer.
    fn patiently<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall_max = self.stall_max;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall_max)));
        ready!(stalled.as_mut().poll(cx));
        // Whoever waits for the client to send something has to know as well.
        self.end.cancel();
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read")))
    }
}

fn check(end: &mut Pin<Box<WaitForCancellationFutureOwned>>, cx: &mut Context<'_>) -> Result<()> {
    match end.as_mut().poll(cx) {
        Poll::Ready(()) => {
            Err(Error::new(ErrorKind::ConnectionAborted, "the connection ends here"))
        }
        Poll::Pending => Ok(()),
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        check(&mut self.read_end, cx)?;
        // Only to see that there is one: the request that is read takes it itself.
        drop(ready!(self.requests.poll_acquire(cx)));
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        check(&mut self.write_end, cx)?;
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        check(&mut self.write_end, cx)?;
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, parts);
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
