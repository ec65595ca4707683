//! Transactions as they become executable.

use super::subscriber::{Ended, Sent, Subscriber};
use crate::json::TransactionJson;
use mfenx_primitives::RecoveredTransaction;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;

/// Sends the hash of every transaction, or all of it.
pub(super) async fn serve(
    full: bool,
    mut transactions: Receiver<Arc<RecoveredTransaction>>,
    subscriber: &Subscriber,
) -> Result<(), Ended> {
    while let Some(transaction) = subscriber.next(&mut transactions).await? {
        let sent = if full {
            subscriber.send(&TransactionJson::pooled(&transaction)).await
        } else {
            subscriber.send(transaction.tx_hash()).await
        };
        if let Sent::Closed = sent? {
            break;
        }
    }
    Ok(())
}
