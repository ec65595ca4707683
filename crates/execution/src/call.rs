//! Calls that change nothing: `eth_call` and what `eth_estimateGas` is made of.

use crate::{
    error::CallError,
    interrupt::{Guard, install},
};
use alloy_evm::{
    Evm, EvmEnv,
    eth::{EthEvm, EthEvmBuilder},
    overrides::{StateOverrideError, apply_block_overrides, apply_state_overrides},
    precompiles::PrecompilesMap,
};
use alloy_primitives::{Bytes, Log};
use alloy_rpc_types_eth::{BlockOverrides, state::StateOverride};
use revm::{
    DatabaseRef,
    context::{
        CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, ResultGas},
    },
    database::CacheDB,
    database_interface::DBErrorMarker,
    inspector::NoOpInspector,
};

/// What a call finds changed, and how much it may use.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// Accounts to see differently. `movePrecompileToAddress` is refused.
    pub state_overrides: Option<StateOverride>,
    /// Fields of the block to see differently.
    pub block_overrides: Option<BlockOverrides>,
    /// The most gas one execution may have, whatever the request says; 0 for no cap.
    pub gas_cap: u64,
    /// The most memory that all frames of a call together may hold, in bytes; whoever wants more
    /// is out of gas.
    pub memory_bytes_max: u64,
}

impl Default for CallOptions {
    /// No overrides, 50 million gas, 128 MiB.
    fn default() -> Self {
        Self {
            state_overrides: None,
            block_overrides: None,
            gas_cap: 50_000_000,
            memory_bytes_max: 128 << 20,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// It returned.
    Success {
        /// What it returned; the code, for a creation.
        output: Bytes,
        /// Gas, after refunds.
        gas_used: u64,
        /// Logs in order.
        logs: Vec<Log>,
    },
    /// It reverted.
    Revert {
        /// What it reverted with.
        output: Bytes,
        /// Gas, after refunds.
        gas_used: u64,
    },
    /// It failed, with all its gas.
    Halt {
        /// Why.
        reason: HaltReason,
        /// Gas.
        gas_used: u64,
    },
}

impl From<ExecutionResult> for CallOutcome {
    fn from(result: ExecutionResult) -> Self {
        match result {
            ExecutionResult::Success { gas, logs, output, .. } => {
                Self::Success { output: output.into_data(), gas_used: used(gas), logs }
            }
            ExecutionResult::Revert { gas, output, .. } => {
                Self::Revert { output, gas_used: used(gas) }
            }
            ExecutionResult::Halt { reason, gas, .. } => Self::Halt { reason, gas_used: used(gas) },
        }
    }
}

const fn used(gas: ResultGas) -> u64 {
    gas.tx_gas_used()
}

/// Runs `request` on `db` in the block environment `env`, as go-ethereum's `eth_call` does: nonce
/// and code of the sender, the block's gas limit and the transaction gas cap are not looked at;
/// without a gas price (zero) the base fee is zero as well; the balance must cover gas price and
/// value. The chain is not changed.
///
/// `interrupt` is asked again and again while the call runs; when it says `true`, the call ends.
///
/// # Errors
/// [`CallError`]; a revert is an outcome, no error.
pub fn call<DB: DatabaseRef>(
    db: DB,
    env: EvmEnv,
    mut request: TxEnv,
    options: &CallOptions,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<CallOutcome, CallError> {
    if options.gas_cap != 0 {
        request.gas_limit = request.gas_limit.min(options.gas_cap);
    }
    let mut simulation = Simulation::new(db, env, &request, options, interrupt)?;
    simulation.run(request).map(Into::into)
}

/// The database of a call.
type CallDb<'i, DB> = CacheDB<Guard<'i, DB>>;

/// An EVM for calls, which can run several times on the same state.
pub(crate) struct Simulation<'i, DB: DatabaseRef> {
    pub(crate) evm: EthEvm<CallDb<'i, DB>, NoOpInspector, PrecompilesMap>,
}

impl<'i, DB: DatabaseRef> Simulation<'i, DB> {
    pub(crate) fn new(
        db: DB,
        mut env: EvmEnv,
        request: &TxEnv,
        options: &CallOptions,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<Self, CallError> {
        let mut db = CacheDB::new(Guard::new(db, interrupt));
        if let Some(overrides) = &options.block_overrides {
            apply_block_overrides(overrides.clone(), &mut db, &mut env.block_env);
        }
        if let Some(overrides) = &options.state_overrides {
            if overrides.values().any(|account| account.move_precompile_to.is_some()) {
                let text = "`movePrecompileToAddress` is not supported".to_owned();
                return Err(CallError::Override(text));
            }
            apply_state_overrides(overrides.clone(), &mut db).map_err(override_error)?;
        }
        relax(&mut env.cfg_env, options);
        // Whoever pays nothing for gas is not held to a price: the BASEFEE opcode agrees.
        if request.gas_price == 0 {
            env.block_env.basefee = 0;
        }
        if !request.blob_hashes.is_empty()
            && request.max_fee_per_blob_gas == 0
            && let Some(blob) = &mut env.block_env.blob_excess_gas_and_price
        {
            blob.blob_gasprice = 0;
        }
        Ok(Self { evm: install(EthEvmBuilder::new(db, env).build()) })
    }

    /// Runs `request` and forgets what it changed.
    pub(crate) fn run(&mut self, request: TxEnv) -> Result<ExecutionResult, CallError> {
        let result = self.evm.transact_raw(request);
        if self.evm.db().db.interrupted() {
            return Err(CallError::Interrupted);
        }
        match result {
            Ok(result) => Ok(result.result),
            Err(EVMError::Transaction(reason)) => Err(CallError::Transaction(reason)),
            Err(EVMError::Database(error)) => Err(CallError::Database(Box::new(error))),
            Err(other) => Err(CallError::Evm(other.to_string())),
        }
    }
}

/// Leaves out the checks that hold for transactions and not for calls, and bounds memory.
pub(crate) fn relax(cfg: &mut CfgEnv, options: &CallOptions) {
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_block_gas_limit = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg.memory_limit = options.memory_bytes_max;
}

pub(crate) fn override_error<E: DBErrorMarker>(error: StateOverrideError<E>) -> CallError {
    use StateOverrideError as Error;
    match error {
        Error::Database(error) => CallError::Database(Box::new(error)),
        other => CallError::Override(other.to_string()),
    }
}
