//! How long a client may leave what is written to it unread.
//!
//! Only the time counts in which something waits to be written, and only a minimum of bytes ends it:
//! a client that takes a byte now and then is as much of a burden as one that takes none.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// Watches the writes of one connection.
#[derive(Debug)]
pub(crate) struct Patience {
    wait_max: Duration,
    bytes_min: usize,
    /// Time waited and bytes written since the client last took enough.
    waited: Duration,
    written: usize,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    /// In every `wait_max` of waiting the client has to take `bytes_min` bytes.
    pub(crate) const fn new(wait_max: Duration, bytes_min: usize) -> Self {
        Self { wait_max, bytes_min, waited: Duration::ZERO, written: 0, waiting: None }
    }

    /// The client took so many bytes.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.written = self.written.saturating_add(bytes);
        if self.written >= self.bytes_min {
            (self.waited, self.written) = (Duration::ZERO, 0);
        }
    }

    /// The client takes nothing; ready when it has been waited for long enough.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.wait_max.saturating_sub(self.waited);
        let (_, over) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        over.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::time::timeout;

    const BRIEF: Duration = Duration::from_millis(20);

    async fn is_over(patience: &mut Patience) -> bool {
        timeout(BRIEF, poll_fn(|cx| patience.poll_over(cx))).await.is_ok()
    }

    #[tokio::test]
    async fn a_trickle_is_no_progress() {
        let mut patience = Patience::new(Duration::from_millis(300), 1_000_000);
        let started = Instant::now();
        while !is_over(&mut patience).await {
            patience.wrote(10);
            assert!(started.elapsed() < Duration::from_secs(20));
        }
        assert!(started.elapsed() >= Duration::from_millis(300));
    }

    #[tokio::test]
    async fn enough_is_progress_and_idle_time_does_not_count() {
        let mut patience = Patience::new(Duration::from_millis(800), 1_000);
        for _ in 0..60 {
            assert!(!is_over(&mut patience).await);
            patience.wrote(1_000);
        }
        assert!(!is_over(&mut patience).await);
        patience.wrote(1);
        // Nothing waits to be written.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!is_over(&mut patience).await);
    }
}
