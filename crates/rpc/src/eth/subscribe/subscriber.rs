//! Where the messages of one subscription go.

use crate::{turns::Seat, unsent::Backlog};
use jsonrpsee::{SendTimeoutError, SubscriptionSink, types::SubscriptionId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::{sync::Arc, time::Duration};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

/// What whoever does not keep up reads last.
pub(super) const TOO_SLOW: &str =
    "the subscriber is too slow and has missed messages; subscribe again";

/// What whoever wants more of a block than one message may hold reads last.
pub(super) const TOO_LONG: &str = "a message would be longer than a response may be; ask for less, or for one transaction at a time";

/// Why a subscription ends that its subscriber did not end.
pub(super) enum Ended {
    /// The subscriber's buffer stays full, or it has fallen behind the source.
    TooSlow,
    /// There is a message that is longer than a response may be.
    TooLong,
}

/// How often it is looked whether other connections have made room.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

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
    /// Length of the content of one message.
    pub(super) message_bytes_max: usize,
    /// How long a message may wait.
    pub(super) time_max: Duration,
}

impl Subscriber {
    /// The next message; none when the subscriber has gone or the node stops.
    pub(super) async fn next<T: Clone>(
        &self,
        source: &mut Receiver<T>,
    ) -> Result<Option<T>, Ended> {
        tokio::select! {
            () = self.sink.closed() => Ok(None),
            message = source.recv() => match message {
                Ok(message) => Ok(Some(message)),
                Err(RecvError::Closed) => Ok(None),
                Err(RecvError::Lagged(_)) => Err(Ended::TooSlow),
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

    /// Sends a short message when there is room for it.
    pub(super) async fn send(&self, message: &impl Serialize) -> Result<Sent, Ended> {
        if let Sent::Closed = self.room().await? {
            return Ok(Sent::Closed);
        }
        // Nothing that is sent can fail to become JSON; if it did, it would be left out.
        let Ok(json) = to_raw_value(message) else { return Ok(Sent::Yes) };
        match self.reserve(json.get().len()).await? {
            Sent::Yes => self.hand_over(json).await,
            Sent::Closed => Ok(Sent::Closed),
        }
    }

    /// Sends a message whose JSON has this many bytes. It is made when there is room for it, of all
    /// connections together as well.
    pub(super) async fn send_long(
        &self,
        bytes: usize,
        message: &impl Serialize,
    ) -> Result<Sent, Ended> {
        if let Sent::Closed = self.reserve(bytes).await? {
            return Ok(Sent::Closed);
        }
        match to_raw_value(message) {
            Ok(json) => self.hand_over(json).await,
            Err(_) => {
                self.release(bytes);
                Ok(Sent::Yes)
            }
        }
    }

    /// Waits until the connection has not too much unsent.
    pub(super) async fn room(&self) -> Result<Sent, Ended> {
        let Some(backlog) = &self.backlog else { return Ok(Sent::Yes) };
        let room = backlog.at_most(self.unsent_bytes_max);
        tokio::select! {
            () = self.sink.closed() => Ok(Sent::Closed),
            room = tokio::time::timeout(self.time_max, room) => {
                room.map(|()| Sent::Yes).map_err(|_| Ended::TooSlow)
            }
        }
    }

    /// Counts a message of this length once there is room for it.
    async fn reserve(&self, bytes: usize) -> Result<Sent, Ended> {
        if bytes > self.message_bytes_max {
            return Err(Ended::TooLong);
        }
        let Some(backlog) = &self.backlog else { return Ok(Sent::Yes) };
        let bytes = self.enveloped("result", bytes);
        let room = async {
            while !backlog.try_queue(bytes) {
                tokio::time::sleep(ROOM_PAUSE).await;
            }
        };
        tokio::select! {
            () = self.sink.closed() => Ok(Sent::Closed),
            room = tokio::time::timeout(self.time_max, room) => {
                room.map(|()| Sent::Yes).map_err(|_| Ended::TooSlow)
            }
        }
    }

    /// Takes back what was counted for a message that is not sent.
    fn release(&self, bytes: usize) {
        if let Some(backlog) = &self.backlog {
            backlog.written(self.enveloped("result", bytes));
        }
    }

    /// Gives a message that is counted to the transport.
    async fn hand_over(&self, json: Box<RawValue>) -> Result<Sent, Ended> {
        let bytes = json.get().len();
        match self.sink.send_timeout(json, self.time_max).await {
            Ok(()) => Ok(Sent::Yes),
            Err(SendTimeoutError::Closed(_)) => {
                self.release(bytes);
                Ok(Sent::Closed)
            }
            Err(SendTimeoutError::Timeout(_)) => {
                self.release(bytes);
                Err(Ended::TooSlow)
            }
        }
    }

    /// Counts the message that ends the subscription, which the server library sends.
    pub(super) fn ended(&self, reason: &str) {
        if let Some(backlog) = &self.backlog {
            // Between quotes.
            backlog.queued(self.enveloped("error", reason.len() + 2));
        }
    }

    /// The length of a message with a content of this length.
    fn enveloped(&self, field: &str, bytes: usize) -> usize {
        const ENVELOPE: &str = r#"{"jsonrpc":"2.0","method":"","params":{"subscription":"","":}}"#;
        let id = match self.sink.subscription_id() {
            SubscriptionId::Num(_) => 0,
            SubscriptionId::Str(id) => id.len(),
        };
        ENVELOPE.len() + self.sink.method_name().len() + id + field.len() + bytes
    }
}
