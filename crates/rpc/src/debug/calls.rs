//! `callTracer`: the calls of a transaction, each inside the one that made it, as go-ethereum
//! writes them.
//!
//! The calls come as a list in which a caller stands before those it calls; the tree is written
//! from it without recursion.

use crate::{
    error::{RpcError, halt},
    recording::{Place, Recording, Text},
    revert,
};
use alloy_primitives::{Address, Log, U256};
use revm::{
    Inspector,
    context::{
        ContextTr,
        result::{ExecutionResult, HaltReason},
    },
    inspector::JournalExt,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, SuccessOrHalt,
        interpreter::EthInterpreter,
    },
};
use revm_inspectors::tracing::{
    TracingInspector, TracingInspectorConfig,
    types::{CallLog, CallTrace, CallTraceNode},
};
use serde::Deserialize;

/// `tracerConfig` of `callTracer`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CallTracerOptions {
    only_top_call: bool,
    with_log: bool,
}

/// Records calls, and logs if they are wanted; no steps.
pub(crate) struct CallTracer {
    options: CallTracerOptions,
    calls: TracingInspector,
    depth: usize,
}

impl CallTracer {
    pub(crate) fn new(options: CallTracerOptions) -> Self {
        let config = TracingInspectorConfig::none()
            .set_record_inputs(true)
            .set_record_logs(options.with_log);
        Self { options, calls: TracingInspector::new(config), depth: 0 }
    }

    /// Forgets the transaction.
    pub(crate) fn empty(&mut self) {
        self.calls.fuse();
        self.depth = 0;
    }

    /// Writes the tree.
    ///
    /// # Errors
    /// Nothing was recorded, which does not happen after a run.
    pub(crate) fn write(
        &self,
        out: &mut Text,
        gas_limit: u64,
        place: &Place,
        result: &ExecutionResult,
    ) -> Result<(), RpcError> {
        let tree = Tree {
            nodes: self.calls.traces().nodes(),
            indices: if self.options.with_log { self.log_indices() } else { Vec::new() },
            first_log: place.first_log,
        };
        tree.write(out, (gas_limit, result.tx_gas_used()))
    }

    /// Which of the recorded logs stand: those that no failed call above them takes back.
    fn log_indices(&self) -> Vec<u64> {
        let nodes = self.calls.traces().nodes();
        let mut stands = Vec::with_capacity(nodes.len());
        let mut indices = Vec::new();
        for node in nodes {
            let parent = node.parent.is_none_or(|parent| stands.get(parent) == Some(&true));
            let stand = parent && node.trace.success;
            stands.push(stand);
            if stand {
                indices.extend(node.logs.iter().map(|log| log.index));
            }
        }
        indices.sort_unstable();
        indices
    }

    /// Whether the call that begins or has just ended is not wanted.
    const fn is_hidden(&self) -> bool {
        self.options.only_top_call && self.depth > 0
    }
}

impl Recording for CallTracer {}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX, EthInterpreter> for CallTracer {
    fn log(&mut self, context: &mut CTX, log: Log) {
        if !(self.options.only_top_call && self.depth > 1) {
            self.calls.log(context, log);
        }
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if !self.is_hidden() {
            self.calls.call(context, inputs);
        }
        self.depth += 1;
        None
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.depth = self.depth.saturating_sub(1);
        if !self.is_hidden() {
            self.calls.call_end(context, inputs, outcome);
        }
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        if !self.is_hidden() {
            self.calls.create(context, inputs);
        }
        self.depth += 1;
        None
    }

    fn create_end(
        &mut self,
        context: &mut CTX,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.depth = self.depth.saturating_sub(1);
        if !self.is_hidden() {
            self.calls.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if !(self.options.only_top_call && self.depth > 1) {
            <TracingInspector as Inspector<CTX>>::selfdestruct(
                &mut self.calls,
                contract,
                target,
                value,
            );
        }
    }
}

/// The words of go-ethereum for a call that failed.
pub(crate) fn failure(status: InstructionResult) -> String {
    match SuccessOrHalt::<HaltReason>::from(status) {
        SuccessOrHalt::Halt(reason) => halt(&reason),
        _ if status == InstructionResult::Revert => "execution reverted".to_owned(),
        _ => format!("{status:?}"),
    }
}

struct Tree<'a> {
    nodes: &'a [CallTraceNode],
    /// Indices of the logs that stand, among all that were recorded.
    indices: Vec<u64>,
    first_log: u64,
}

