//! The state after a block, stored or pending.

use super::PendingBlock;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use mfenx_primitives::AccountState;
use mfenx_storage::{Reader, StateView, StoreError};
use revm::{DatabaseRef, bytecode::Bytecode, database::BundleAccount, state::AccountInfo};
use std::sync::Arc;

/// The state after a block: a stored one, perhaps with the changes of the pending block over it.
#[derive(Debug, Clone)]
pub(crate) struct BlockState<'r> {
    stored: StateView<'r>,
    pending: Option<Arc<PendingBlock>>,
}

impl<'r> BlockState<'r> {
    /// A stored state.
    pub(crate) const fn stored(stored: StateView<'r>) -> Self {
        Self { stored, pending: None }
    }

    /// The state after `pending`, which stands on the head of `reader`.
    pub(crate) fn pending(reader: &'r Reader, pending: Arc<PendingBlock>) -> Self {
        Self { stored: reader.latest_state(), pending: Some(pending) }
    }

    fn changed(&self, address: Address) -> Option<&BundleAccount> {
        self.pending.as_ref()?.bundle.account(&address)
    }

    /// The account, or none if it does not exist.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub(crate) fn account(&self, address: Address) -> Result<Option<AccountState>, StoreError> {
        let Some(changed) = self.changed(address) else { return self.stored.account(address) };
        Ok(changed.info.as_ref().map(|info| AccountState {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
        }))
    }

    /// The value of a slot; zero for one that was never written, or of no account.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub(crate) fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        match self.changed(address).and_then(|changed| changed.storage_slot(slot)) {
            Some(value) => Ok(value),
            None => self.stored.storage(address, slot),
        }
    }

    /// The code of an account; empty for one without.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub(crate) fn code(&self, address: Address) -> Result<Bytes, StoreError> {
        match self.account(address)? {
            Some(account) if account.code_hash != KECCAK256_EMPTY => {
                Ok(self.code_by_hash_ref(account.code_hash)?.original_bytes())
            }
            _ => Ok(Bytes::new()),
        }
    }
}

impl DatabaseRef for BlockState<'_> {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        match self.changed(address) {
            Some(changed) => Ok(changed.info.clone()),
            None => self.stored.basic_ref(address),
        }
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        let created = self.pending.as_ref().and_then(|block| block.bundle.bytecode(&code_hash));
        match created {
            Some(code) => Ok(code),
            None => self.stored.code_by_hash_ref(code_hash),
        }
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        self.storage(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        self.stored.block_hash_ref(number)
    }
}
