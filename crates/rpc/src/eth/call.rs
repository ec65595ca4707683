//! `eth_call` and `eth_estimateGas`.

use super::call_request;
use crate::{
    block_id::BlockId,
    context::Context,
    error::{RpcError, halt},
    input::{CallRequest, block_overrides, state_overrides},
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::state::StateOverride;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    CallError, CallOptions, CallOutcome, CallScratch, EstimateError, call, call_in, estimate_gas,
    evm_env,
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

const CALL: Method = Method {
    name: "eth_call",
    summary: "What a call returns, without a transaction; balances, code and storage of accounts and fields of the block may be replaced for it.",
    params: &[
        Param::required("call", "CallRequest"),
        Param::optional("block", "BlockId"),
        Param::optional("stateOverride", "StateOverride"),
        Param::optional("blockOverrides", "BlockOverrides"),
    ],
    result: "Bytes",
    example: r#"[{"to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0x70a08231000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},"latest"]"#,
};

const ESTIMATE_GAS: Method = Method {
    name: "eth_estimateGas",
    summary: "The least gas limit with which a transaction succeeds.",
    params: &[
        Param::required("call", "CallRequest"),
        Param::optional("block", "BlockId"),
        Param::optional("stateOverride", "StateOverride"),
        Param::optional("blockOverrides", "BlockOverrides"),
    ],
    result: "Quantity",
    example: r#"[{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0xa9059cbb00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c80000000000000000000000000000000000000000000000000000000000000001"},"latest"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline_or_work(Class::Calls, &CALL, brief_call, eth_call)?;
    registry.work(Class::Calls, &ESTIMATE_GAS, eth_estimate_gas)
}

/// How long a call may run on the thread that reads requests before it becomes work.
const BRIEF: Duration = Duration::from_micros(200);

/// How long the output of such a call may be, in bytes.
const BRIEF_BYTES_MAX: usize = 16 * 1_024;

thread_local! {
    /// Room for such calls: of a thread that reads requests, of which there are few.
    static SCRATCH: RefCell<CallScratch> = RefCell::default();
}

const fn output_bytes(outcome: &CallOutcome) -> usize {
    match outcome {
        CallOutcome::Success { output, .. } | CallOutcome::Revert { output, .. } => output.0.len(),
        CallOutcome::Halt { .. } => 0,
    }
}

/// A call that takes less time than handing it to another thread and back: most calls of view
/// functions on the latest state do. None when it may take more.
fn brief_call(context: &Context, args: &Args<'_>) -> Result<Option<Bytes>, RpcError> {
    if args.json(2).is_some() || args.json(3).is_some() {
        return Ok(None);
    }
    let block = args.block_or_latest(1)?;
    if block != BlockId::Latest {
        return Ok(None);
    }
    let Some(leave) = context.workers.brief() else { return Ok(None) };
    let options = CallOptions { brief: true, ..options(context, args)? };
    let end = leave.started() + BRIEF;
    let CallRequest(request) = args.value(0)?;
    let reader = context.store.reader()?;
    let header = reader.head_header()?;
    let tx = call_request::tx_env(request, &context.spec, header, options.gas_cap)?;
    let (state, env) = (reader.shared_latest_state(), context.head_env.of(&context.spec, header));
    let outcome = SCRATCH.with_borrow_mut(|scratch| {
        call_in(scratch, state, env, tx, &options, &mut || Instant::now() >= end)
    });
    match outcome {
        Err(CallError::Interrupted) => Ok(None),
        // Writing it takes long: that is for another thread, and the call, too, then.
        Ok(outcome) if output_bytes(&outcome) > BRIEF_BYTES_MAX => Ok(None),
        outcome => answer(outcome).map(Some),
    }
}

fn eth_call(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Bytes, RpcError> {
    let options = options(context, args)?;
    let time = Time::starting(context, cancel);
    let CallRequest(request) = args.value(0)?;
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(args.block_or_latest(1)?, &reader)?;
    let tx = call_request::tx_env(request, &context.spec, &header, options.gas_cap)?;
    let env = evm_env(&context.spec, &header);
    match call(state, env, tx, &options, &mut || time.is_up()) {
        Err(CallError::Interrupted) => Err(time.error()),
        outcome => answer(outcome),
    }
}

fn answer(outcome: Result<CallOutcome, CallError>) -> Result<Bytes, RpcError> {
    match outcome? {
        CallOutcome::Success { output, .. } => Ok(output),
        CallOutcome::Revert { output, .. } => Err(RpcError::Reverted { output }),
        CallOutcome::Halt { reason, .. } => Err(RpcError::Halted(halt(&reason))),
    }
}

fn eth_estimate_gas(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Quantity<u64>, RpcError> {
    let CallRequest(request) = args.value(0)?;
    let (block, options) = (args.block_or_latest(1)?, options(context, args)?);
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(block, &reader)?;
    // Without a limit of its own the search starts from the block's.
    let tx = call_request::tx_env(request, &context.spec, &header, 0)?;
    let time = Time::starting(context, cancel);
    let env = evm_env(&context.spec, &header);
    match estimate_gas(state, env, tx, &options, &mut || time.is_up()) {
        Ok(gas) => Ok(Quantity(gas)),
        Err(EstimateError::Call(CallError::Interrupted)) => Err(time.error()),
        Err(error) => Err(error.into()),
    }
}

/// What the call finds changed, within bounds.
pub(super) fn options(context: &Context, args: &Args<'_>) -> Result<CallOptions, RpcError> {
    let limits = &context.limits;
    if args.json(2).is_some_and(|json| json.len() > limits.override_bytes_max) {
        let most = limits.override_bytes_max;
        return Err(RpcError::argument(2, format!("state overrides exceed {most} bytes")));
    }
    let state_overrides = args.read(2, state_overrides)?;
    if state_overrides.as_ref().map_or(0, slots) > limits.override_slots_max {
        let most = limits.override_slots_max;
        return Err(RpcError::argument(2, format!("state overrides exceed {most} slots")));
    }
    let block_overrides = args.read(3, block_overrides)?;
    Ok(CallOptions {
        state_overrides,
        block_overrides,
        gas_cap: limits.call_gas_max,
        memory_bytes_max: limits.call_memory_bytes_max,
        brief: false,
    })
}

/// How many slots overrides name.
pub(super) fn slots(overrides: &StateOverride) -> usize {
    let accounts = overrides.values().flat_map(|account| [&account.state, &account.state_diff]);
    accounts.flatten().map(|slots| slots.len()).sum()
}

/// How long a call may still run.
pub(super) struct Time<'c> {
    deadline: Instant,
    milliseconds: u64,
    cancel: &'c Cancel,
}

impl<'c> Time<'c> {
    pub(super) fn starting(context: &Context, cancel: &'c Cancel) -> Self {
        let milliseconds = context.limits.call_time_ms_max;
        Self {
            deadline: Instant::now() + Duration::from_millis(milliseconds),
            milliseconds,
            cancel,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.cancel.is_cancelled() || Instant::now() >= self.deadline
    }

    /// Why it is up, if it is.
    pub(super) fn is_over(&self) -> Option<RpcError> {
        self.is_up().then(|| self.error())
    }

    pub(super) fn error(&self) -> RpcError {
        if self.cancel.is_cancelled() {
            return RpcError::Cancelled;
        }
        RpcError::CallTimeout { seconds: self.milliseconds.div_ceil(1_000) }
    }
}
