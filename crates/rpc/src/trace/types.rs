//! Which views of a transaction a caller wants, and what the EVM has to record for them.

use crate::{
    error::RpcError,
    limits::RpcLimits,
    params::Args,
    recording::{Bounded, Text},
};
use alloy_primitives::{B256, map::HashSet};
use alloy_rpc_types_trace::parity::{TraceResults, TraceResultsWithTransactionHash, TraceType};
use revm::{DatabaseRef, context::result::ResultAndState};
use revm_inspectors::tracing::{
    TraceLimitBehavior, TraceLimits, TracingInspector, TracingInspectorConfig,
};

/// `trace`, `vmTrace`, `stateDiff`, each once at most.
#[derive(Debug, Clone)]
pub(crate) struct TraceTypes(HashSet<TraceType>);

impl TraceTypes {
    /// Reads parameter `index`, a list of names.
    pub(crate) fn read(args: &Args<'_>, index: usize) -> Result<Self, RpcError> {
        args.value(index).map(Self)
    }

    pub(crate) const fn new(types: HashSet<TraceType>) -> Self {
        Self(types)
    }

    /// Something that records what these need, within the node's bounds.
    pub(crate) fn inspector(&self, limits: &RpcLimits) -> Bounded<TracingInspector> {
        bounded(TracingInspectorConfig::from_parity_config(&self.0), limits)
    }

    /// Writes the views; `state` is the one before the transaction, `hash` its own where it is to
    /// be named.
    pub(crate) fn write<DB: DatabaseRef>(
        &self,
        out: &mut Text,
        recorded: TracingInspector,
        result: &ResultAndState,
        state: &DB,
        hash: Option<B256>,
    ) -> Result<(), RpcError> {
        let full_trace: TraceResults = recorded
            .into_parity_builder()
            .into_trace_results_with_state_parts(&result.result, &result.state, &self.0, state)
            .map_err(|error| RpcError::Internal(error.to_string()))?;
        match hash {
            None => out.value(&full_trace),
            Some(transaction_hash) => {
                out.value(&TraceResultsWithTransactionHash { full_trace, transaction_hash })
            }
        }
    }
}

/// Records calls, not steps, within the node's bounds.
pub(crate) fn calls_only(limits: &RpcLimits) -> Bounded<TracingInspector> {
    bounded(TracingInspectorConfig::default_parity(), limits)
}

fn bounded(config: TracingInspectorConfig, limits: &RpcLimits) -> Bounded<TracingInspector> {
    Bounded::new(recorder(config, limits.trace_bytes_max), limits.trace_bytes_max)
}

fn recorder(config: TracingInspectorConfig, bytes_max: usize) -> TracingInspector {
    let most = TraceLimits::default()
        .set_max_recorded_bytes(Some(bytes_max))
        .set_behavior(TraceLimitBehavior::Halt);
    TracingInspector::new(config).with_limits(most)
}

/// Takes what was recorded and leaves an empty record.
pub(crate) fn take(inspector: &mut Bounded<TracingInspector>) -> TracingInspector {
    let empty = recorder(*inspector.inspector.config(), inspector.bytes_max());
    inspector.empty();
    std::mem::replace(&mut inspector.inspector, empty)
}
