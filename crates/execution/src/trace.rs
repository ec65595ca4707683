//! Executing again what stands in a block, or calls on top of it, with an inspector that looks on.
//!
//! A [`Replay`] is a state, an EVM and an inspector. It begins either where a block's transactions
//! begin ([`Replay::of_block`]: what comes before them is done exactly as
//! [`execute_block`](crate::execute_block) does it) or on a state as it is ([`Replay::on_state`]).
//! Then the caller goes through transactions: those that only matter for what follows run without
//! the inspector ([`Replay::skip`]), the wanted ones with it ([`Replay::inspect`]). The changes of
//! the latter are handed out and not applied, so that the state *before* the transaction can be
//! read beside them, until [`Replay::keep`] applies them.
//!
//! Invariants: a transaction of a valid block does here what it did there; nothing runs for long
//! after the interrupt said stop; what the inspector records is the inspector's to bound.
//!
//! Deliberately absent: what comes after the transactions of a block (rewards, withdrawals,
//! requests), and checks of the block itself.

mod inspected;
mod state;

pub use state::ReplayState;

use crate::{
    call::{CallOptions, call_error, look_away},
    collisions::StorageCollisions,
    env::{ChainEnv, evm_env},
    error::CallError,
    execute::move_dao_balances,
    interrupt::{Interrupt as _, install},
    overrides::apply_accounts,
    precompiles::{self, ChainPrecompiles},
};
use alloy_evm::{
    Evm, EvmEnv, FromRecoveredTx,
    block::SystemCaller,
    eth::{EthEvm, EthEvmBuilder, EthEvmContext},
};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::Address;
use inspected::Inspected;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Header, Transaction};
use revm::{
    DatabaseCommit, DatabaseRef, Inspector,
    context::{
        BlockEnv, TxEnv,
        result::{ExecutionResult, ResultAndState},
    },
    state::EvmState,
};

/// Transactions run again, one after the other.
#[expect(missing_debug_implementations, reason = "the EVM has none")]
pub struct Replay<'i, DB: DatabaseRef, I> {
    evm: EthEvm<ReplayState<'i, DB>, Inspected<I>, ChainPrecompiles>,
    /// The base fee and the blob base fee, which calls without a price do not see.
    fees: (u64, Option<u128>),
}

