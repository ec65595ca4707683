//! The first block.

use crate::{
    commit::{BlockParts, write_block, write_state},
    error::StoreError,
    reader::{Head, Meta},
    state::StateChanges,
    store::Store,
    trie::state_root,
    txn::Txn,
};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::B256;
use mfenx_primitives::{BlockBody, GenesisAlloc, SealedHeader};

impl Store {
    /// Writes block 0 and its state into an empty store; otherwise checks that the store belongs to
    /// this chain.
    ///
    /// # Errors
    /// [`StoreError::GenesisMismatch`] for the store of another chain,
    /// [`StoreError::StateRootMismatch`] when `alloc` is not the state that `header` claims.
    pub fn init_genesis(
        &self,
        chain_id: u64,
        header: &SealedHeader,
        alloc: &GenesisAlloc,
    ) -> Result<(), StoreError> {
        let _writer = self.shared.writer.lock();
        let tx = self.shared.environment.begin_rw_unsync()?;
        let txn = Txn::new(&tx, &self.shared.tables);
        let meta = Meta(txn);
        if let Some((stored_chain_id, stored_genesis)) = meta.chain()? {
            let genesis = header.hash();
            if (stored_chain_id, stored_genesis) == (chain_id, genesis) {
                return Ok(());
            }
            return Err(StoreError::GenesisMismatch {
                stored_chain_id,
                stored_genesis,
                chain_id,
                genesis,
            });
        }
        self.shared.directory.check_space(alloc.len())?;
        let number = header.number;
        if number != 0 {
            return Err(StoreError::InvalidCommit { number, reason: "genesis is block 0" });
        }
        let changes = StateChanges::from_genesis(alloc);
        let trie = state_root(txn, B256::ZERO, &changes, None)?;
        if trie.root() != header.state_root {
            let computed = trie.root();
            return Err(StoreError::StateRootMismatch {
                number,
                header: header.state_root,
                computed,
            });
        }
        let withdrawals = header.withdrawals_root.map(|_| Withdrawals::default());
        let body = BlockBody { withdrawals, ..BlockBody::default() };
        let (hash, senders, receipts) = (header.hash(), &[], &[]);
        write_block(txn, BlockParts { hash, header, body: &body, senders, receipts }, None)?;
        write_state(txn, None, &changes, &trie)?;
        meta.set_chain(chain_id, hash)?;
        meta.set_head(Head { number, hash })?;
        let closed = self.shared.idle.close(txn.snapshot()?);
        tx.commit()?;
        drop(closed);
        Ok(())
    }
}
