//! Whether the node catches up, and how far it has got.

use super::subscriber::{Ended, Sent, Subscriber};
use crate::{eth::chain::Progress, status::SyncProgress};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// Between two messages, however fast the node catches up.
const PAUSE: Duration = Duration::from_secs(1);

/// go-ethereum's shape, with the numbers of `eth_syncing`.
#[derive(Serialize)]
#[serde(untagged)]
enum Message {
    UpToDate(bool),
    Behind { syncing: bool, status: Progress },
}

impl From<Option<SyncProgress>> for Message {
    fn from(progress: Option<SyncProgress>) -> Self {
        progress.map_or(Self::UpToDate(false), |progress| Self::Behind {
            syncing: true,
            status: progress.into(),
        })
    }
}

/// Says how it is, and again when it has changed.
pub(super) async fn serve(
    mut progress: Receiver<Option<SyncProgress>>,
    subscriber: &Subscriber,
) -> Result<(), Ended> {
    loop {
        let message = Message::from(*progress.borrow_and_update());
        if let Sent::Closed = subscriber.send(&message).await? {
            return Ok(());
        }
        if !subscriber.changed(&mut progress, PAUSE).await {
            return Ok(());
        }
    }
}
