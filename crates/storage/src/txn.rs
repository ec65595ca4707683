//! One MDBX transaction with all tables, and the checks that MDBX itself leaves to its caller.

use crate::{
    error::StoreError,
    tables::{Table, Tables},
};
use reth_libmdbx::{
    Cursor, WriteFlags,
    tx::{TransactionKind, Tx, WriteMarker},
};
use std::borrow::Cow;

/// Longest key. MDBX takes about 2,000 bytes with 4 KiB pages and aborts the process beyond.
const MAX_KEY_BYTES: usize = 1024;
/// Longest value of a table with several values per key; MDBX's limit is that of keys.
const MAX_DUP_BYTES: usize = 1024;
/// Longest value of other tables.
const MAX_VALUE_BYTES: usize = 1 << 30;

/// Bytes that live as long as the transaction.
pub(crate) type Slice<'t> = Cow<'t, [u8]>;

/// A transaction of kind `K`.
#[derive(Debug)]
pub(crate) struct Txn<'t, K: TransactionKind> {
    tx: &'t Tx<K>,
    pub(crate) tables: &'t Tables,
}

impl<K: TransactionKind> Clone for Txn<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: TransactionKind> Copy for Txn<'_, K> {}

impl<'t, K: TransactionKind> Txn<'t, K> {
    pub(crate) const fn new(tx: &'t Tx<K>, tables: &'t Tables) -> Self {
        Self { tx, tables }
    }

    /// Number of the snapshot: transactions with the same one see the same data.
    pub(crate) fn snapshot(&self) -> Result<u64, StoreError> {
        Ok(self.tx.id()?)
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Slice<'t>>, StoreError> {
        Ok(self.tx.get(table.db.dbi(), key)?)
    }

    pub(crate) fn cursor(&self, table: Table) -> Result<Cursor<'t, K>, StoreError> {
        Ok(self.tx.cursor(table.db)?)
    }

    /// Entries and bytes (pages) of a table.
    pub(crate) fn size(&self, table: Table) -> Result<(usize, usize), StoreError> {
        let stat = self.tx.db_stat(&table.db)?;
        let pages = stat.branch_pages() + stat.leaf_pages() + stat.overflow_pages();
        Ok((stat.entries(), pages.saturating_mul(stat.page_size() as usize)))
    }
}

impl<K: TransactionKind + WriteMarker> Txn<'_, K> {
    /// Writes `value` under `key`, in place of what is there.
    pub(crate) fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_size(table, key, value)?;
        Ok(self.tx.put(table.db, key, value, WriteFlags::UPSERT)?)
    }

    /// Writes behind the last key. MDBX refuses a key that is not the greatest.
    pub(crate) fn append(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_size(table, key, value)?;
        if table.is_dup() {
            return Ok(self.tx.append_dup(table.db, key, value)?);
        }
        Ok(self.tx.append(table.db, key, value)?)
    }

    /// Removes `key` and everything under it.
    pub(crate) fn delete(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.tx.del(table.db, key, None)?)
    }
}

/// Refuses what would make MDBX abort the process.
fn check_size(table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let value_max = if table.is_dup() { MAX_DUP_BYTES } else { MAX_VALUE_BYTES };
    if key.is_empty() || key.len() > MAX_KEY_BYTES || value.len() > value_max {
        return Err(StoreError::TooLarge {
            table: table.name,
            key_bytes: key.len(),
            value_bytes: value.len(),
        });
    }
    Ok(())
}
