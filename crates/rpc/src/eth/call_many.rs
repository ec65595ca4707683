//! `eth_callMany`, as erigon and reth have it.

use super::{
    call::{self, Time},
    call_request,
};
use crate::{
    block_id::BlockId,
    block_id::state_after,
    context::Context,
    error::{RpcError, halt},
    input::{self, CallRequest, Object, object},
    method::{Method, Param},
    params::{Args, list, without_position},
    registry::Registry,
    revert,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    BlockOverrides, CallBundle, CallError, CallOutcome, Replay, call_many, evm_env,
};
use mfenx_primitives::SealedHeader;
use mfenx_storage::{Reader, StateView};
use revm::inspector::NoOpInspector;
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
struct Bundle<'a> {
    /// Unread, for their number is bounded.
    #[serde(borrow)]
    transactions: &'a RawValue,
    #[serde(
        default,
        rename = "blockOverride",
        alias = "blockOverrides",
        deserialize_with = "input::block_overrides"
    )]
    block_override: Option<BlockOverrides>,
}

/// Where the calls stand: in a block, after some of its transactions or all of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateContext<'a> {
    #[serde(borrow, default, alias = "blockHash")]
    block_number: Option<&'a RawValue>,
    /// How many of the block's transactions come before; -1 for all.
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
    let most = context.limits.simulate_calls_max;
    let too_many = || RpcError::argument(0, format!("there are more than {most} calls"));
    let bundles: Vec<Object<Bundle<'_>>> = args.list(0, most)?.ok_or_else(too_many)?;
    let ((block, before), options) = (place(args)?, call::options(context, args)?);
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(block, &reader)?;
    let mut prepared = Vec::with_capacity(bundles.len());
    let mut left = most;
    for Object(bundle) in bundles {
        let calls = list::<CallRequest>(bundle.transactions.get(), left)
            .map_err(|error| RpcError::argument(0, without_position(&error)))?
            .ok_or_else(too_many)?;
        left -= calls.len();
        let calls = calls.into_iter().map(|CallRequest(request)| {
            call_request::tx_env(request, &context.spec, &header, options.gas_cap)
        });
        let calls = calls.collect::<Result<_, _>>()?;
        let block_overrides = bundle.block_override.unwrap_or_default();
        prepared.push(CallBundle { block_overrides, calls });
    }
    let time = Time::starting(context, cancel);
    let (env, bytes_max) = (evm_env(&context.spec, &header), context.limits.response_bytes_max);
    let mut is_up = || time.is_up();
    let outcome = match before {
        None => call_many(state, env, prepared, &options, bytes_max, &mut is_up),
        Some(count) => {
            let mut interrupt = || time.is_up();
            let replay = up_to(context, &reader, &header, count, &mut interrupt);
            let replay = replay.map_err(|error| time.is_over().unwrap_or(error))?;
            call_many(replay.state(), env, prepared, &options, bytes_max, &mut is_up)
        }
    };
    match outcome {
        Ok(bundles) => {
            let show = |outcomes: Vec<_>| outcomes.into_iter().map(CallResult::from).collect();
            Ok(bundles.into_iter().map(show).collect())
        }
        Err(CallError::Interrupted) => Err(time.error()),
        Err(error) => Err(error.into()),
    }
}

/// The block after its first `count` transactions.
fn up_to<'i, 'r>(
    context: &Context,
    reader: &'r Reader,
    header: &SealedHeader,
    count: usize,
    interrupt: &'i mut dyn FnMut() -> bool,
) -> Result<Replay<'i, StateView<'r>, NoOpInspector>, RpcError> {
    let block = reader.block(header.number)?.ok_or(RpcError::HeaderNotFound)?;
    let transactions = block.transactions().len();
    if count > transactions || header.number == 0 {
        let reason = format!("the block has {transactions} transactions");
        return Err(RpcError::argument(1, reason));
    }
    let parent = state_after(reader, header.number - 1)?;
    let mut replay = Replay::of_block(&context.spec, parent, header, NoOpInspector {}, interrupt)?;
    for (transaction, sender) in block.transactions_with_sender().take(count) {
        replay.skip(transaction, sender)?;
    }
    Ok(replay)
}

/// The block, and how many of its transactions come before the calls; none for all.
fn place(args: &Args<'_>) -> Result<(BlockId, Option<usize>), RpcError> {
    let Some(json) = args.json(1) else { return Ok((BlockId::Latest, None)) };
    let refuse = |reason: String| RpcError::argument(1, reason);
    let context: StateContext<'_> =
        object(json).map_err(|error| refuse(without_position(&error)))?;
    let before = match context.transaction_index {
        None | Some(-1) => None,
        Some(index) => {
            let count = usize::try_from(index);
            Some(count.map_err(|_| refuse("transactionIndex is -1 or a count".to_owned()))?)
        }
    };
    let block = context.block_number.map(|block| BlockId::parse(block.get()));
    Ok((block.unwrap_or(Ok(BlockId::Latest)).map_err(refuse)?, before))
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
