//! `eth_callMany`, as erigon and reth have it.

use super::{
    call::{self, Time},
    call_request,
};
use crate::{
    block_id::BlockId,
    context::Context,
    error::{RpcError, halt},
    method::{Method, Param},
    params::Args,
    registry::Registry,
    revert,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::TransactionRequest;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{BlockOverrides, CallBundle, CallError, CallOutcome, call_many, evm_env};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const CALL_MANY: Method = Method {
    name: "eth_callMany",
    summary: "What calls return that see what the ones before them did, in bundles with a block of \
              their own.",
    params: &[
        Param::required("bundles", "CallBundle[]"),
        Param::optional("stateContext", "StateContext"),
        Param::optional("stateOverride", "StateOverride"),
    ],
    result: "CallManyResult[][]",
    example: r#"[[{"transactions":[{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0x70a08231000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266"}],"blockOverride":{"number":"0x64"}}],{"blockNumber":"latest"}]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &CALL_MANY, eth_call_many)
}

#[derive(Deserialize)]
struct Bundle {
    transactions: Vec<TransactionRequest>,
    #[serde(default, rename = "blockOverride", alias = "blockOverrides")]
    block_override: Option<BlockOverrides>,
}

/// Where the calls stand: after all transactions of a block.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateContext<'a> {
    #[serde(borrow, default, alias = "blockHash")]
    block_number: Option<&'a RawValue>,
    /// -1 for all of the block, which is the only place there is.
    #[serde(default)]
    transaction_index: Option<i64>,
}

/// What a call returned, or why it did not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum CallResult {
    Value(Bytes),
    Error(String),
}

fn eth_call_many(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Vec<Vec<CallResult>>, RpcError> {
    let bundles: Vec<Bundle> = args.value(0)?;
    let calls: usize = bundles.iter().map(|bundle| bundle.transactions.len()).sum();
    if calls.max(bundles.len()) > context.limits.simulate_calls_max {
        let most = context.limits.simulate_calls_max;
        return Err(RpcError::argument(0, format!("there are more than {most} calls")));
    }
    let (block, options) = (block(args)?, call::options(context, args)?);
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(block, &reader)?;
    let mut prepared = Vec::with_capacity(bundles.len());
    for bundle in bundles {
        let calls = bundle
            .transactions
            .into_iter()
            .map(|request| call_request::tx_env(request, &context.spec, &header, options.gas_cap));
        let calls = calls.collect::<Result<_, _>>()?;
        let block_overrides = bundle.block_override.unwrap_or_default();
        prepared.push(CallBundle { block_overrides, calls });
    }
    let time = Time::starting(context, cancel);
    let (env, bytes_max) = (evm_env(&context.spec, &header), context.limits.response_bytes_max);
    match call_many(state, env, prepared, &options, bytes_max, &mut || time.is_up()) {
        Ok(bundles) => {
            let show = |outcomes: Vec<_>| outcomes.into_iter().map(CallResult::from).collect();
            Ok(bundles.into_iter().map(show).collect())
        }
        Err(CallError::Interrupted) => Err(time.error()),
        Err(error) => Err(error.into()),
    }
}

fn block(args: &Args<'_>) -> Result<BlockId, RpcError> {
    let Some(json) = args.json(1) else { return Ok(BlockId::Latest) };
    let refuse = |reason: String| RpcError::argument(1, reason);
    let context: StateContext<'_> = serde_json::from_str(json)
        .map_err(|error| refuse(crate::params::without_position(&error)))?;
    if context.transaction_index.is_some_and(|index| index != -1) {
        return Err(refuse("calls in the middle of a block are not supported".to_owned()));
    }
    let block = context.block_number.map(|block| BlockId::parse(block.get()));
    block.unwrap_or(Ok(BlockId::Latest)).map_err(refuse)
}

impl From<CallOutcome> for CallResult {
    fn from(outcome: CallOutcome) -> Self {
        match outcome {
            CallOutcome::Success { output, .. } => Self::Value(output),
            CallOutcome::Revert { output, .. } => Self::Error(revert::message(&output)),
            CallOutcome::Halt { reason, .. } => Self::Error(halt(&reason)),
        }
    }
}
