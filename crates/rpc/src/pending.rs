//! The block that would follow the head now: the pool's best transactions, executed.
//!
//! It is built when somebody asks for it, by one caller at a time while the others wait, and kept
//! for two seconds while the head and the pool stay as they are; on top of one head it is built anew after
//! some time at the earliest, however the pool changes. Nothing is locked while it is built.
//!
//! It is a guess: the next block will have another time, randomness and author, and perhaps other
//! transactions. Where none can be built (a chain before the merge, or without its system
//! contracts), it is empty.

mod build;
mod state;

pub(crate) use state::BlockState;

use crate::{
    block_cache::CachedBlock, block_id::BlockId, context::Context, error::RpcError,
    limits::RpcLimits,
};
use alloy_primitives::B256;
use mfenx_primitives::SealedHeader;
use mfenx_storage::Reader;
use parking_lot::{Condvar, Mutex};
use revm::database::BundleState;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The clock goes on also where nothing else changes, and the time of the block with it.
const AGE_MAX: Duration = Duration::from_secs(2);

/// A block that nobody has committed.
#[derive(Debug)]
pub(crate) struct PendingBlock {
    /// The block with its receipts. Its hash is that of a block which will hardly ever be.
    pub(crate) block: Arc<CachedBlock>,
    /// What it changes.
    pub(crate) bundle: BundleState,
}

impl PendingBlock {
    /// The header.
    pub(crate) fn header(&self) -> SealedHeader {
        self.block.block.sealed_header()
    }
}

/// The latest pending block.
#[derive(Debug)]
pub(crate) struct PendingCache {
    latest: Mutex<Latest>,
    built: Condvar,
    interval_min: Duration,
    time_max: Duration,
}

#[derive(Debug, Default)]
struct Latest {
    entry: Option<Entry>,
    building: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    parent: B256,
    /// The pool's revision before its transactions were taken.
    revision: u64,
    built: Instant,
    block: Arc<PendingBlock>,
}

impl PendingCache {
    pub(crate) fn new(limits: &RpcLimits) -> Self {
        Self {
            latest: Mutex::default(),
            built: Condvar::new(),
            interval_min: Duration::from_millis(limits.pending_interval_ms_min),
            time_max: Duration::from_millis(limits.pending_time_ms_max),
        }
    }

    /// The block on top of `parent`, from `build` unless it is here. Blocks while somebody else
    /// builds, for twice the time that building may take.
    fn get(
        &self,
        parent: B256,
        revision: u64,
        build: impl FnOnce() -> Result<PendingBlock, RpcError>,
    ) -> Result<Arc<PendingBlock>, RpcError> {
        let deadline = Instant::now() + 2 * self.time_max;
        let mut latest = self.latest.lock();
        loop {
            let on_parent = latest.entry.as_ref().filter(|entry| entry.parent == parent);
            let fresh = on_parent.filter(|entry| {
                let age = entry.built.elapsed();
                age < self.interval_min || (entry.revision == revision && age < AGE_MAX)
            });
            if let Some(entry) = fresh {
                return Ok(Arc::clone(&entry.block));
            }
            if !latest.building {
                break;
            }
            if self.built.wait_until(&mut latest, deadline).timed_out() {
                // Rather a little old than never.
                let old = latest.entry.as_ref().filter(|entry| entry.parent == parent);
                return old.map(|entry| Arc::clone(&entry.block)).ok_or(RpcError::Busy);
            }
        }
        latest.building = true;
        drop(latest);
        let turn = Turn(self);
        let block = Arc::new(build()?);
        let entry = Entry { parent, revision, built: Instant::now(), block: Arc::clone(&block) };
        self.latest.lock().entry = Some(entry);
        drop(turn);
        Ok(block)
    }
}

/// Lets the next one build, also after a failure.
struct Turn<'a>(&'a PendingCache);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.latest.lock().building = false;
        self.0.built.notify_all();
    }
}

impl Context {
    /// The pending block on top of the head of `reader`. It may take a good part of a second, so
    /// this belongs on a thread that may block.
    ///
    /// # Errors
    /// The store fails, or too many want the block on top of different heads.
    pub(crate) fn pending(&self, reader: &Reader) -> Result<Arc<PendingBlock>, RpcError> {
        let head = BlockId::Latest.header(reader)?;
        let revision = self.pool.revision();
        self.pending.get(head.hash(), revision, || build::build(self, reader, &head))
    }

    /// The header of a block that must be there, and the state after it. As [`Self::pending`] if
    /// that is the block.
    pub(crate) fn header_and_state<'r>(
        &self,
        block: BlockId,
        reader: &'r Reader,
    ) -> Result<(SealedHeader, BlockState<'r>), RpcError> {
        if block == BlockId::Pending {
            let pending = self.pending(reader)?;
            return Ok((pending.header(), BlockState::pending(reader, pending)));
        }
        let header = block.header(reader)?;
        let state = crate::block_id::state_after(reader, header.number)?;
        Ok((header, BlockState::stored(state)))
    }

    /// The state after a block that must be there. As [`Self::pending`] if that is the block.
    pub(crate) fn state<'r>(
        &self,
        block: BlockId,
        reader: &'r Reader,
    ) -> Result<BlockState<'r>, RpcError> {
        if block == BlockId::Pending {
            return Ok(BlockState::pending(reader, self.pending(reader)?));
        }
        Ok(BlockState::stored(block.state(reader)?))
    }
}

#[cfg(test)]
mod tests;
