//! Importing many blocks: while one is executed, the next are decoded and their senders recovered.

use crate::{chain::Chain, error::ImportError};
use mfenx_primitives::{Block, CommittedBlock, RecoveredBlock};
use std::{
    sync::{Arc, mpsc},
    thread,
};

/// Blocks recovered ahead of the one that is executed.
const AHEAD: usize = 4;

impl Chain {
    /// Imports blocks in the order in which they come, each as [`Self::import`] does. Each comes
    /// with something of the caller's, which `done` gets back together with the outcome; `done`
    /// decides whether an outcome ends the import.
    ///
    /// `blocks` runs on a thread of its own, up to a few blocks ahead.
    ///
    /// # Errors
    /// The first error of `blocks` or of `done`. What was imported before it stays imported.
    pub fn import_all<T: Send, E: Send>(
        &self,
        blocks: impl Iterator<Item = Result<(T, Block), E>> + Send,
        mut done: impl FnMut(T, Result<Arc<CommittedBlock>, ImportError>) -> Result<(), E>,
    ) -> Result<(), E> {
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(AHEAD);
            scope.spawn(move || {
                for next in blocks {
                    let next = next.map(|(with, block)| (with, RecoveredBlock::recover(block)));
                    let failed = next.is_err();
                    // A closed channel says that the import has ended.
                    if sender.send(next).is_err() || failed {
                        return;
                    }
                }
            });
            for next in receiver {
                let (with, recovered) = next?;
                let recovered = recovered.map_err(ImportError::from);
                done(with, recovered.and_then(|block| self.import_recovered(block)))?;
            }
            Ok(())
        })
    }
}
