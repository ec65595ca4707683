//! A client's socket, with patience that ends.

use crate::{admission::Place, metrics, patience::Patience};
use std::{
    future::Future,
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::task_tracker::TaskTrackerToken,
};

/// A socket that
/// - fails, for reading too, when the client does not take enough of what is written to it;
/// - fails when everything has to end;
/// - gives its connection's place back when it is dropped, whoever had it then.
pub(crate) struct ClientStream {
    socket: TcpStream,
    end: CancellationToken,
    /// One for each direction, for a future wakes only the task that asked it last.
    read_end: Pin<Box<WaitForCancellationFutureOwned>>,
    write_end: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Patience,
    _place: Place,
    _open: TaskTrackerToken,
}

impl ClientStream {
    /// `open` is dropped with the stream.
    pub(crate) fn new(
        socket: TcpStream,
        end: &CancellationToken,
        patience: Patience,
        place: Place,
        open: TaskTrackerToken,
    ) -> Self {
        let end = end.child_token();
        Self {
            socket,
            read_end: Box::pin(end.clone().cancelled_owned()),
            write_end: Box::pin(end.clone().cancelled_owned()),
            end,
            patience,
            _place: place,
            _open: open,
        }
    }

    /// Lets a write wait for so long and no longer.
    fn patiently(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        if let Poll::Ready(written) = written {
            self.patience.wrote(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        check(&mut self.write_end, cx)?;
        ready!(self.patience.poll_over(cx));
        metrics::stalled();
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
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if read.is_pending() {
            check(&mut self.read_end, cx)?;
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
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
