//! What a call must satisfy to be a transaction of a simulated block, in go-ethereum's order. What
//! is not here (intrinsic gas, init code) the EVM checks.

use super::SimulateOptions;
use alloy_eips::eip4844::{DATA_GAS_PER_BLOB, VERSIONED_HASH_VERSION_KZG};
use alloy_eips::eip7594::MAX_BLOBS_PER_TX_FUSAKA;
use alloy_primitives::{TxKind, U256};
use revm::{
    context::{BlockEnv, TxEnv, result::InvalidTransaction},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};

/// Checks `transaction` of `sender` in `block` under the rules of `fork`.
pub(super) fn check(
    transaction: &TxEnv,
    sender: &AccountInfo,
    fork: SpecId,
    block: &BlockEnv,
    options: &SimulateOptions,
) -> Result<(), InvalidTransaction> {
    if options.validation {
        check_nonce(transaction.nonce, sender.nonce)?;
    }
    check_fees(transaction, fork, block, options)?;
    check_blobs(transaction, fork, block, options)?;
    if transaction.tx_type == 4 {
        if transaction.kind == TxKind::Create {
            return Err(InvalidTransaction::AuthorizationListInvalidFields);
        }
        if transaction.authorization_list.is_empty() {
            return Err(InvalidTransaction::EmptyAuthorizationList);
        }
    }
    check_balance(transaction, sender.balance)
}

const fn check_nonce(tx: u64, state: u64) -> Result<(), InvalidTransaction> {
    if tx > state {
        return Err(InvalidTransaction::NonceTooHigh { tx, state });
    }
    if tx < state {
        return Err(InvalidTransaction::NonceTooLow { tx, state });
    }
    if state == u64::MAX {
        return Err(InvalidTransaction::NonceOverflowInTransaction);
    }
    Ok(())
}

fn check_fees(
    transaction: &TxEnv,
    fork: SpecId,
    block: &BlockEnv,
    options: &SimulateOptions,
) -> Result<(), InvalidTransaction> {
    let tip = transaction.gas_priority_fee.unwrap_or_default();
    let is_free = transaction.gas_price == 0 && tip == 0;
    if fork < SpecId::LONDON || (!options.validation && is_free) {
        return Ok(());
    }
    if tip > transaction.gas_price {
        return Err(InvalidTransaction::PriorityFeeGreaterThanMaxFee);
    }
    if transaction.gas_price < u128::from(block.basefee) {
        return Err(InvalidTransaction::GasPriceLessThanBasefee);
    }
    Ok(())
}

fn check_blobs(
    transaction: &TxEnv,
    fork: SpecId,
    block: &BlockEnv,
    options: &SimulateOptions,
) -> Result<(), InvalidTransaction> {
    if transaction.tx_type != 3 {
        return Ok(());
    }
    let hashes = &transaction.blob_hashes;
    if transaction.kind == TxKind::Create {
        return Err(InvalidTransaction::BlobCreateTransaction);
    }
    if hashes.is_empty() {
        return Err(InvalidTransaction::EmptyBlobs);
    }
    let max = MAX_BLOBS_PER_TX_FUSAKA as usize;
    if fork >= SpecId::OSAKA && hashes.len() > max {
        return Err(InvalidTransaction::TooManyBlobs { max, have: hashes.len() });
    }
    if hashes.iter().any(|hash| hash.first() != Some(&VERSIONED_HASH_VERSION_KZG)) {
        return Err(InvalidTransaction::BlobVersionNotSupported);
    }
    let price = block.blob_excess_gas_and_price.map_or(0, |blob| blob.blob_gasprice);
    let offered = transaction.max_fee_per_blob_gas;
    if offered < price && (options.validation || offered != 0) {
        return Err(InvalidTransaction::BlobGasPriceGreaterThanMax {
            block_blob_gas_price: price,
            tx_max_fee_per_blob_gas: offered,
        });
    }
    Ok(())
}

fn check_balance(transaction: &TxEnv, balance: U256) -> Result<(), InvalidTransaction> {
    let gas = U256::from(transaction.gas_limit) * U256::from(transaction.gas_price);
    let blob_gas = transaction.blob_hashes.len() as u64 * DATA_GAS_PER_BLOB;
    let blobs = U256::from(blob_gas) * U256::from(transaction.max_fee_per_blob_gas);
    let want = gas.checked_add(blobs).and_then(|sum| sum.checked_add(transaction.value));
    let Some(want) = want else { return Err(InvalidTransaction::OverflowPaymentInTransaction) };
    if balance < want {
        let (fee, balance) = (Box::new(want), Box::new(balance));
        return Err(InvalidTransaction::LackOfFundForMaxFee { fee, balance });
    }
    Ok(())
}
