//! One consistent snapshot of the store.

mod blocks;
mod meta;

use crate::{
    error::StoreError,
    idle::Snapshot,
    latest::Latest,
    metrics,
    state::{StateChanges, StateView},
    store::Shared,
    trie::{
        AccountProof, PastTrie, Snapshots, StoredTrie, TrieId, TrieUpdates, Witness,
        past_state_root, prove, state_root,
    },
    txn::Txn,
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, keccak256};
pub use meta::FORMAT;
pub(crate) use meta::{FORMAT_KEY, Meta, decode_format};
use mfenx_primitives::{Receipt, SealedHeader};
use reth_libmdbx::RoSync;
use revm::bytecode::Bytecode;
use std::{
    fmt,
    ops::RangeInclusive,
    sync::{Arc, OnceLock},
    time::Instant,
};

/// The last block of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionLocation {
    /// Number of the block.
    pub block_number: u64,
    /// Position in the block.
    pub index: u64,
}

/// A receipt, with what only its predecessors in the block can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// Gas that the transaction itself used.
    pub gas_used: u64,
    /// Position of its first log among the logs of the block.
    pub first_log_index: u64,
}

/// One read transaction: everything it answers belongs to the same head.
///
/// It can be shared between threads. It pins the pages of its snapshot, so keep it no longer than
/// a request needs it.
pub struct Reader {
    snapshot: Arc<Snapshot>,
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.idle.give_back(Arc::clone(&self.snapshot));
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("dir", &self.shared.directory.path()).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn open(shared: Arc<Shared>) -> Result<Self, StoreError> {
        if let Some(snapshot) = shared.idle.take() {
            return Ok(Self { snapshot, shared });
        }
        let tx = shared.environment.begin_ro_sync()?;
        shared.readers.increment(1);
        let snapshot = Snapshot { id: tx.id()?, tx, latest: OnceLock::new() };
        Ok(Self { snapshot: Arc::new(snapshot), shared })
    }

