//! What must be durable before a message of ours leaves: the log of the height, and the guard.

use super::{
    guard::{Guard, Signed},
    log::{Log, Recovered},
};
use crate::error::EngineError;
use mfenx_consensus::{Operator, WalEntry};
use std::{fs, path::Path};

/// Log and guard of one node.
#[derive(Debug)]
pub(super) struct Journal {
    log: Log,
    guard: Guard,
    /// Whose messages are ours.
    operator: Operator,
}

impl Journal {
    /// Opens both files in `directory`, which is created when it is not there.
    pub(super) fn open(
        directory: &Path,
        operator: Operator,
    ) -> Result<(Self, Recovered), EngineError> {
        let path = directory.join("consensus.log");
        let failed = |source| super::LogError::File { path: path.clone(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let guard = Guard::open(&directory.join("signed"))?;
        let (log, recovered) = Log::open(&path)?;
        // The names are durable before anything is signed.
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok((Self { log, guard, operator }, recovered))
    }

    /// The guard, to be asked.
    pub(super) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The height from which on votes are allowed; none while that is in doubt.
    pub(super) const fn votes_from(&self) -> Option<u64> {
        self.guard.votes_from()
    }

    /// Changes, durably, what the guard allows. Blocking, briefly and rarely.
    pub(super) fn change_guard(
        &mut self,
        change: impl FnOnce(&mut Guard),
    ) -> Result<(), EngineError> {
        change(&mut self.guard);
        Ok(self.guard.sync()?)
    }

    /// Whether this node may sign at `height`, given what the log holds of it.
    pub(super) fn may_sign(&self, height: u64, log: &[WalEntry]) -> bool {
        self.guard.may_sign(height, log)
    }

    /// Starts the log of a height, unless it is of that height already.
    pub(super) fn start_height(&mut self, height: u64) -> Result<(), EngineError> {
        if self.log.height() != height {
            self.log.reset(height)?;
        }
        Ok(())
    }

    /// Takes a record; durable after [`Self::sync`].
    ///
    /// # Errors
    /// It is a message of ours that the guard forbids. Nothing may leave any more.
    pub(super) fn append(&mut self, entry: &WalEntry) -> Result<(), EngineError> {
        let ours = match entry {
            WalEntry::Vote(vote) => vote.operator == self.operator,
            WalEntry::Proposal(proposal) => proposal.operator == self.operator,
            WalEntry::Value(_) | WalEntry::Timeout(_) | WalEntry::Polka(_) => false,
        };
        if ours && let Some(signed) = Signed::of(entry) {
            self.guard.note(signed)?;
        }
        self.log.append_entry(entry);
        Ok(())
    }

    /// Takes a block that a record names; durable after [`Self::sync`].
    pub(super) fn append_block(&mut self, payload: &[u8]) {
        self.log.append_block(payload);
    }

    /// Makes everything durable: the log first, so that the guard never knows more than it.
    pub(super) fn sync(&mut self) -> Result<(), EngineError> {
        self.log.sync()?;
        Ok(self.guard.sync()?)
    }
}
