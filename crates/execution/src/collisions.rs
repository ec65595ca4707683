//! Creation at an address that has storage but neither nonce nor code must fail (EIP-7610).
//!
//! The EVM does not look at the storage. From Spurious Dragon on a contract is born with nonce 1,
//! and an account that got storage through a delegation has a nonce too; so such accounts come
//! from the genesis allocation (or from before that fork, when nobody knows of one that can be
//! created again: that would take a collision of keccak-256). Where the allocation has none, as on
//! every real chain, blocks run without any of this. Calls do without it everywhere: they decide
//! nothing.

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256};
use mfenx_chainspec::ChainSpec;
use revm::{
    Database, Inspector,
    context::{ContextError, ContextTr, JournalTr, journaled_state::account::JournaledAccountTr},
    interpreter::{
        CreateInputs, CreateOutcome, Gas, InstructionResult, InterpreterResult,
        interpreter::EthInterpreter,
    },
};

/// Frames deeper than this are refused for their depth.
const CALL_DEPTH_MAX: usize = 1_024;

/// Accounts of the genesis allocation with storage but neither nonce nor code, each with one slot
/// that is not zero. Nothing can write their storage; if the slot is zero, they were deleted.
#[derive(Debug)]
pub(crate) struct StorageCollisions(Vec<(Address, U256)>);

impl StorageCollisions {
    pub(crate) fn of(spec: &ChainSpec) -> Self {
        let accounts = spec.alloc().iter().filter_map(|(address, account)| {
            let storage = account.storage.as_ref()?;
            let (slot, _) = storage.iter().find(|(_, value)| !value.is_zero())?;
            let bare = account.nonce.unwrap_or(0) == 0
                && account.code.as_ref().is_none_or(|code| code.is_empty());
            bare.then(|| (*address, U256::from_be_bytes(slot.0)))
        });
        Self(accounts.collect())
    }

    /// Whether there is nothing to look for.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this creation collides; then what the EVM does before it fails is done.
    fn collides<CTX: ContextTr>(
        &self,
        context: &mut CTX,
        inputs: &CreateInputs,
    ) -> Result<bool, <CTX::Db as Database>::Error> {
        if context.journal().depth() > CALL_DEPTH_MAX {
            return Ok(false);
        }
        let journal = context.journal_mut();
        let caller = journal.load_account(inputs.caller())?.data.info.clone();
        if caller.balance < inputs.value() || caller.nonce == u64::MAX {
            return Ok(false);
        }
        let address = inputs.created_address(caller.nonce);
        let Some((_, slot)) = self.0.iter().find(|(account, _)| *account == address) else {
            return Ok(false);
        };
        if context.db_mut().storage(address, *slot)?.is_zero() {
            return Ok(false);
        }
        let journal = context.journal_mut();
        let target = journal.load_account(address)?.data.info.clone();
        if target.nonce != 0 || target.code_hash != KECCAK256_EMPTY {
            return Ok(false);
        }
        journal.load_account_mut(inputs.caller())?.data.bump_nonce();
        Ok(true)
    }
}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for StorageCollisions {
    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let result = match self.collides(context, inputs) {
            Ok(false) => return None,
            Ok(true) => InstructionResult::CreateCollision,
            Err(error) => {
                *context.error() = Err(ContextError::Db(error));
                InstructionResult::FatalExternalError
            }
        };
        let gas = Gas::new(inputs.gas_limit());
        Some(CreateOutcome::new(InterpreterResult::new(result, Bytes::new(), gas), None))
    }
}