    pub(crate) fn txn(&self) -> Txn<'_, RoSync> {
        Txn::new(&self.snapshot.tx, &self.shared.tables)
    }

    /// The number of the snapshot.
    pub(crate) fn snapshot(&self) -> u64 {
        self.snapshot.id
    }

    /// The last committed block.
    ///
    /// # Errors
    /// [`StoreError::NotInitialized`] before there is a genesis block.
    pub fn head(&self) -> Result<Head, StoreError> {
        Ok(self.latest()?.head)
    }

    /// The header of the last committed block.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub fn head_header(&self) -> Result<&SealedHeader, StoreError> {
        Ok(&self.latest()?.header)
    }

    fn latest(&self) -> Result<&Latest, StoreError> {
        if let Some(latest) = self.snapshot.latest.get() {
            return Ok(latest);
        }
        let latest = self.shared.latest.of(self.snapshot(), || {
            let head = Meta(self.txn()).head()?.ok_or(StoreError::NotInitialized)?;
            let header = self.stored_header(head.number)?;
            let header = header.filter(|header| header.hash() == head.hash);
            Ok((
                head,
                header.ok_or_else(|| StoreError::Corrupt {
                    table: self.txn().tables.headers.name,
                    reason: "there is no header of the head",
                })?,
            ))
        })?;
        Ok(self.snapshot.latest.get_or_init(|| latest))
    }

    /// The first block whose state can be read: 0 in an archive.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn earliest_history(&self) -> Result<u64, StoreError> {
        Meta(self.txn()).earliest_history()
    }

    /// The state after the head.
    pub const fn latest_state(&self) -> StateView<'_> {
        StateView::new(self, None)
    }

    /// The state after the head for many readers of a few accounts and slots, such as calls: they
    /// share what they have read. Whoever reads a whole block's worth takes
    /// [`Self::latest_state`], so as not to push that out.
    pub const fn shared_latest_state(&self) -> StateView<'_> {
        StateView::shared(self)
    }

    /// The state after block `number`.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlock`] beyond the head, [`StoreError::PrunedHistory`] before what is
    /// kept.
    pub fn state_at(&self, number: u64) -> Result<StateView<'_>, StoreError> {
        let head = self.head()?.number;
        if number > head {
            return Err(StoreError::UnknownBlock { number, head });
        }
        let earliest = self.earliest_history()?;
        if number < earliest {
            return Err(StoreError::PrunedHistory { earliest });
        }
        Ok(StateView::new(self, (number < head).then_some(number)))
    }

    /// The state root after the head's state is changed by `changes`, and what a
    /// [`commit`](crate::Store::commit) of these changes has to write.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn state_root(&self, changes: &StateChanges) -> Result<(B256, TrieUpdates), StoreError> {
        let start = Instant::now();
        let txn = self.txn();
        let base = self.head()?.hash;
        let snapshots = Snapshots {
            environment: &self.shared.environment,
            tables: &self.shared.tables,
            id: txn.snapshot()?,
        };
        let updates = state_root(txn, base, changes, Some(snapshots))?;
        metrics::state_root(start.elapsed());
        Ok((updates.root(), updates))
    }

    /// Merkle proofs of an account and of slots of it, in the state after the head (EIP-1186).
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn proof(&self, address: Address, slots: &[B256]) -> Result<AccountProof, StoreError> {
        let txn = self.txn();
        let mut accounts = StoredTrie::open(txn, TrieId::Accounts)?;
        let mut storage = StoredTrie::open(txn, TrieId::Storage(keccak256(address)))?;
        prove(&mut accounts, &mut storage, self.latest_state(), address, slots)
    }

    /// [`Self::proof`] in the state after block `number`.
    ///
    /// # Errors
    /// As [`Self::state_root_at`].
    pub fn proof_at(
        &self,
        number: u64,
        address: Address,
        slots: &[B256],
    ) -> Result<AccountProof, StoreError> {
        let view = self.state_at(number)?;
        let Some(since) = self.blocks_since(number)? else { return self.proof(address, slots) };
        let txn = self.txn();
        let mut accounts = PastTrie::open(txn, TrieId::Accounts, since.clone())?;
        let mut storage = PastTrie::open(txn, TrieId::Storage(keccak256(address)), since)?;
        prove(&mut accounts, &mut storage, view, address, slots)
    }

    /// Begins to collect the nodes with which a stateless client can execute the block after block
    /// `number`. `stop` is told again and again how many bytes they have, and says whether to give
    /// up.
    ///
    /// # Errors
    /// As [`Self::state_root_at`].
    pub fn witness<'r>(
        &'r self,
        number: u64,
        stop: &'r dyn Fn(usize) -> bool,
    ) -> Result<Witness<'r>, StoreError> {
        // Also asked for its errors.
        self.state_at(number)?;
        Witness::open(self, self.blocks_since(number)?, stop)
    }

    /// The state root after the state of block `number` is changed by `changes`.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlock`] beyond the head; [`StoreError::PrunedTries`] further back than
    /// [`StoreOptions::trie_history_blocks`](crate::StoreOptions::trie_history_blocks) blocks before
    /// the head, or [`StoreError::PrunedHistory`].
    pub fn state_root_at(&self, number: u64, changes: &StateChanges) -> Result<B256, StoreError> {
        let view = self.state_at(number)?;
        match self.blocks_since(number)? {
            Some(since) => past_state_root(self.txn(), view, changes, since),
            None => Ok(self.state_root(changes)?.0),
        }
    }

    /// The first block whose proofs and state roots can be computed.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn earliest_trie(&self) -> Result<u64, StoreError> {
        Meta(self.txn()).earliest_trie()
    }

    /// How many blocks before the head proofs and state roots reach back, once there are as many
    /// ([`StoreOptions::trie_history_blocks`](crate::StoreOptions::trie_history_blocks)).
    pub fn trie_history_blocks(&self) -> u64 {
        self.shared.trie_history_blocks
    }

    /// The blocks after `number`, whose tries must be there; `None` for the head.
    pub(crate) fn blocks_since(
        &self,
        number: u64,
    ) -> Result<Option<RangeInclusive<u64>>, StoreError> {
        let head = self.head()?.number;
        if number >= head {
            return Ok(None);
        }
        let earliest = self.earliest_trie()?;
        if number < earliest {
            return Err(StoreError::PrunedTries { earliest });
        }
        Ok(Some(number.saturating_add(1)..=head))
    }

    /// Contract code by its hash, analysed for execution.
    pub(crate) fn bytecode(&self, hash: B256) -> Result<Bytecode, StoreError> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.shared.codes.get(&hash) {
            return Ok(code);
        }
        let txn = self.txn();
        let table = txn.tables.code;
        let bytes = txn.get(table, hash.as_slice())?;
        let bytes = bytes.ok_or(table.corrupt("the code of an account is missing"))?;
        let code = Bytecode::new_raw_checked(Bytes::copy_from_slice(&bytes))
            .map_err(|_| table.corrupt("an EIP-7702 delegation does not decode"))?;
        self.shared.codes.insert(hash, code.clone());
        Ok(code)
    }
}
