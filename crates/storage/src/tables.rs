//! The tables: names, kinds, and their handles.
//!
//! Numbers in keys are big-endian, so that order in the table is order of blocks. Values are
//! described in [`codec`](crate::codec).

use crate::error::StoreError;
use reth_libmdbx::{
    Database, DatabaseFlags,
    tx::{TransactionKind, Tx, WriteMarker},
};

/// A table and its handle, which is valid in every transaction of the environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) db: Database,
}

impl Table {
    /// Whether a key may have several values.
    pub(crate) fn is_dup(&self) -> bool {
        self.db.flags().contains(DatabaseFlags::DUP_SORT)
    }

    pub(crate) const fn corrupt(&self, reason: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.name, reason }
    }
}

const ONE: DatabaseFlags = DatabaseFlags::empty();
const DUP: DatabaseFlags = DatabaseFlags::DUP_SORT;

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $name:literal $kind:ident,)*) => {
        /// All tables, opened.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct Tables {
            $($(#[$doc])* pub(crate) $field: Table,)*
        }

        impl Tables {
            /// Number of tables.
            pub(crate) const COUNT: usize = [$($name),*].len();

            /// Opens every table, creating those that are not there.
            pub(crate) fn create<K>(tx: &Tx<K>) -> Result<Self, StoreError>
            where
                K: TransactionKind + WriteMarker,
            {
                Ok(Self { $($field: Table { name: $name, db: tx.create_db(Some($name), $kind)? },)* })
            }

            /// Every table, in the order of declaration.
            pub(crate) const fn all(&self) -> [Table; Self::COUNT] {
                [$(self.$field),*]
            }
        }
    };
}

tables! {
    /// Number -> hash, RLP of the header.
    headers: "Headers" ONE,
    /// Number -> transactions (each can be read alone), ommers, withdrawals.
    bodies: "Bodies" ONE,
    /// Number -> receipts (each can be read alone) without blooms.
    receipts: "Receipts" ONE,
    /// Number -> senders, 20 bytes each.
    senders: "Senders" ONE,
    /// Number -> commit certificate, opaque.
    certificates: "Certificates" ONE,
    /// Block hash -> number.
    hash_to_number: "HashToNumber" ONE,
    /// Transaction hash -> number, index.
    transaction_index: "TransactionIndex" ONE,
    /// keccak(address) -> nonce, balance, code hash, storage root.
    accounts: "Accounts" ONE,
    /// keccak(address) -> keccak(slot), value.
    storage: "Storage" DUP,
    /// Code hash -> code.
    code: "Code" ONE,
    /// Path -> branch node.
    account_trie: "AccountTrie" ONE,
    /// keccak(address), path -> branch node.
    storage_trie: "StorageTrie" ONE,
    /// Number -> keccak(address), the account before that block.
    account_changes: "AccountChanges" DUP,
    /// Number, keccak(address) -> keccak(slot), the value before that block.
    storage_changes: "StorageChanges" DUP,
    /// keccak(address), last block -> blocks that changed it.
    account_history: "AccountHistory" ONE,
    /// keccak(address), keccak(slot), last block -> blocks that changed it.
    storage_history: "StorageHistory" ONE,
    /// Tag, address or topic, last block -> blocks with a log of it.
    log_index: "LogIndex" ONE,
    /// Address, last position -> positions of the transactions that touched it.
    address_index: "AddressIndex" ONE,
    /// Number -> path, the branch node before that block; the last blocks only.
    trie_changes: "TrieChanges" DUP,
    /// Name -> format, chain ID, genesis hash, head.
    meta: "Meta" ONE,
}