impl<'i, DB, I> Replay<'i, DB, I>
where
    DB: DatabaseRef,
    I: Inspector<EthEvmContext<ReplayState<'i, DB>>>,
{
    /// At the start of the block that `header` heads, on `db`, the state after its parent.
    ///
    /// `interrupt` is asked again and again while anything runs; when it says `true`, that ends.
    ///
    /// # Errors
    /// The state cannot be read, or a system call fails, which it does in no valid block.
    pub fn of_block(
        spec: &ChainSpec,
        db: DB,
        header: &Header,
        inspector: I,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<Self, CallError> {
        let mut replay = Self::on_state(spec, db, evm_env(spec, header), inspector, interrupt);
        let dao = spec.ethereum_fork_activation(EthereumHardfork::Dao);
        if dao.transitions_at_block(header.number)
            && let Err(error) = move_dao_balances(replay.evm.db_mut())
        {
            return Err(replay.failure().unwrap_or_else(|| CallError::Evm(error.to_string())));
        }
        let before = SystemCaller::new(spec).apply_pre_execution_changes(header, &mut replay.evm);
        match before {
            Ok(()) => Ok(replay),
            Err(error) => {
                Err(replay.failure().unwrap_or_else(|| CallError::Evm(error.to_string())))
            }
        }
    }

    /// On `db` as it is, in the block environment `env`.
    pub fn on_state(
        spec: &ChainSpec,
        db: DB,
        env: ChainEnv,
        inspector: I,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Self {
        let fees = prices(&env.evm.block_env);
        let inspector = Inspected::new(StorageCollisions::of(spec), inspector);
        let state = ReplayState::new(db, interrupt);
        let precompiles = ChainPrecompiles::of(&env);
        let evm = EthEvmBuilder::new(state, env.evm).inspector(inspector).build();
        let evm = install(precompiles::install(evm, precompiles, false), false);
        Self { evm, fees }
    }

    /// Makes what follows calls instead of transactions: nonce and code of the sender, the block's
    /// gas limit and the transaction gas cap are no longer looked at, memory is bounded, and the
    /// overrides of `options` apply from here on.
    ///
    /// # Errors
    /// The overrides contradict themselves, or the state cannot be read.
    pub fn relax(&mut self, options: &CallOptions) -> Result<(), CallError> {
        let context = self.evm.ctx_mut();
        let (cfg_env, block_env) = (context.cfg.clone(), context.block.clone());
        let mut env = EvmEnv { cfg_env, block_env };
        look_away(&mut env, options.memory_bytes_max);
        if let Some(overrides) = &options.block_overrides {
            overrides.apply(&mut env)?;
            let hashes = overrides.block_hash.iter().flatten();
            context.journaled_state.database.override_block_hashes(hashes);
        }
        self.fees = prices(&env.block_env);
        (context.cfg, context.block) = (env.cfg_env, env.block_env);
        if let Some(overrides) = &options.state_overrides {
            let (db, _, precompiles) = self.evm.components_mut();
            apply_accounts(overrides, db, precompiles)
                .map_err(|error| self.failure().unwrap_or(error))?;
        }
        Ok(())
    }

    /// Runs a transaction without the inspector and keeps what it changes.
    ///
    /// # Errors
    /// It cannot be run, the state cannot be read, or the interrupt said stop.
    pub fn skip(
        &mut self,
        transaction: &Transaction,
        sender: Address,
    ) -> Result<ExecutionResult, CallError> {
        let request = TxEnv::from_recovered_tx(transaction, sender);
        let ResultAndState { result, state } = self.run(request, false)?;
        self.keep(state);
        Ok(result)
    }

    /// Runs a transaction with the inspector. What it changes is not kept.
    ///
    /// # Errors
    /// It cannot be run, the state cannot be read, the interrupt said stop, or the inspector made
    /// the EVM fail.
    pub fn inspect(
        &mut self,
        transaction: &Transaction,
        sender: Address,
    ) -> Result<ResultAndState, CallError> {
        self.run(TxEnv::from_recovered_tx(transaction, sender), true)
    }

    /// Runs a call with the inspector, after [`Replay::relax`]. What it changes is not kept.
    /// Without a gas price (zero) it sees a base fee of zero, and alike for blobs.
    ///
    /// # Errors
    /// As [`Replay::inspect`].
    pub fn inspect_call(&mut self, request: TxEnv) -> Result<ResultAndState, CallError> {
        let block = &mut self.evm.ctx_mut().block;
        let (base_fee, blob_price) = self.fees;
        block.basefee = if request.gas_price == 0 { 0 } else { base_fee };
        if let (Some(blob), Some(price)) = (&mut block.blob_excess_gas_and_price, blob_price) {
            let free = !request.blob_hashes.is_empty() && request.max_fee_per_blob_gas == 0;
            blob.blob_gasprice = if free { 0 } else { price };
        }
        self.run(request, true)
    }

    /// Applies what a transaction changed.
    pub fn keep(&mut self, changes: EvmState) {
        self.evm.db_mut().commit(changes);
    }

    /// The state as it is now: before the transaction whose changes were not kept yet.
    pub fn state(&self) -> &ReplayState<'i, DB> {
        self.evm.db()
    }

    /// The environment of the block.
    pub fn block_env(&self) -> &BlockEnv {
        self.evm.block()
    }

    /// The inspector, with what it recorded.
    pub fn inspector_mut(&mut self) -> &mut I {
        &mut self.evm.inspector_mut().inspector
    }

    /// The inspector and the state side by side, for inspectors that read while they report.
    pub fn inspector_and_state(&mut self) -> (&mut I, &mut ReplayState<'i, DB>) {
        let (state, inspected, _) = self.evm.components_mut();
        (&mut inspected.inspector, state)
    }

    fn run(&mut self, request: TxEnv, looking: bool) -> Result<ResultAndState, CallError> {
        if self.evm.db_mut().poll() {
            return Err(CallError::Interrupted);
        }
        let sender = request.caller;
        let used = self.evm.inspector_mut().look(looking);
        self.evm.set_inspector_enabled(used);
        let error = match self.evm.transact_raw(request) {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        Err(self.failure().unwrap_or_else(|| call_error(sender, error)))
    }

    /// What lies behind an error of the EVM when it is not the transaction's or the inspector's.
    fn failure(&mut self) -> Option<CallError> {
        let state = self.evm.db_mut();
        if state.interrupted() {
            return Some(CallError::Interrupted);
        }
        state.take_failure().map(CallError::Database)
    }
}

/// Base fee and blob base fee.
fn prices(block: &BlockEnv) -> (u64, Option<u128>) {
    (block.basefee, block.blob_excess_gas_and_price.map(|blob| blob.blob_gasprice))
}
