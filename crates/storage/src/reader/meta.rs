//! The table `Meta`: what the store is, and where it stands.

use super::Head;
use crate::{codec::Decoder, error::StoreError, txn::Txn};
use alloy_primitives::B256;
use reth_libmdbx::tx::{TransactionKind, WriteMarker};

/// Version of all tables and encodings: any change of one raises it.
pub const FORMAT: u32 = 2;

/// Name of the entry that says whose store this is.
pub(crate) const FORMAT_KEY: &[u8] = b"format";
const MAGIC: &[u8] = b"MFENX store ";
const CHAIN_KEY: &[u8] = b"chain";
const HEAD_KEY: &[u8] = b"head";
const EARLIEST_KEY: &[u8] = b"earliest history";
const EARLIEST_TRIE_KEY: &[u8] = b"earliest trie";

/// `Meta` in a transaction.
#[derive(Debug)]
pub(crate) struct Meta<'t, K: TransactionKind>(pub(crate) Txn<'t, K>);

/// The format that an entry [`FORMAT_KEY`] names, if it is ours.
pub(crate) fn decode_format(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.strip_prefix(MAGIC)?.try_into().ok()?))
}

impl<K: TransactionKind> Meta<'_, K> {
    fn read<T>(
        &self,
        key: &[u8],
        decode: impl FnOnce(&mut Decoder<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let table = self.0.tables.meta;
        let Some(bytes) = self.0.get(table, key)? else { return Ok(None) };
        let mut decoder = Decoder::new(table.name, &bytes);
        let value = decode(&mut decoder)?;
        decoder.finish()?;
        Ok(Some(value))
    }

    pub(crate) fn has_format(&self) -> Result<bool, StoreError> {
        Ok(self.0.get(self.0.tables.meta, FORMAT_KEY)?.is_some())
    }

    pub(crate) fn head(&self) -> Result<Option<Head>, StoreError> {
        self.read(HEAD_KEY, |bytes| Ok(Head { number: bytes.u64()?, hash: bytes.b256()? }))
    }

    /// Chain ID and genesis hash.
    pub(crate) fn chain(&self) -> Result<Option<(u64, B256)>, StoreError> {
        self.read(CHAIN_KEY, |bytes| Ok((bytes.u64()?, bytes.b256()?)))
    }

    /// The first block whose tries can be put together.
    pub(crate) fn earliest_trie(&self) -> Result<u64, StoreError> {
        Ok(self.read(EARLIEST_TRIE_KEY, |bytes| bytes.u64())?.unwrap_or_default())
    }

    pub(crate) fn earliest_history(&self) -> Result<u64, StoreError> {
        Ok(self.read(EARLIEST_KEY, |bytes| bytes.u64())?.unwrap_or_default())
    }
}

impl<K: TransactionKind + WriteMarker> Meta<'_, K> {
    pub(crate) fn set_format(&self) -> Result<(), StoreError> {
        let value = [MAGIC, &FORMAT.to_be_bytes()].concat();
        self.0.put(self.0.tables.meta, FORMAT_KEY, &value)
    }

    pub(crate) fn set_head(&self, head: Head) -> Result<(), StoreError> {
        self.0.put(self.0.tables.meta, HEAD_KEY, &number_and_hash(head.number, head.hash))
    }

    pub(crate) fn set_earliest_trie(&self, number: u64) -> Result<(), StoreError> {
        self.0.put(self.0.tables.meta, EARLIEST_TRIE_KEY, &number.to_be_bytes())
    }

    pub(crate) fn set_chain(&self, chain_id: u64, genesis: B256) -> Result<(), StoreError> {
        self.0.put(self.0.tables.meta, CHAIN_KEY, &number_and_hash(chain_id, genesis))
    }
}

fn number_and_hash(number: u64, hash: B256) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), hash.as_slice()].concat()
}
