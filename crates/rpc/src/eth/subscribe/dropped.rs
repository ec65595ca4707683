//! The messages of `eth_subscribe("droppedTransactions")`: which transactions left the pool without
//! standing in a block, and why.

use super::subscriber::{Ended, Sent, Subscriber};
use alloy_primitives::B256;
use mfenx_txpool::{DropReason, PoolEvent};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;

/// A transaction that was dropped.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedJson {
    hash: B256,
    /// In go-ethereum's words where it has any.
    reason: String,
    /// The transaction with the same nonce and higher fees, if that is the reason.
    replaced_by: Option<B256>,
}

/// Sends every transaction that is dropped.
pub(super) async fn serve(
    mut events: Receiver<PoolEvent>,
    subscriber: &Subscriber,
) -> Result<(), Ended> {
    while let Some(event) = subscriber.next(&mut events).await? {
        let Some(message) = dropped(&event) else { continue };
        if let Sent::Closed = subscriber.send(&message).await? {
            break;
        }
    }
    Ok(())
}

/// The message about an event, if there is one.
fn dropped(event: &PoolEvent) -> Option<DroppedJson> {
    let PoolEvent::Dropped { hash, reason } = event else { return None };
    let replaced_by = match reason {
        DropReason::Replaced { by } => Some(*by),
        DropReason::Evicted
        | DropReason::Stale
        | DropReason::Unpayable
        | DropReason::ExceedsBlockGasLimit
        | DropReason::Invalid(_) => None,
    };
    let reason = match reason {
        DropReason::Replaced { .. } => "replaced".to_owned(),
        reason => reason.to_string(),
    };
    Some(DroppedJson { hash: *hash, reason, replaced_by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_was_dropped_has_a_message() {
        let (hash, by) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let message =
            |reason| serde_json::to_value(dropped(&PoolEvent::Dropped { hash, reason }).unwrap());
        assert_eq!(
            message(DropReason::Replaced { by }).unwrap(),
            json!({"hash": hash, "reason": "replaced", "replacedBy": by})
        );
        assert_eq!(
            message(DropReason::Stale).unwrap(),
            json!({"hash": hash, "reason": "nonce too low", "replacedBy": null})
        );
        let mined = PoolEvent::Mined { hash, block_number: 1, block_hash: by };
        assert_eq!(dropped(&mined), None);
    }
}
