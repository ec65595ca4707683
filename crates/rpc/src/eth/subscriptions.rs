//! What can be subscribed to, as callers see it.

use crate::method::{Method, Param, Subscription};

pub(crate) const SUBSCRIBE: Method = Method {
    name: "eth_subscribe",
    summary: "Opens a subscription on this WebSocket; its messages are notifications `eth_subscription`.",
    params: &[
        Param::required("kind", "SubscriptionKind"),
        Param::optional("options", "SubscriptionOptions"),
    ],
    result: "SubscriptionId",
    example: r#"["newHeads"]"#,
};

pub(crate) const UNSUBSCRIBE: Method = Method {
    name: "eth_unsubscribe",
    summary: "Closes a subscription of this WebSocket; false when there is none.",
    params: &[Param::required("subscription", "SubscriptionId")],
    result: "Boolean",
    example: r#"["0x1"]"#,
};

/// In the order in which they are described.
pub(crate) const KINDS: &[Subscription] = &[
    Subscription {
        kind: "newHeads",
        summary: "The header of each new block, when every method sees it.",
        options: None,
        message: "Header",
    },
    Subscription {
        kind: "logs",
        summary: "The logs of each new block that match a filter, one message a log.",
        options: Some(Param::optional("filter", "Filter")),
        message: "Log",
    },
    Subscription {
        kind: "newPendingTransactions",
        summary: "The hash of each transaction that becomes executable, or the whole transaction with `true`.",
        options: Some(Param::optional("full", "Boolean")),
        message: "Hash32|Transaction",
    },
    Subscription {
        kind: "transactionReceipts",
        summary: "The receipts of each new block, of all its transactions or of those named.",
        options: Some(Param::optional("filter", "ReceiptFilter")),
        message: "Receipt[]",
    },
    Subscription {
        kind: "syncing",
        summary: "Whether the node catches up with its peers, when that changes and while it does.",
        options: None,
        message: "SyncingMessage",
    },
    Subscription {
        kind: "droppedTransactions",
        summary: "Each transaction that leaves the pool without standing in a block, and why.",
        options: None,
        message: "DroppedTransaction",
    },
];
