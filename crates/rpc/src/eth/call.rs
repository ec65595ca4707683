//! `eth_call` and `eth_estimateGas`.

use super::call_request;
use crate::{
    context::Context,
    error::{RpcError, halt},
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::{TransactionRequest, state::StateOverride};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    BlockOverrides, CallError, CallOptions, CallOutcome, EstimateError, call, estimate_gas, evm_env,
};
use std::time::{Duration, Instant};

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
    registry.work(Class::Calls, &CALL, eth_call)?;
    registry.work(Class::Calls, &ESTIMATE_GAS, eth_estimate_gas)
}

fn eth_call(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Bytes, RpcError> {
    let request: TransactionRequest = args.value(0)?;
    let (block, options) = (args.block_or_latest(1)?, options(context, args)?);
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(block, &reader)?;
    let tx = call_request::tx_env(request, &context.spec, &header, options.gas_cap)?;
    let time = Time::starting(context, cancel);
    let outcome = call(state, evm_env(&context.spec, &header), tx, &options, &mut || time.is_up());
    match outcome {
        Ok(CallOutcome::Success { output, .. }) => Ok(output),
        Ok(CallOutcome::Revert { output, .. }) => Err(RpcError::Reverted { output }),
        Ok(CallOutcome::Halt { reason, .. }) => Err(RpcError::Halted(halt(&reason))),
        Err(CallError::Interrupted) => Err(time.error()),
        Err(error) => Err(error.into()),
    }
}

fn eth_estimate_gas(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Quantity<u64>, RpcError> {
    let request: TransactionRequest = args.value(0)?;
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
    let state_overrides: Option<StateOverride> = args.optional(2)?;
    if state_overrides.as_ref().map_or(0, slots) > limits.override_slots_max {
        let most = limits.override_slots_max;
        return Err(RpcError::argument(2, format!("state overrides exceed {most} slots")));
    }
    let block_overrides: Option<BlockOverrides> = args.optional(3)?;
    Ok(CallOptions {
        state_overrides,
        block_overrides,
        gas_cap: limits.call_gas_max,
        memory_bytes_max: limits.call_memory_bytes_max,
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
