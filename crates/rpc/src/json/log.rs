//! Logs.

use super::quantity::Quantity;
use alloy_primitives::{Address, B256, Bytes, Log};
use mfenx_primitives::Header;
use serde::Serialize;

/// Where a log stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogPlace {
    pub(crate) block_hash: B256,
    pub(crate) block_number: u64,
    pub(crate) block_timestamp: u64,
    pub(crate) transaction_hash: B256,
    pub(crate) transaction_index: u64,
    /// Position among all logs of the block.
    pub(crate) log_index: u64,
}

impl LogPlace {
    /// The first log of a block, before its transaction is known.
    pub(crate) const fn start_of(header: &Header, block_hash: B256) -> Self {
        Self {
            block_hash,
            block_number: header.number,
            block_timestamp: header.timestamp,
            transaction_hash: B256::ZERO,
            transaction_index: 0,
            log_index: 0,
        }
    }
}

/// A log of a committed block; `removed` is always false, for nothing is ever reorganised.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogJson<'a> {
    address: Address,
    topics: &'a [B256],
    data: &'a Bytes,
    block_number: Quantity<u64>,
    transaction_hash: B256,
    transaction_index: Quantity<u64>,
    block_hash: B256,
    block_timestamp: Quantity<u64>,
    log_index: Quantity<u64>,
    removed: bool,
}

impl<'a> LogJson<'a> {
    /// `log` at `place`.
    pub(crate) fn new(log: &'a Log, place: &LogPlace) -> Self {
        Self {
            address: log.address,
            topics: log.data.topics(),
            data: &log.data.data,
            block_number: Quantity(place.block_number),
            transaction_hash: place.transaction_hash,
            transaction_index: Quantity(place.transaction_index),
            block_hash: place.block_hash,
            block_timestamp: Quantity(place.block_timestamp),
            log_index: Quantity(place.log_index),
            removed: false,
        }
    }
}
