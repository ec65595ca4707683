//! The chain as its one writer sees it: specification, store, and the path of a block into it.

use crate::{
    error::{EngineError, ImportError},
    metrics,
    randomness::{self, Sidecar},
};
use alloy_primitives::{Address, B256};
use alloy_rlp::Decodable;
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::Decision;
use mfenx_execution::{
    Built, Executed, OMMER_ANCESTORS, execute_block, validate_block, validate_header,
    validate_ommers,
};
use mfenx_primitives::{AccountState, Block, CommittedBlock, Header, RecoveredBlock, SealedHeader};
use mfenx_storage::{BlockCommit, Reader, StateChanges, Store, StoreError, TrieUpdates};
use revm::database::{BundleAccount, BundleState};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A chain specification and the store that holds its chain; cheap to clone.
///
/// Importing and committing are blocking: call them off the asynchronous threads.
#[derive(Debug, Clone)]
pub struct Chain {
    spec: Arc<ChainSpec>,
    store: Store,
}

/// What a block's execution wants written.
#[derive(Debug)]
pub(crate) struct Outcome {
    changes: StateChanges,
    trie: TrieUpdates,
    execution: Duration,
    root: Duration,
}

/// A block of our own that is durable, and the accounts it changed, as they are now.
pub(crate) struct Sealed {
    pub(crate) committed: Arc<CommittedBlock>,
    pub(crate) changed: Vec<(Address, AccountState)>,
}

impl Chain {
    /// Opens the chain, writing its genesis block into an empty store.
    ///
    /// # Errors
    /// The store holds another chain, or fails.
    pub fn open(spec: Arc<ChainSpec>, store: Store) -> Result<Self, EngineError> {
        store.init_genesis(spec.chain_id(), spec.genesis_header(), spec.alloc())?;
        Ok(Self { spec, store })
    }

    /// The chain specification.
    pub const fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The header of the head.
    ///
    /// # Errors
    /// The store fails.
    pub fn head(&self) -> Result<SealedHeader, StoreError> {
        head_of(&self.store.reader()?)
    }

    /// Imports one RLP-encoded block; see [`Self::import`].
    ///
    /// # Errors
    /// As [`Self::import`], and when the bytes are not exactly one block.
    pub fn decode_and_import(&self, rlp: &[u8]) -> Result<Arc<CommittedBlock>, ImportError> {
        let mut rest = rlp;
        let block = Block::decode(&mut rest).map_err(ImportError::Decode)?;
        if !rest.is_empty() {
            return Err(ImportError::Decode(alloy_rlp::Error::Custom("bytes after the block")));
        }
        self.import(block)
    }

    /// Validates, executes and commits the child of the head. Its seal is not checked.
    ///
    /// # Errors
    /// The block breaks a rule, does not extend the head, or the store fails. Nothing is written.
    pub fn import(&self, block: Block) -> Result<Arc<CommittedBlock>, ImportError> {
        self.import_recovered(RecoveredBlock::recover(block)?)
    }

