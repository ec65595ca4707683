//! The least gas limit with which a transaction succeeds: `eth_estimateGas`.
//!
//! The search is go-ethereum's, so that wallets get the numbers they know: 21,000 for a plain
//! transfer, else a first run with all the gas there may be, a second with what that run needed,
//! and bisection until the bounds are within 1.5 % of each other.

use crate::{
    call::{CallOptions, Simulation},
    env::ChainEnv,
    error::CallError,
};
use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_evm::Evm;
use alloy_primitives::{Bytes, KECCAK256_EMPTY, TxKind, U256};
use revm::{
    Database, DatabaseRef,
    context::{
        TxEnv,
        result::{ExecutionResult, HaltReason, InvalidTransaction},
    },
};

/// The gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// What a call with value hands on; part of the second run's guess.
const CALL_STIPEND: u64 = 2_300;
/// The search ends when the bounds are closer than this part of the upper one, per mille.
const TOLERANCE_PER_MILLE: u128 = 15;

/// Why there is no gas limit with which the transaction succeeds.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// No execution was possible: see the cause.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The balance does not cover the value.
    #[error("insufficient funds for transfer")]
    InsufficientFundsForTransfer,
    /// The balance does not cover value and blob fees.
    #[error("insufficient funds for gas * price + value")]
    InsufficientFunds,
    /// It reverts with any amount of gas.
    #[error("execution reverted")]
    Reverted {
        /// What it reverts with.
        output: Bytes,
    },
    /// It fails with any amount of gas.
    #[error("execution failed: {0}")]
    Halted(HaltReason),
    /// It needs more gas than there may be: the block's, the cap's, or what the balance pays for.
    #[error("gas required exceeds allowance ({0})")]
    ExceedsAllowance(u64),
}

/// Estimates the gas limit of `request` on `db` in the block environment `env`. A gas limit of at
/// least 21,000 in the request is an upper bound; else the block's gas limit is. Other rules are
/// those of [`call`](crate::call()).
///
/// # Errors
/// [`EstimateError`].
pub fn estimate_gas<DB: DatabaseRef>(
    db: DB,
    env: ChainEnv,
    request: TxEnv,
    options: &CallOptions,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<u64, EstimateError> {
    let gas_cap = env.evm.cfg_env.tx_gas_limit_cap.unwrap_or(u64::MAX);
    let simulation = Simulation::new(db, env, &request, options, interrupt)?;
    Search { simulation, request }.run(gas_cap, options.gas_cap)
}

struct Search<'i, DB: DatabaseRef> {
    simulation: Simulation<'i, DB>,
    request: TxEnv,
}

/// What one run with a given gas limit showed.
enum Run {
    Succeeded(Gas),
    Reverted(Bytes),
    Halted(HaltReason),
    /// Not even the intrinsic gas is covered.
    TooLittle,
}

#[derive(Clone, Copy)]
struct Gas {
    used: u64,
    /// The most at any time: before refunds, and at least the price of the data (EIP-7623).
    most: u64,
}

impl<DB: DatabaseRef> Search<'_, DB> {
    fn run(mut self, transaction_cap: u64, call_cap: u64) -> Result<u64, EstimateError> {
        let mut high = match self.request.gas_limit {
            limit if limit >= TRANSFER_GAS => limit,
            _ => self.simulation.evm.block().gas_limit,
        };
        high = high.min(transaction_cap);
        if self.request.gas_price != 0 {
            high = high.min(self.affordable()?);
        }
        if call_cap != 0 {
            high = high.min(call_cap);
        }
        if self.is_plain_transfer()? && matches!(self.at(TRANSFER_GAS), Ok(Run::Succeeded(_))) {
            return Ok(TRANSFER_GAS);
        }
        let gas = match self.at(high)? {
            Run::Succeeded(gas) => gas,
            Run::Reverted(output) => return Err(EstimateError::Reverted { output }),
            Run::Halted(HaltReason::OutOfGas(_)) | Run::TooLittle => {
                return Err(EstimateError::ExceedsAllowance(high));
            }
            Run::Halted(reason) => return Err(EstimateError::Halted(reason)),
        };
        // Less than was used cannot be enough, but refunds and the 63/64 rule can ask for more.
        let mut low = gas.used.saturating_sub(1);
        let guess = u128::from(gas.most.saturating_add(CALL_STIPEND)) * 64 / 63;
        let guess = u64::try_from(guess).unwrap_or(u64::MAX);
        if guess < high {
            match self.at(guess)? {
                Run::Succeeded(_) => high = guess,
                _ => low = guess,
            }
        }
        while low.saturating_add(1) < high {
            if u128::from(high - low) * 1_000 < u128::from(high) * TOLERANCE_PER_MILLE {
                break;
            }
            // Most transactions need little more than they use: look near the lower bound.
            let middle = (low + (high - low) / 2).min(low.saturating_mul(2).max(low + 1));
            match self.at(middle)? {
                Run::Succeeded(_) => high = middle,
                _ => low = middle,
            }
        }
        Ok(high)
    }

    fn at(&mut self, gas_limit: u64) -> Result<Run, CallError> {
        let request = TxEnv { gas_limit, ..self.request.clone() };
        match self.simulation.run(request) {
            Ok(ExecutionResult::Success { gas, .. }) => {
                let most = gas.total_gas_spent().max(gas.floor_gas());
                Ok(Run::Succeeded(Gas { used: gas.tx_gas_used(), most }))
            }
            Ok(ExecutionResult::Revert { output, .. }) => Ok(Run::Reverted(output)),
            Ok(ExecutionResult::Halt { reason, .. }) => Ok(Run::Halted(reason)),
            Err(CallError::Transaction(
                InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
            )) => Ok(Run::TooLittle),
            Err(error) => Err(error),
        }
    }

    /// The most gas the sender's balance pays for, after value and blobs.
    fn affordable(&mut self) -> Result<u64, EstimateError> {
        let caller = self.request.caller;
        let account = self.simulation.evm.db_mut().basic(caller);
        let account = account.map_err(|error| CallError::Database(Box::new(error)))?;
        let balance = account.map_or(U256::ZERO, |account| account.balance);
        let value = self.request.value;
        if !value.is_zero() && value >= balance {
            return Err(EstimateError::InsufficientFundsForTransfer);
        }
        let mut available = balance - value;
        let blobs = self.request.blob_hashes.len();
        if blobs > 0 {
            let fee = U256::from(blobs as u64 * DATA_GAS_PER_BLOB)
                .saturating_mul(U256::from(self.request.max_fee_per_blob_gas));
            if fee >= available {
                return Err(EstimateError::InsufficientFunds);
            }
            available -= fee;
        }
        Ok((available / U256::from(self.request.gas_price)).saturating_to())
    }

    /// No data, to an account without code.
    fn is_plain_transfer(&mut self) -> Result<bool, CallError> {
        let TxKind::Call(to) = self.request.kind else { return Ok(false) };
        if !self.request.data.is_empty() {
            return Ok(false);
        }
        let account = self.simulation.evm.db_mut().basic(to);
        let account = account.map_err(|error| CallError::Database(Box::new(error)))?;
        Ok(account.is_none_or(|account| account.code_hash == KECCAK256_EMPTY))
    }
}
