//! The bounds of the pool.

/// Every bound of the pool; each has a gauge or a counter in the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// Transactions of all senders, executable and queued.
    pub max_transactions: usize,
    /// Sum of the encoded lengths (EIP-2718) of all transactions, sidecars included, in bytes.
    pub max_bytes: usize,
    /// Senders with at least one transaction.
    pub max_senders: usize,
    /// Executable transactions of one sender; what follows them waits in the queue.
    pub max_per_sender: usize,
    /// Queued transactions up to which a sender may add another queued one. When its executable
    /// ones are set back, by a gap or by lack of funds, a sender may have more of them, never more
    /// than `max_per_sender + max_queued_per_sender` transactions in all.
    pub max_queued_per_sender: usize,
    /// How far a nonce may lie above the sender's next executable one.
    pub max_nonce_gap: u64,
    /// Encoded length (EIP-2718) of one transaction, in bytes.
    pub max_tx_bytes: usize,
    /// Encoded length of one blob transaction together with its sidecar, in bytes.
    pub max_blob_tx_bytes: usize,
    /// Blob transactions of one sender.
    pub max_blob_txs_per_sender: usize,
    /// By how many percent a replacement must raise both the maximal fee and the tip.
    pub price_bump_percent: u8,
    /// By how many percent a blob transaction must raise maximal fee, tip and maximal blob fee, all
    /// three, to replace another one: passing blobs around in vain is dear.
    pub blob_price_bump_percent: u8,
    /// The least tip, in wei per gas, that a transaction must offer (its gas price if it has no
    /// tip of its own).
    pub min_tip_wei: u128,
    /// Events that a slow subscriber may fall behind before it misses some.
    pub max_event_backlog: usize,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_transactions: 10_000,
            max_bytes: 64 * 1024 * 1024,
            max_senders: 10_000,
            max_per_sender: 1_024,
            max_queued_per_sender: 64,
            max_nonce_gap: 1_024,
            max_tx_bytes: 128 * 1024,
            max_blob_tx_bytes: 1024 * 1024,
            max_blob_txs_per_sender: 16,
            price_bump_percent: 10,
            blob_price_bump_percent: 100,
            min_tip_wei: 1,
            max_event_backlog: 16_384,
        }
    }
}
