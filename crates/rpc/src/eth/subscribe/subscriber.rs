//! Where the messages of one subscription go.

use crate::{turns::Seat, unsent::Backlog};
use jsonrpsee::{SendTimeoutError, SubscriptionSink, types::SubscriptionId};
use serde::Serialize;
use serde_json::value::to_raw_value;
use std::{sync::Arc, time::Duration};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

/// What whoever does not keep up reads last.
pub(super) const TOO_SLOW: &str =
    "the subscriber is too slow and has missed messages; subscribe again";

/// The subscriber's buffer stays full, or it has fallen behind the source.
pub(super) struct TooSlow;

/// What became of a message.
pub(super) enum Sent {
    Yes,
    Closed,
}

/// One subscription that was accepted.
pub(super) struct Subscriber {
    pub(super) sink: SubscriptionSink,
    /// None when nobody counts what is unsent.
    pub(super) backlog: Option<Arc<Backlog>>,
    pub(super) unsent_bytes_max: usize,
    /// How long a message may wait.
    pub(super) time_max: Duration,
}

impl Subscriber {
    /// The next message; none when the subscriber has gone or the node stops.
    pub(super) async fn next<T: Clone>(
        &self,
        source: &mut Receiver<T>,
    ) -> Result<Option<T>, TooSlow> {
        tokio::select! {
            () = self.sink.closed() => Ok(None),
            message = source.recv() => match message {
                Ok(message) => Ok(Some(message)),
                Err(RecvError::Closed) => Ok(None),
                Err(RecvError::Lagged(_)) => Err(TooSlow),
            },
        }
    }

    /// Waits for a new value, though no less than `pause`; false when the subscriber has gone or
    /// the node stops.
    pub(super) async fn changed<T>(
        &self,
        source: &mut watch::Receiver<T>,
        pause: Duration,
    ) -> bool {
        tokio::select! {
            () = self.sink.closed() => false,
            changed = async {
                tokio::time::sleep(pause).await;
                source.changed().await
            } => changed.is_ok(),
        }
    }

    /// Waits for its turn among the subscriptions of the connection, for as long as a message may
    /// wait.
    pub(super) async fn turn(&self, seat: &Seat, block: u64) {
        tokio::select! {
            () = self.sink.closed() => {}
            _ = tokio::time::timeout(self.time_max, seat.turn(block)) => {}
        }
    }

    /// Sends a message when there is room for it.
    pub(super) async fn send(&self, message: &impl Serialize) -> Result<Sent, TooSlow> {
        // Nothing that is sent can fail to become JSON; if it did, it would be left out.
        let Ok(json) = to_raw_value(message) else { return Ok(Sent::Yes) };
        if let Some(backlog) = &self.backlog {
            let room = backlog.at_most(self.unsent_bytes_max);
            tokio::select! {
                () = self.sink.closed() => return Ok(Sent::Closed),
                room = tokio::time::timeout(self.time_max, room) => room.map_err(|_| TooSlow)?,
            }
        }
        let bytes = json.get().len();
        match self.sink.send_timeout(json, self.time_max).await {
            Ok(()) => {
                self.queued("result", bytes);
                Ok(Sent::Yes)
            }
            Err(SendTimeoutError::Closed(_)) => Ok(Sent::Closed),
            Err(SendTimeoutError::Timeout(_)) => Err(TooSlow),
        }
    }

    /// Counts the message that ends the subscription, which the server library sends.
    pub(super) fn ended(&self, reason: &str) {
        // Between quotes.
        self.queued("error", reason.len() + 2);
    }

    /// Counts a message with a content of this length.
    fn queued(&self, field: &str, bytes: usize) {
        const ENVELOPE: &str = r#"{"jsonrpc":"2.0","method":"","params":{"subscription":"","":}}"#;
        let Some(backlog) = &self.backlog else { return };
        let id = match self.sink.subscription_id() {
            SubscriptionId::Num(_) => 0,
            SubscriptionId::Str(id) => id.len(),
        };
        backlog.queued(ENVELOPE.len() + self.sink.method_name().len() + id + field.len() + bytes);
    }
}