    /// [`Self::import`] for a block whose senders are known already.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub fn import_recovered(
        &self,
        block: RecoveredBlock,
    ) -> Result<Arc<CommittedBlock>, ImportError> {
        let reader = self.store.reader()?;
        let parent = head_of(&reader)?;
        self.check_place(&reader, (block.header(), block.hash()), &parent)?;
        let (executed, outcome) = self.check_and_execute(&reader, &parent, &block)?;
        drop(reader);
        Ok(self.commit(block, executed, &outcome, None)?)
    }

    /// Checks a block against the rules of its parent, the head, and executes it; its root is the
    /// one of its header.
    pub(crate) fn check_and_execute(
        &self,
        reader: &Reader,
        parent: &SealedHeader,
        block: &RecoveredBlock,
    ) -> Result<(Executed, Outcome), ImportError> {
        validate_header(&self.spec, &block.sealed_header(), parent)?;
        validate_block(&self.spec, block)?;
        if !block.body().ommers.is_empty() {
            validate_ommers(&self.spec, block, &ancestors(reader, block)?)?;
        }
        let start = Instant::now();
        let mut intermediate = |bundle: &BundleState| {
            let (root, _) = reader.state_root(&StateChanges::from_bundle(bundle))?;
            Ok(root)
        };
        let executed = execute_block(&self.spec, reader.latest_state(), block, &mut intermediate)?;
        let execution = start.elapsed();
        let (got, outcome) = outcome(reader, &executed, execution)?;
        let expected = block.header().state_root;
        if got != expected {
            return Err(ImportError::StateRoot { number: block.number(), expected, got });
        }
        Ok((executed, outcome))
    }

    /// Computes the state root of a block of our own, seals it, and commits it with its sidecar.
    pub(crate) fn seal(
        &self,
        reader: Reader,
        built: Built,
        execution: Duration,
        sidecar: &Sidecar,
    ) -> Result<Sealed, StoreError> {
        let (root, outcome) = outcome(&reader, &built.executed, execution)?;
        drop(reader);
        let changed = changed_accounts(&built.executed.bundle);
        let (block, executed) = built.seal(root);
        let committed = self.commit(block, executed, &outcome, Some(&sidecar.encode()))?;
        Ok(Sealed { committed, changed })
    }

    /// The seed in force for the child of `head`.
    pub(crate) fn next_seed(reader: &Reader, head: &SealedHeader) -> Result<B256, StoreError> {
        let Some(bytes) = reader.certificate(head.number)? else {
            return Ok(randomness::seed_after(head));
        };
        if let Ok(decision) = Decision::decode(&bytes) {
            return Ok(decision.next_seed());
        }
        let sidecar = Sidecar::decode(&bytes);
        Ok(sidecar.map_or_else(|| randomness::seed_after(head), |sidecar| sidecar.next_seed()))
    }

    /// Whether a block, of which these are header and hash, is the next one.
    pub(crate) fn check_place(
        &self,
        reader: &Reader,
        (header, hash): (&Header, B256),
        head: &SealedHeader,
    ) -> Result<(), ImportError> {
        if header.parent_hash == head.hash() {
            return Ok(());
        }
        let number = header.number;
        if reader.block_hash(number)? == Some(hash) {
            return Err(ImportError::AlreadyKnown { number, hash });
        }
        Err(ImportError::NotNextBlock {
            number,
            parent: header.parent_hash,
            head_number: head.number,
            head: head.hash(),
        })
    }

    pub(crate) fn commit(
        &self,
        block: RecoveredBlock,
        executed: Executed,
        outcome: &Outcome,
        certificate: Option<&[u8]>,
    ) -> Result<Arc<CommittedBlock>, StoreError> {
        let start = Instant::now();
        self.store.commit(BlockCommit {
            block: &block,
            receipts: &executed.receipts,
            touched: &executed.touched,
            changes: &outcome.changes,
            trie: &outcome.trie,
            certificate,
        })?;
        let committed = Arc::new(CommittedBlock {
            block: Arc::new(block),
            receipts: Arc::new(executed.receipts),
        });
        metrics::committed(&committed, outcome.execution, outcome.root, start.elapsed());
        Ok(committed)
    }
}

/// The header of the snapshot's head.
pub(crate) fn head_of(reader: &Reader) -> Result<SealedHeader, StoreError> {
    let head = reader.head()?;
    reader.header(head.number)?.ok_or(StoreError::NotInitialized)
}

pub(crate) fn changed_accounts(bundle: &BundleState) -> Vec<(Address, AccountState)> {
    let state = |account: &BundleAccount| match &account.info {
        Some(info) => {
            AccountState { nonce: info.nonce, balance: info.balance, code_hash: info.code_hash }
        }
        None => AccountState::EMPTY,
    };
    bundle.state.iter().map(|(address, account)| (*address, state(account))).collect()
}

/// The blocks before `block`, its parent first, as many as decide about its ommers.
fn ancestors(reader: &Reader, block: &RecoveredBlock) -> Result<Vec<Block>, StoreError> {
    let mut ancestors = Vec::with_capacity(OMMER_ANCESTORS);
    for number in (0..block.number()).rev().take(OMMER_ANCESTORS) {
        let (Some(header), Some(body)) = (reader.header(number)?, reader.body(number)?) else {
            break;
        };
        ancestors.push(Block::new(header.into_inner(), body));
    }
    Ok(ancestors)
}

pub(crate) fn outcome(
    reader: &Reader,
    executed: &Executed,
    execution: Duration,
) -> Result<(B256, Outcome), StoreError> {
    let start = Instant::now();
    let changes = StateChanges::from_bundle(&executed.bundle);
    let (root, trie) = reader.state_root(&changes)?;
    Ok((root, Outcome { changes, trie, execution, root: start.elapsed() }))
}
