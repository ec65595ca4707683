//! What one request may cost.

/// Every bound on what a caller can ask for. Sizes are in bytes, times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcLimits {
    /// Gas of one `eth_call` or of one run of `eth_estimateGas`.
    pub call_gas_max: u64,
    /// Time of one `eth_call` or `eth_estimateGas`.
    pub call_time_ms_max: u64,
    /// Memory of the EVM in one call.
    pub call_memory_bytes_max: u64,
    /// Time of building one block for `testing_buildBlockV1`.
    pub build_time_ms_max: u64,
    /// Storage slots in the state overrides of one call.
    pub override_slots_max: usize,
    /// Length of the state overrides of one call, as they arrive.
    pub override_bytes_max: usize,
    /// Calls in all blocks of one `eth_simulateV1`.
    pub simulate_calls_max: usize,
    /// Slots, and accounts, in one `eth_getStorageValues`.
    pub storage_values_slots_max: usize,
    /// Blocks that one `eth_getLogs` without addresses and topics may cover.
    pub logs_unfiltered_blocks_max: u64,
    /// Logs that one `eth_getLogs` may return.
    pub logs_results_max: usize,
    /// Addresses in one filter, and values in one topic position.
    pub logs_addresses_max: usize,
    /// Time of one `eth_getLogs`.
    pub logs_time_ms_max: u64,
    /// Storage slots in one `eth_getProof`.
    pub proof_slots_max: usize,
    /// Time of one `eth_getProof`.
    pub proof_time_ms_max: u64,
    /// Values in all topic positions together of one filter that is kept: of a subscription, or
    /// polled.
    pub subscription_topics_max: usize,
    /// Time a message of a subscription may wait for a place among those to be written.
    pub subscriber_time_ms_max: u64,
    /// Transactions that one `transactionReceipts` subscription may wait for.
    pub subscription_hashes_max: usize,
    /// Polled filters of one client.
    pub client_filters_max: usize,
    /// Polled filters of all clients together.
    pub filters_max: usize,
    /// Memory of all polled filters together.
    pub filters_bytes_max: usize,
    /// Time a filter is kept that nobody polls.
    pub filter_idle_ms_max: u64,
    /// Hashes that one poll of a filter returns; the next poll goes on after them.
    pub filter_hashes_max: usize,
    /// Hashes of the latest pending transactions that are kept for all filters together.
    pub filter_pending_hashes_max: usize,
    /// Blocks that one `eth_feeHistory` covers; a request for more gets this many.
    pub fee_history_blocks_max: u64,
    /// Percentiles in one `eth_feeHistory`.
    pub fee_history_percentiles_max: usize,
    /// Time of one `eth_feeHistory`.
    pub fee_history_time_ms_max: u64,
    /// Length of one signed transaction without blobs.
    pub transaction_bytes_max: usize,
    /// Length of one blob transaction with its sidecar.
    pub blob_transaction_bytes_max: usize,
    /// Time that `eth_sendRawTransactionSync` waits for the receipt when the caller names none.
    pub sync_time_ms_default: u64,
    /// The most time it waits, whatever the caller names. Below the gateway's for one request.
    pub sync_time_ms_max: u64,
    /// Callers of it that wait at the same time.
    pub sync_waiters_max: usize,
    /// Gas limits of all transactions together that are tried for the pending block.
    pub pending_gas_max: u64,
    /// Time to build the pending block, looked at between transactions; also how long others wait
    /// for whoever builds it.
    pub pending_time_ms_max: u64,
    /// Time for which a pending block on top of the same head is not built anew, however the pool
    /// changes.
    pub pending_interval_ms_min: u64,
    /// Length of one response, or of one batch of responses.
    pub response_bytes_max: usize,
    /// Requests in one batch.
    pub batch_entries_max: usize,
    /// Requests of one WebSocket connection that run or whose answers are not written yet.
    pub connection_requests_max: usize,
    /// Requests in work, and answers and messages unsent, of one WebSocket connection while a
    /// further request of it is read.
    pub connection_unsent_bytes_max: usize,
    /// Answers that all connections together may leave unsent; further ones, unless they are short,
    /// are given up and the caller is told that the node is busy.
    pub unsent_bytes_max: usize,
    /// The same for all connections of one client.
    pub client_unsent_bytes_max: usize,
    /// Large reads (whole blocks, receipts, fee history) that run at the same time.
    pub reads_running_max: usize,
    /// Calls of the EVM that run at the same time.
    pub calls_running_max: usize,
    /// Searches for logs that run at the same time.
    pub logs_running_max: usize,
    /// Traces that run at the same time.
    pub traces_running_max: usize,
    /// Time of one trace, whatever it covers.
    pub trace_time_ms_max: u64,
    /// Slots in one answer of `debug_storageRangeAt`.
    pub storage_range_slots_max: usize,
    /// Transactions on one page of `ots_getBlockTransactions`, and wanted on one of
    /// `ots_searchTransactionsBefore` and `ots_searchTransactionsAfter`.
    pub ots_page_size_max: usize,
    /// Memory of what one trace records while it runs; of its text, the same once more.
    pub trace_bytes_max: usize,
    /// Calls in one `trace_callMany`.
    pub trace_calls_max: usize,
    /// Blocks that one `trace_filter` without addresses may cover.
    pub trace_unfiltered_blocks_max: u64,
    /// Traces that one `trace_filter` may return.
    pub trace_results_max: usize,
    /// Addresses in one `trace_filter`, on either side.
    pub trace_addresses_max: usize,
    /// Transactions that are checked at the same time.
    pub transactions_running_max: usize,
    /// Time a request waits for its turn before it is told that the node is busy.
    pub queue_time_ms_max: u64,
    /// The tip per gas that is suggested when recent blocks suggest none, in wei.
    pub default_tip_wei: u64,
}

