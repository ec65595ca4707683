//! How values are written: compact, versioned by the store's format number, pinned by golden bytes.
//!
//! Decoders never panic and allocate no more than a small multiple of the bytes they are given;
//! what does not decode is [`StoreError::Corrupt`](crate::StoreError::Corrupt).
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod block;
mod decoder;
mod history;
mod list;
mod positions;
mod receipt;
mod trie;

pub(crate) use account::{
    AccountRecord, account_change, decode_account_change, decode_slot, encode_slot,
};
pub(crate) use block::{
    Body, decode_header, decode_senders, encode_body, encode_header, encode_senders, header_hash,
    transaction_location, transaction_place,
};
pub(crate) use decoder::Decoder;
pub(crate) use history::{decode_shard, encode_shard};
pub(crate) use positions::{PositionShard, place, position, position_at_most};
pub(crate) use receipt::{Receipts, encode_receipts};
pub(crate) use trie::{
    Branch, decode_change_path, decode_path, encode_change_path, encode_path, end_change_path,
};

#[cfg(test)]
mod tests;
