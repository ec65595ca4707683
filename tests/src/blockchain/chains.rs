//! The chain under test, and the fork choice around it.
//!
//! The node keeps one chain without reorganisations. Most tests need no more. Where a test has
//! competing branches, each branch is imported into a store of its own, from genesis on, so that
//! every block is judged by the same code; which branch is the head is decided here.

use alloy_primitives::{B256, Bytes, U256};
use alloy_rlp::Decodable;
use eyre::{Context, Result};
use mfenx_chainspec::ChainSpec;
use mfenx_engine::{Chain, ImportError};
use mfenx_primitives::{Block, SealedHeader};
use mfenx_storage::{Durability, Store, StoreOptions};
use std::{collections::HashMap, fmt, path::Path, path::PathBuf, sync::Arc};
use tempfile::TempDir;

/// Most bytes a temporary store may have.
const STORE_BYTES_MAX: usize = 1 << 30;
/// Bytes by which its file grows.
const STORE_GROWTH_BYTES: usize = 1 << 20;
/// Readers at a time; the import path uses one, the engine's threads may add some.
const STORE_READERS_MAX: u32 = 64;

/// Why a block is not on the chain.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The test's text is no bytes.
    Malformed(String),
    /// No block of the test so far is its parent.
    UnknownParent(B256),
    /// The node refused it.
    Import(Box<ImportError>),
    /// The runner could not do its part.
    Runner(eyre::Report),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => f.write_str(reason),
            Self::UnknownParent(parent) => write!(f, "the parent {parent} is unknown"),
            Self::Import(error) => error.fmt(f),
            Self::Runner(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<ImportError> for Refused {
    fn from(error: ImportError) -> Self {
        Self::Import(Box::new(error))
    }
}

/// A chain in a temporary store; the store is closed before its directory goes.
struct Scratch {
    chain: Chain,
    _dir: TempDir,
}

impl Scratch {
    fn new(spec: &Arc<ChainSpec>, place: &Path) -> Result<Self> {
        let dir = TempDir::with_prefix_in("conformance-", place).wrap_err("temporary directory")?;
        let options = StoreOptions {
            max_size_bytes: STORE_BYTES_MAX,
            growth_step_bytes: STORE_GROWTH_BYTES,
            durability: Durability::Volatile,
            // Nobody asks a test's chain for proofs.
            trie_history_blocks: 0,
            max_readers: STORE_READERS_MAX,
        };
        let store = Store::open(dir.path(), options).wrap_err("cannot open a temporary store")?;
        let chain = Chain::open(Arc::clone(spec), store).wrap_err("cannot write genesis")?;
        Ok(Self { chain, _dir: dir })
    }
}

/// A valid block of the test.
struct Known {
    parent: B256,
    number: u64,
    total_difficulty: U256,
    rlp: Bytes,
}

/// Every valid block of a test, and the chain to the head among them.
pub(crate) struct Chains {
    spec: Arc<ChainSpec>,
    place: PathBuf,
    known: HashMap<B256, Known>,
    head: B256,
    scratch: Scratch,
}

impl Chains {
    /// The chain at its genesis block, in a temporary store under `place`.
    pub(crate) fn new(spec: Arc<ChainSpec>, place: &Path) -> Result<Self> {
        let scratch = Scratch::new(&spec, place)?;
        let genesis = spec.genesis_header();
        let head = genesis.hash();
        let known = Known {
            parent: B256::ZERO,
            number: 0,
            total_difficulty: genesis.difficulty,
            rlp: Bytes::new(),
        };
        Ok(Self { spec, place: place.to_owned(), known: [(head, known)].into(), head, scratch })
    }

    /// The header of the head, from the store.
    pub(crate) fn head(&self) -> Result<SealedHeader> {
        Ok(self.scratch.chain.head()?)
    }

    /// The store of the chain to the head.
    pub(crate) const fn store(&self) -> &Store {
        self.scratch.chain.store()
    }

    /// Imports a block and says its hash.
    pub(crate) fn import(&mut self, rlp: &Bytes) -> Result<B256, Refused> {
        let header = match Block::decode(&mut &rlp[..]) {
            Ok(block) => block.header,
            // The node must be the one to refuse it.
            Err(_) => return self.extend_head(rlp),
        };
        let hash = header.hash_slow();
        let parent = header.parent_hash;
        if self.known.contains_key(&hash) {
            return Ok(hash);
        }
        let Some(parent_total) = self.known.get(&parent).map(|known| known.total_difficulty) else {
            return Err(Refused::UnknownParent(parent));
        };
        let total_difficulty = parent_total.saturating_add(header.difficulty);
        let known = Known { parent, number: header.number, total_difficulty, rlp: rlp.clone() };
        if parent == self.head {
            let imported = self.extend_head(rlp)?;
            self.known.insert(imported, known);
            self.head = imported;
            return Ok(imported);
        }
        let branch = self.replay(parent).map_err(Refused::Runner)?;
        branch.chain.decode_and_import(rlp)?;
        if self.prefers(&known) {
            self.head = hash;
            self.scratch = branch;
        }
        self.known.insert(hash, known);
        Ok(hash)
    }

    fn extend_head(&self, rlp: &Bytes) -> Result<B256, Refused> {
        let committed = self.scratch.chain.decode_and_import(rlp)?;
        Ok(committed.block.hash())
    }

    /// The chain from genesis to the known block `tip`, in a new store.
    fn replay(&self, tip: B256) -> Result<Scratch> {
        let scratch = Scratch::new(&self.spec, &self.place)?;
        let mut branch = Vec::new();
        let mut at = tip;
        while let Some(known) = self.known.get(&at).filter(|known| known.number > 0) {
            branch.push(&known.rlp);
            at = known.parent;
        }
        for rlp in branch.into_iter().rev() {
            scratch.chain.decode_and_import(rlp).wrap_err("a branch cannot be imported again")?;
        }
        Ok(scratch)
    }

    /// Whether a block on another branch becomes the head: by total difficulty, then by the lower
    /// number; after the merge, where nothing is added to the total, the newest block.
    fn prefers(&self, block: &Known) -> bool {
        let Some(head) = self.known.get(&self.head) else { return true };
        let parent_total = self.known.get(&block.parent).map(|parent| parent.total_difficulty);
        let merged = parent_total == Some(block.total_difficulty);
        merged
            || block.total_difficulty > head.total_difficulty
            || (block.total_difficulty == head.total_difficulty && block.number < head.number)
    }
}