impl Default for RpcLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            call_gas_max: 50_000_000,
            call_time_ms_max: 5_000,
            call_memory_bytes_max: 128 << 20,
            build_time_ms_max: 5_000,
            override_slots_max: 1_000,
            override_bytes_max: 1 << 20,
            simulate_calls_max: 10_000,
            storage_values_slots_max: 1_024,
            logs_unfiltered_blocks_max: 10_000,
            logs_results_max: 10_000,
            logs_addresses_max: 1_000,
            logs_time_ms_max: 10_000,
            proof_slots_max: 1_024,
            proof_time_ms_max: 5_000,
            subscription_topics_max: 1_000,
            subscriber_time_ms_max: 5_000,
            subscription_hashes_max: 200,
            client_filters_max: 100,
            filters_max: 10_000,
            filters_bytes_max: 64 << 20,
            filter_idle_ms_max: 300_000,
            filter_hashes_max: 10_000,
            filter_pending_hashes_max: 65_536,
            fee_history_blocks_max: 1_024,
            fee_history_percentiles_max: 100,
            fee_history_time_ms_max: 5_000,
            transaction_bytes_max: 128 * 1024,
            blob_transaction_bytes_max: 1 << 20,
            sync_time_ms_default: 2_000,
            sync_time_ms_max: 30_000,
            sync_waiters_max: 512,
            pending_gas_max: 120_000_000,
            pending_time_ms_max: 500,
            pending_interval_ms_min: 200,
            response_bytes_max: 25_000_000,
            batch_entries_max: 100,
            connection_requests_max: 32,
            connection_unsent_bytes_max: 4 << 20,
            unsent_bytes_max: 256 << 20,
            client_unsent_bytes_max: 64 << 20,
            reads_running_max: 2 * cores,
            calls_running_max: cores,
            logs_running_max: cores.div_ceil(2),
            traces_running_max: cores.div_ceil(2),
            trace_time_ms_max: 20_000,
            storage_range_slots_max: 1_024,
            ots_page_size_max: 100,
            trace_bytes_max: 64 << 20,
            trace_calls_max: 100,
            trace_unfiltered_blocks_max: 100,
            trace_results_max: 10_000,
            trace_addresses_max: 1_000,
            transactions_running_max: cores,
            queue_time_ms_max: 10_000,
            default_tip_wei: 1_000_000,
        }
    }
}
