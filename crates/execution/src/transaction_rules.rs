//! The rules of a transaction that follow from the fork alone; the EVM checks the others.

use crate::error::TransactionError;
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_hardforks::EthereumHardforks;
use mfenx_primitives::Transaction;

/// Checks what needs neither state nor block: the type's fork (EIP-2930, 1559, 4844, 7702), low
/// `s` from Homestead on (EIP-2), replay protection only from Spurious Dragon on (EIP-155).
///
/// Fees, nonce, balance, intrinsic gas, chain ID, gas cap, initcode size, blob count and the
/// authorization list are checked by the EVM when it runs.
///
/// # Errors
/// The rule it breaks.
pub fn validate_transaction(
    spec: &impl EthereumHardforks,
    transaction: &Transaction,
    number: u64,
    timestamp: u64,
) -> Result<(), TransactionError> {
    let active = match transaction {
        Transaction::Legacy(_) => true,
        Transaction::Eip2930(_) => spec.is_berlin_active_at_block(number),
        Transaction::Eip1559(_) => spec.is_london_active_at_block(number),
        Transaction::Eip4844(_) => spec.is_cancun_active_at_timestamp(timestamp),
        Transaction::Eip7702(_) => spec.is_prague_active_at_timestamp(timestamp),
    };
    if !active {
        return Err(TransactionError::Type(transaction.ty()));
    }
    if spec.is_homestead_active_at_block(number) && transaction.signature().normalize_s().is_some()
    {
        return Err(TransactionError::HighS);
    }
    if matches!(transaction, Transaction::Legacy(_))
        && transaction.chain_id().is_some()
        && !spec.is_spurious_dragon_active_at_block(number)
    {
        return Err(TransactionError::ReplayProtection);
    }
    Ok(())
}
