//! Accounts and precompiles.

use super::OverrideError;
use crate::{error::CallError, precompiles::ChainPrecompiles};
use alloy_primitives::{Address, B256, U256, map::B256HashMap};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use revm::{
    Database, DatabaseCommit,
    state::{
        Account, AccountInfo, AccountStatus, Bytecode, EvmState, EvmStorageSlot, TransactionId,
    },
};

/// Changes the state in `db` and the `precompiles` as if a transaction before had done so.
///
/// An account that an override names is there, even when everything about it is zero: it is dropped
/// only when a transaction touches it (EIP-161).
///
/// # Errors
/// [`CallError::Override`], or the state cannot be read.
pub(crate) fn apply_accounts<DB: Database + DatabaseCommit>(
    overrides: &StateOverride,
    db: &mut DB,
    precompiles: &mut ChainPrecompiles,
) -> Result<(), CallError> {
    let mut sorted: Vec<_> = overrides.iter().collect();
    sorted.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in sorted {
        displace_precompile(overrides, *address, account, precompiles)?;
        apply_account(*address, account, db)?;
    }
    Ok(())
}

/// An overridden precompile is none any more; it goes to its new place if there is one. The last of
/// several with the same place gets it.
fn displace_precompile(
    overrides: &StateOverride,
    address: Address,
    account: &AccountOverride,
    precompiles: &mut ChainPrecompiles,
) -> Result<(), OverrideError> {
    let is_precompile = precompiles.is_at(&address);
    if let Some(destination) = account.move_precompile_to {
        if !is_precompile {
            return Err(OverrideError::NotAPrecompile(address));
        }
        if destination == address {
            return Err(OverrideError::SelfReference(address));
        }
        if overrides.contains_key(&destination) {
            return Err(OverrideError::DestinationOverridden(destination));
        }
    }
    if !is_precompile {
        return Ok(());
    }
    precompiles.displace(address, account.move_precompile_to);
    Ok(())
}

fn apply_account<DB: Database + DatabaseCommit>(
    address: Address,
    account: &AccountOverride,
    db: &mut DB,
) -> Result<(), CallError> {
    let AccountOverride { balance, nonce, code, state, state_diff, move_precompile_to: _ } =
        account;
    if state.is_some() && state_diff.is_some() {
        return Err(OverrideError::StateAndDiff(address).into());
    }
    let slots = state.as_ref().or(state_diff.as_ref());
    let fields = balance.is_some() || nonce.is_some() || code.is_some();
    // Not even an empty difference makes an account.
    if !fields && state.is_none() && slots.is_none_or(B256HashMap::is_empty) {
        return Ok(());
    }
    let before = db.basic(address).map_err(|error| CallError::Database(Box::new(error)))?;
    let mut info = before.clone().unwrap_or_default();
    info.balance = balance.unwrap_or(info.balance);
    info.nonce = nonce.unwrap_or(info.nonce);
    if let Some(code) = code {
        // What looks like a delegation and is none is code that begins with an invalid opcode.
        let code = Bytecode::new_raw_checked(code.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
        info.code_hash = code.hash_slow();
        info.code = Some(code);
    }
    let replaced = state.is_some();
    let mut storage = Vec::new();
    for (slot, value) in slots.into_iter().flatten() {
        storage.push(changed_slot(address, *slot, *value, replaced, db)?);
    }
    if replaced && before.is_some() {
        let status = AccountStatus::Touched | AccountStatus::SelfDestructed;
        commit(db, address, AccountInfo::default(), Vec::new(), status);
    }
    // Only what is created may be there and empty.
    let created = replaced || info.is_empty();
    let created = if created { AccountStatus::Created } else { AccountStatus::empty() };
    commit(db, address, info, storage, AccountStatus::Touched | created);
    Ok(())
}

fn changed_slot<DB: Database>(
    address: Address,
    slot: B256,
    value: B256,
    replaced: bool,
    db: &mut DB,
) -> Result<(U256, EvmStorageSlot), CallError> {
    let slot = U256::from_be_bytes(slot.0);
    let value = U256::from_be_bytes(value.0);
    let original = if replaced {
        U256::ZERO
    } else {
        db.storage(address, slot).map_err(|error| CallError::Database(Box::new(error)))?
    };
    Ok((slot, EvmStorageSlot::new_changed(original, value, TransactionId::ZERO)))
}

fn commit<DB: DatabaseCommit>(
    db: &mut DB,
    address: Address,
    info: AccountInfo,
    storage: Vec<(U256, EvmStorageSlot)>,
    status: AccountStatus,
) {
    let mut account = Account::from(info);
    account.storage.extend(storage);
    account.status = status;
    let mut changes = EvmState::default();
    changes.insert(address, account);
    db.commit(changes);
}