impl Tree<'_> {
    /// `root` is what the transaction may and did use.
    fn write(&self, out: &mut Text, root: (u64, u64)) -> Result<(), RpcError> {
        // Which call is open, and how many of those it made are written.
        let mut open = vec![(0, 0)];
        self.write_call(out, 0, Some(root))?;
        while let Some((index, written)) = open.last_mut() {
            let node = self.nodes.get(*index);
            let Some(child) = node.and_then(|node| node.children.get(*written)).copied() else {
                let destroyed = node.filter(|node| node.is_selfdestruct());
                if let Some(node) = destroyed {
                    out.raw(if *written == 0 { ",\"calls\":[" } else { "," });
                    write_selfdestruct(out, &node.trace);
                }
                out.raw(if *written > 0 || destroyed.is_some() { "]}" } else { "}" });
                open.pop();
                continue;
            };
            out.raw(if *written == 0 { ",\"calls\":[" } else { "," });
            *written += 1;
            self.write_call(out, child, None)?;
            open.push((child, 0));
        }
        Ok(())
    }

    /// Everything of a call but those it made, and no closing bracket.
    fn write_call(
        &self,
        out: &mut Text,
        index: usize,
        root: Option<(u64, u64)>,
    ) -> Result<(), RpcError> {
        let Some(node) = self.nodes.get(index) else {
            return Err(RpcError::Internal("a call is missing in a trace".into()));
        };
        let trace = &node.trace;
        let status = trace.status.filter(|status| !status.is_ok());
        let (gas, gas_used) = root.unwrap_or_else(|| (trace.gas_limit, gas_used(trace)));
        out.raw("{\"from\":");
        out.bytes(trace.caller.as_slice());
        out.raw(",\"gas\":");
        out.quantity(U256::from(gas));
        out.raw(",\"gasUsed\":");
        out.quantity(U256::from(gas_used));
        if trace.success || !trace.kind.is_any_create() {
            out.raw(",\"to\":");
            out.bytes(trace.address.as_slice());
        }
        out.raw(",\"input\":");
        out.bytes(&trace.data);
        // What a halted call left is no output.
        let returned = status.is_none_or(|status| status == InstructionResult::Revert);
        if returned && !trace.output.is_empty() {
            out.raw(",\"output\":");
            out.bytes(&trace.output);
        }
        if let Some(status) = status {
            out.raw(",\"error\":");
            out.value(&failure(status))?;
            if status == InstructionResult::Revert
                && let Some(reason) = revert::reason(&trace.output)
            {
                out.raw(",\"revertReason\":");
                out.value(&reason)?;
            }
        }
        self.write_logs(out, &node.logs);
        if !trace.kind.is_static_call() {
            out.raw(",\"value\":");
            out.quantity(trace.value);
        }
        out.raw(",\"type\":\"");
        out.raw(trace.kind.to_str());
        out.raw("\"");
        Ok(())
    }

    fn write_logs(&self, out: &mut Text, logs: &[CallLog]) {
        let mut first = true;
        for log in logs {
            let Ok(index) = self.indices.binary_search(&log.index) else { continue };
            out.raw(if std::mem::take(&mut first) { ",\"logs\":[" } else { "," });
            out.raw("{\"address\":");
            out.bytes(log.address.as_slice());
            out.raw(",\"topics\":[");
            let mut first_topic = true;
            for topic in log.raw_log.topics() {
                out.comma(&mut first_topic);
                out.bytes(topic.as_slice());
            }
            out.raw("],\"data\":");
            out.bytes(&log.raw_log.data);
            out.raw(",\"position\":");
            out.quantity(U256::from(log.position));
            out.raw(",\"index\":");
            out.quantity(U256::from(self.first_log.saturating_add(index as u64)));
            out.raw("}");
        }
        if !first {
            out.raw("]");
        }
    }
}

/// A call that halted used all it had; one that was refused before it began used nothing.
fn gas_used(trace: &CallTrace) -> u64 {
    let returns_gas = trace.status.is_none_or(|status| {
        status.is_ok_or_revert() || status == InstructionResult::NonceOverflow
    });
    if returns_gas { trace.gas_used } else { trace.gas_limit }
}

fn write_selfdestruct(out: &mut Text, trace: &CallTrace) {
    out.raw("{\"from\":");
    out.bytes(trace.selfdestruct_address.unwrap_or(trace.address).as_slice());
    out.raw(",\"gas\":\"0x0\",\"gasUsed\":\"0x0\",\"to\":");
    out.bytes(trace.selfdestruct_refund_target.unwrap_or_default().as_slice());
    out.raw(",\"input\":\"0x\",\"value\":");
    out.quantity(trace.selfdestruct_transferred_value.unwrap_or_default());
    out.raw(",\"type\":\"SELFDESTRUCT\"}");
}
