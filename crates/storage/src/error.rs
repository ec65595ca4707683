//! What can go wrong, and what the caller may do about it.

use alloy_primitives::B256;
use reth_libmdbx::{MdbxError, ReadError};
use revm::database_interface::DBErrorMarker;
use std::{io, path::PathBuf};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process, or another [`Store`](crate::Store) of this process, has the directory open.
    /// Stop it, or use another directory.
    #[error("the store in {} is in use by another process: stop it, or choose another data directory", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory holds something that this crate did not write. Nothing was touched; choose
    /// another directory.
    #[error("{} is not a MFENX store ({found}): choose an empty or another data directory", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        found: String,
    },
    /// The store was written by another version of the format.
    #[error(
        "the store in {} has format {found}, this version reads format {supported}: {}",
        dir.display(),
        if found > supported { "install a newer version of the node" } else { "import its blocks into an empty directory, exported with `mfenx export` of the version that wrote it, or sync again" }
    )]
    Format {
        /// The directory.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The format that this version reads and writes.
        supported: u32,
    },
    /// The file system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room for another block. Nothing of it was written. Free or add space (or raise
    /// the maximum size) and start again.
    #[error("no room for more data, nothing was written: {advice}")]
    DiskFull {
        /// What an operator can do.
        advice: &'static str,
    },
    /// All reader slots are taken. Try again later, or raise the number of readers.
    #[error("too many readers at once: try again later")]
    TooManyReaders,
    /// Stored bytes do not decode, or contradict each other. `db verify` tells how far it goes.
    #[error("the table {table} is corrupt ({reason}): run `mfenx db verify`")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// A key or value is longer than the table can hold: the block must be refused.
    #[error("{key_bytes} bytes of key and {value_bytes} bytes of value do not fit into {table}")]
    TooLarge {
        /// Name of the table.
        table: &'static str,
        /// Length of the key in bytes.
        key_bytes: usize,
        /// Length of the value in bytes.
        value_bytes: usize,
    },
    /// There is no genesis block yet: call [`Store::init_genesis`](crate::Store::init_genesis).
    #[error("the store is empty: initialise it with a genesis block first")]
    NotInitialized,
    /// The store belongs to another chain.
    #[error(
        "the store holds chain {stored_chain_id} with genesis {stored_genesis}, not chain {chain_id} with genesis {genesis}: choose another data directory"
    )]
    GenesisMismatch {
        /// Chain ID in the store.
        stored_chain_id: u64,
        /// Genesis hash in the store.
        stored_genesis: B256,
        /// Chain ID asked for.
        chain_id: u64,
        /// Genesis hash asked for.
        genesis: B256,
    },
    /// The state that was computed is not the one that the header claims: the block is invalid.
    #[error("block {number} claims state root {header}, its state has root {computed}")]
    StateRootMismatch {
        /// Number of the block.
        number: u64,
        /// Root in the header.
        header: B256,
        /// Root of the state.
        computed: B256,
    },
    /// The block does not extend the head.
    #[error(
        "block {number} (parent {parent}) does not extend the head {head_number} ({head_hash})"
    )]
    NotNextBlock {
        /// Number of the head.
        head_number: u64,
        /// Hash of the head.
        head_hash: B256,
        /// Number of the block.
        number: u64,
        /// Parent hash of the block.
        parent: B256,
    },
    /// The trie updates were computed on another head: compute them again.
    #[error("the trie updates were computed on {base}, the head is {head}")]
    StaleTrieUpdates {
        /// Head on which they were computed.
        base: B256,
        /// The present head.
        head: B256,
    },
    /// The parts of a commit do not belong together: a bug of the caller.
    #[error("block {number} cannot be committed: {reason}")]
    InvalidCommit {
        /// Number of the block.
        number: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// The block is not in the store (yet).
    #[error("block {number} is unknown, the head is {head}")]
    UnknownBlock {
        /// Number asked for.
        number: u64,
        /// Number of the head.
        head: u64,
    },
    /// The state of the block was pruned.
    #[error("history before block {earliest} was pruned")]
    PrunedHistory {
        /// First block whose state can be read.
        earliest: u64,
    },
    /// The tries of the block can no longer be put together: ask for a later block.
    #[error(
        "the tries before block {earliest} are no longer kept: proofs and state roots reach back \
         to it"
    )]
    PrunedTries {
        /// First block whose tries can be put together.
        earliest: u64,
    },
    /// MDBX refused something unexpected.
    #[error(
        "database: {0}; if it happens again, the data file is damaged: restore a backup, or import \
         the chain anew"
    )]
    Database(MdbxError),
}

impl DBErrorMarker for StoreError {}

impl From<MdbxError> for StoreError {
    fn from(error: MdbxError) -> Self {
        match error {
            MdbxError::MapFull | MdbxError::TxnFull => Self::DiskFull {
                advice: "the store has reached its maximum size: raise it in the configuration",
            },
            MdbxError::UnableExtendMapSize => Self::DiskFull {
                advice: "the store could not grow: check the free disk space and address space",
            },
            MdbxError::Other(code)
                if io::Error::from_raw_os_error(code).kind() == io::ErrorKind::StorageFull =>
            {
                Self::DiskFull { advice: "the disk is full: free space or add some" }
            }
            MdbxError::ReadersFull => Self::TooManyReaders,
            MdbxError::Corrupted | MdbxError::PageNotFound => {
                Self::Corrupt { table: "(pages)", reason: "MDBX found a damaged page" }
            }
            other => Self::Database(other),
        }
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Mdbx(error) => error.into(),
            ReadError::Decoding(_) => {
                Self::Corrupt { table: "(pages)", reason: "a value does not decode" }
            }
        }
    }
}
