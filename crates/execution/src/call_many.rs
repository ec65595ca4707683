//! Calls that see what the ones before did: `eth_callMany`.

use crate::{
    call::{CallOptions, CallOutcome, Simulation, free_what_is_not_priced},
    env::ChainEnv,
    error::CallError,
    overrides::BlockOverrides,
};
use alloy_evm::Evm;
use alloy_primitives::U256;
use revm::{DatabaseCommit, DatabaseRef, context::TxEnv};

/// Calls in one environment.
#[derive(Debug, Clone, Default)]
pub struct CallBundle {
    /// What is said of the block.
    pub block_overrides: BlockOverrides,
    /// What is called, in order.
    pub calls: Vec<TxEnv>,
}

/// Runs the calls of `bundles` one after the other on `db`, each on the state that the ones before
/// left. The block environment of each bundle is `env` with the bundle's overrides; those of the
/// accounts in `options` are applied once. Each call has at most the gas of
/// [`CallOptions::gas_cap`]; all together may return `output_bytes_max` bytes, and how long they
/// take is for `interrupt` to say.
///
/// # Errors
/// [`CallError`]; a call that reverts or fails is an outcome.
pub fn call_many<DB: DatabaseRef>(
    db: DB,
    env: ChainEnv,
    bundles: Vec<CallBundle>,
    options: &CallOptions,
    output_bytes_max: usize,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<Vec<Vec<CallOutcome>>, CallError> {
    let gas_max = if options.gas_cap == 0 { u64::MAX } else { options.gas_cap };
    let mut bytes_left = output_bytes_max;
    let priced = TxEnv { gas_price: 1, ..TxEnv::default() };
    let mut simulation = Simulation::new(db, env.clone(), &priced, options, interrupt)?;
    let mut results = Vec::with_capacity(bundles.len());
    for CallBundle { block_overrides, calls } in bundles {
        let mut bundle_env = env.clone();
        block_overrides.apply(&mut bundle_env.evm)?;
        for (number, hash) in block_overrides.block_hash.iter().flatten() {
            let hashes = &mut simulation.evm.db_mut().cache.block_hashes;
            hashes.insert(U256::from(*number), *hash);
        }
        let mut outcomes = Vec::with_capacity(calls.len());
        for mut call in calls {
            let mut call_env = bundle_env.clone();
            free_what_is_not_priced(&mut call_env.evm, &call);
            simulation.evm.ctx_mut().block = call_env.evm.block_env;
            call.gas_limit = call.gas_limit.min(gas_max);
            let changes = simulation.run_for_changes(call)?;
            simulation.evm.db_mut().commit(changes.state);
            let bytes = changes.result.output().map_or(0, |output| output.len());
            bytes_left = bytes_left
                .checked_sub(bytes)
                .ok_or(CallError::OutputTooLarge { bytes_max: output_bytes_max })?;
            outcomes.push(changes.result.into());
        }
        results.push(outcomes);
    }
    Ok(results)
}
