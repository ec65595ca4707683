//! Calls that change nothing: `eth_call` and what `eth_estimateGas` is made of.

use crate::{
    env::ChainEnv,
    error::CallError,
    interrupt::{Guard, Interrupt as _, install},
    overrides::{BlockOverrides, apply_accounts},
    precompiles::{self, ChainPrecompiles},
};
use alloy_evm::{
    Database, Evm, EvmEnv,
    eth::{EthEvm, EthEvmBuilder, EthEvmContext},
};
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use alloy_rpc_types_eth::state::StateOverride;
use revm::{
    DatabaseRef, Inspector,
    context::{
        TxEnv,
        result::{
            EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultAndState, ResultGas,
        },
    },
    database::CacheDB,
    inspector::NoOpInspector,
};

/// What a call finds changed, and how much it may use.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// Accounts to see differently.
    pub state_overrides: Option<StateOverride>,
    /// Fields of the block to see differently.
    pub block_overrides: Option<BlockOverrides>,
    /// The most gas one execution may have, whatever the request says; 0 for no cap.
    pub gas_cap: u64,
    /// The most memory that all frames of a call together may hold, in bytes; whoever wants more
    /// is out of gas.
    pub memory_bytes_max: u64,
    /// Counts as interrupted before anything that may take long in one step, such as most
    /// precompiles: `interrupt` is then asked at least every few milliseconds.
    pub brief: bool,
}

impl Default for CallOptions {
    /// No overrides, 50 million gas, 128 MiB.
    fn default() -> Self {
        Self {
            state_overrides: None,
            block_overrides: None,
            gas_cap: 50_000_000,
            memory_bytes_max: 128 << 20,
            brief: false,
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
    env: ChainEnv,
    mut request: TxEnv,
    options: &CallOptions,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<CallOutcome, CallError> {
    if options.gas_cap != 0 {
        request.gas_limit = request.gas_limit.min(options.gas_cap);
    }
    let mut simulation = Simulation::new(db, env, &request, options, interrupt)?;
    // Nobody pays and nobody is paid: the beneficiary need not be read, nor the sender's balance.
    simulation.evm.ctx_mut().cfg.disable_fee_charge =
        request.gas_price == 0 && request.value.is_zero() && request.blob_hashes.is_empty();
    simulation.run(request).map(Into::into)
}

/// The database of a call.
pub(crate) type CallDb<'i, DB> = CacheDB<Guard<'i, DB>>;

/// An EVM for calls, which can run several times on the same state.
pub(crate) struct Simulation<'i, DB: DatabaseRef, I = NoOpInspector> {
    pub(crate) evm: EthEvm<CallDb<'i, DB>, I, ChainPrecompiles>,
}

impl<'i, DB: DatabaseRef> Simulation<'i, DB> {
    /// Applies the overrides; everything but them and the gas price of `request` is left to
    /// [`Self::run`].
    pub(crate) fn new(
        db: DB,
        env: ChainEnv,
        request: &TxEnv,
        options: &CallOptions,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<Self, CallError> {
        Simulation::inspected(db, env, request, options, NoOpInspector {}, interrupt).map(
            |mut simulation| {
                simulation.evm.set_inspector_enabled(false);
                simulation
            },
        )
    }
}

impl<'i, DB: DatabaseRef, I: Inspector<EthEvmContext<CallDb<'i, DB>>>> Simulation<'i, DB, I> {
    /// The same with an inspector that sees every run.
    pub(crate) fn inspected(
        db: DB,
        mut env: ChainEnv,
        request: &TxEnv,
        options: &CallOptions,
        inspector: I,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<Self, CallError> {
        let mut db = CacheDB::new(Guard::new(db, interrupt).brief(options.brief));
        if let Some(overrides) = &options.block_overrides {
            overrides.apply(&mut env.evm)?;
            let hashes = overrides.block_hash.iter().flatten();
            let hashes = hashes.map(|(number, hash)| (U256::from(*number), *hash));
            db.cache.block_hashes.extend(hashes);
        }
        let mut precompiles = ChainPrecompiles::of(&env);
        if let Some(overrides) = &options.state_overrides {
            apply_accounts(overrides, &mut db, &mut precompiles)?;
        }
        look_away(&mut env.evm, options.memory_bytes_max);
        free_what_is_not_priced(&mut env.evm, request);
        Ok(Self { evm: call_evm(db, env.evm, precompiles, inspector) })
    }

    /// Runs `request` and forgets what it changed.
    pub(crate) fn run(&mut self, request: TxEnv) -> Result<ExecutionResult, CallError> {
        self.run_for_changes(request).map(|outcome| outcome.result)
    }

    /// Runs `request` and says what it changed; the database stays as it was.
    pub(crate) fn run_for_changes(&mut self, request: TxEnv) -> Result<ResultAndState, CallError> {
        let sender = request.caller;
        if let TxKind::Call(to) = request.kind
            && self.evm.db_mut().poll_call(U256::from_be_bytes(to.into_word().0))
        {
            return Err(CallError::Interrupted);
        }
        let result = self.evm.transact_raw(request);
        if self.evm.db().db.interrupted() {
            return Err(CallError::Interrupted);
        }
        result.map_err(|error| call_error(sender, error))
    }
}

/// An EVM that asks its database whether to stop. Warm from the beginning are the addresses where
/// precompiles stood before they were moved (EIP-2929).
pub(crate) fn call_evm<DB, I>(
    db: DB,
    env: EvmEnv,
    precompiles: ChainPrecompiles,
    inspector: I,
) -> EthEvm<DB, I, ChainPrecompiles>
where
    DB: Database + crate::interrupt::Interrupt,
    I: Inspector<EthEvmContext<DB>>,
{
    let evm = EthEvmBuilder::new(db, env).inspector(inspector).build();
    install(precompiles::install(evm, precompiles, true), true)
}

/// Turns off the checks that calls do not have to pass, and bounds their memory.
pub(crate) const fn look_away(env: &mut EvmEnv, memory_bytes_max: u64) {
    let cfg = &mut env.cfg_env;
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_block_gas_limit = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg.memory_limit = memory_bytes_max;
}

/// Whoever pays nothing for gas, or for blobs, is not held to a price: the BASEFEE opcode agrees.
pub(crate) fn free_what_is_not_priced(env: &mut EvmEnv, request: &TxEnv) {
    if request.gas_price == 0 {
        env.block_env.basefee = 0;
    }
    if !request.blob_hashes.is_empty()
        && request.max_fee_per_blob_gas == 0
        && let Some(blob) = &mut env.block_env.blob_excess_gas_and_price
    {
        blob.blob_gasprice = 0;
    }
}

/// What an error of the EVM says about a call of `sender`.
pub(crate) fn call_error<E>(sender: Address, error: EVMError<E>) -> CallError
where
    E: std::error::Error + Send + Sync + 'static,
{
    match error {
        EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            CallError::InsufficientFunds { address: sender, have: *balance, want: *fee }
        }
        EVMError::Transaction(reason) => CallError::Transaction(reason),
        EVMError::Database(error) => CallError::Database(Box::new(error)),
        other => CallError::Evm(other.to_string()),
    }
}
