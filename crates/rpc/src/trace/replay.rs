//! Blocks run again for the methods of this namespace.

use super::types::{TraceTypes, calls_only, take};
use crate::{
    context::Context,
    error::RpcError,
    recording::{Bounded, Place, Text, TraceTime},
};
use alloy_primitives::U256;
use alloy_rpc_types_eth::{BlockNumHash, TransactionInfo};
use alloy_rpc_types_trace::parity::{LocalizedTransactionTrace, RewardAction, RewardType};
use mfenx_execution::{Replay, block_rewards};
use mfenx_primitives::RecoveredBlock;
use mfenx_storage::StateView;
use revm::context::result::ResultAndState;
use revm_inspectors::tracing::TracingInspector;

/// A block to run again, and how long that may take.
pub(crate) struct BlockRun<'r> {
    pub(crate) context: &'r Context,
    pub(crate) time: &'r TraceTime<'r>,
    pub(crate) block: &'r RecoveredBlock,
}

type Calls = Bounded<TracingInspector>;

/// Transactions of a block that are looked at. Those behind the last are not run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'w> {
    All,
    /// By index, in order.
    Some(&'w [usize]),
}

impl Wanted<'_> {
    fn contains(self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Some(indices) => indices.binary_search(&index).is_ok(),
        }
    }

    fn is_last(self, index: usize) -> bool {
        matches!(self, Self::Some(indices) if indices.last().is_none_or(|last| *last <= index))
    }
}

impl BlockRun<'_> {
    /// Gives the calls of the `wanted` transactions to `give`, transaction by transaction, until
    /// it says that it has enough. `state` is the one after the parent.
    pub(crate) fn calls(
        &self,
        state: StateView<'_>,
        wanted: Wanted<'_>,
        give: &mut dyn FnMut(LocalizedTransactionTrace) -> Result<bool, RpcError>,
    ) -> Result<(), RpcError> {
        if matches!(wanted, Wanted::Some([])) {
            return Ok(());
        }
        let mut calls = calls_only(&self.context.limits);
        self.each(state, wanted, &mut calls, &mut |index, _, replay| {
            let builder = take(replay.inspector_mut()).into_parity_builder();
            for trace in builder.into_localized_transaction_traces_iter(self.info(index)) {
                if !give(trace)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Writes the views of the transactions in `wanted`, with commas between.
    pub(crate) fn views(
        &self,
        state: StateView<'_>,
        wanted: Wanted<'_>,
        types: &TraceTypes,
        with_hash: bool,
    ) -> Result<Text, RpcError> {
        let (mut out, mut first) = (Text::default(), true);
        let mut inspector = types.inspector(&self.context.limits);
        let bytes_max = self.context.limits.trace_bytes_max;
        self.each(state, wanted, &mut inspector, &mut |index, result, replay| {
            let hash = Place::of(self.block, index).hash.filter(|_| with_hash);
            let (recorded, state) = replay.inspector_and_state();
            out.comma(&mut first);
            types.write(&mut out, take(recorded), result, state, hash)?;
            if out.len() > bytes_max {
                return Err(RpcError::TraceTooLarge { bytes_max });
            }
            Ok(true)
        })?;
        Ok(out)
    }

    /// Runs the transactions in order and calls `visit` after each that is wanted, before its
    /// changes are kept; ends when `visit` has enough.
    fn each<'r, 't>(
        &self,
        state: StateView<'r>,
        wanted: Wanted<'_>,
        inspector: &'t mut Calls,
        visit: &mut Visit<'_, 'r, 't>,
    ) -> Result<(), RpcError> {
        let mut interrupt = || self.time.is_up();
        let (spec, header) = (&self.context.spec, self.block.header());
        let replay = Replay::of_block(spec, state, header, inspector, &mut interrupt);
        let mut replay = replay.map_err(|error| self.time.error(error))?;
        for (index, (transaction, sender)) in self.block.transactions_with_sender().enumerate() {
            if !wanted.contains(index) {
                replay.skip(transaction, sender).map_err(|error| self.time.error(error))?;
                continue;
            }
            let result = replay.inspect(transaction, sender);
            let result = result.map_err(|error| replay.inspector_mut().error(error, self.time))?;
            if !visit(index, &result, &mut replay)? || wanted.is_last(index) {
                return Ok(());
            }
            replay.keep(result.state);
        }
        Ok(())
    }

    fn info(&self, index: usize) -> TransactionInfo {
        let Place { block_hash, block_number, hash, index, .. } = Place::of(self.block, index);
        let block_number = Some(block_number);
        TransactionInfo { hash, index, block_hash, block_number, ..Default::default() }
    }

    /// The rewards of the block, as traces.
    pub(crate) fn rewards(&self) -> impl Iterator<Item = LocalizedTransactionTrace> + use<> {
        let (header, ommers) = (self.block.header(), &self.block.body().ommers);
        let place = BlockNumHash { number: header.number, hash: self.block.hash() };
        block_rewards(&self.context.spec, header, ommers).into_iter().map(move |reward| {
            let reward_type = if reward.is_ommer { RewardType::Uncle } else { RewardType::Block };
            let value = U256::from(reward.value);
            RewardAction { author: reward.author, reward_type, value }.into_localized_trace(place)
        })
    }
}

/// What is done with a transaction that was looked at; says whether to go on.
type Visit<'v, 'r, 't> = dyn for<'i> FnMut(
        usize,
        &ResultAndState,
        &mut Replay<'i, StateView<'r>, &'t mut Calls>,
    ) -> Result<bool, RpcError>
    + 'v;
