//! `eth_simulateV1`.

mod json;

use super::call::Time;
use crate::{
    block_id::{BlockId, state_after},
    context::Context,
    error::RpcError,
    input::{self, CallRequest, Object, object},
    limits::RpcLimits,
    method::{Method, Param},
    params::{Args, list, without_position},
    pending::{BlockState, PendingBlock},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::B256;
use json::SimulatedBlocks;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    BlockCalls, BoxError, SIMULATED_BLOCKS_MAX, SimulateError, SimulateOptions, simulate,
};
use mfenx_primitives::SealedHeader;
use mfenx_storage::{Reader, StateChanges};
use revm::database::BundleState;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

const SIMULATE: Method = Method {
    name: "eth_simulateV1",
    summary: "Blocks of calls on top of a block, each with its overrides, as whole blocks with \
              their hashes and the result of every call.",
    params: &[Param::required("payload", "SimulatePayload"), Param::optional("block", "BlockId")],
    result: "SimulatedBlock[]",
    example: r#"[{"blockStateCalls":[{"blockOverrides":{"time":"0x7fffffff"},"stateOverrides":{"0x00000000000000000000000000000000000000aa":{"balance":"0xde0b6b3a7640000"}},"calls":[{"from":"0x00000000000000000000000000000000000000aa","to":"0x00000000000000000000000000000000000000bb","value":"0x1"}]}],"traceTransfers":true},"0x1"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &SIMULATE, simulate_v1)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow, default)]
    block_state_calls: Option<&'a RawValue>,
    #[serde(default)]
    trace_transfers: Option<bool>,
    #[serde(default)]
    validation: Option<bool>,
    #[serde(default)]
    return_full_transactions: Option<bool>,
}

/// What may be long is unread, for its size is bounded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStateCalls<'a> {
    #[serde(borrow, default)]
    block_overrides: Option<&'a RawValue>,
    #[serde(borrow, default)]
    state_overrides: Option<&'a RawValue>,
    #[serde(borrow, default)]
    calls: Option<&'a RawValue>,
}

fn simulate_v1(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<SimulatedBlocks, RpcError> {
    let limits = &context.limits;
    let payload = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let payload: Payload<'_> = read(payload)?;
    let blocks = blocks(payload.block_state_calls, limits)?;
    let options = SimulateOptions {
        validation: payload.validation.unwrap_or_default(),
        trace_transfers: payload.trace_transfers.unwrap_or_default(),
        gas_max: limits.call_gas_max,
        memory_bytes_max: limits.call_memory_bytes_max,
        output_bytes_max: limits.response_bytes_max,
    };
    let block = args.block_or_latest(1)?;
    let reader = context.store.reader()?;
    let Base { header: base, state, stored, pending } = Base::read(context, block, &reader)?;
    let time = Time::starting(context, cancel);
    let mut root = |bundle: &BundleState| match &pending {
        None => state_root(&reader, stored, bundle),
        Some(pending) => {
            let mut all = pending.bundle.clone();
            all.extend(bundle.clone());
            state_root(&reader, stored, &all)
        }
    };
    let mut is_up = || time.is_up();
    match simulate(&context.spec, state, &base, blocks, &options, &mut root, &mut is_up) {
        Ok(blocks) => {
            let full = payload.return_full_transactions.unwrap_or_default();
            Ok(SimulatedBlocks { blocks, full })
        }
        Err(SimulateError::Interrupted) => Err(time.error()),
        Err(error) => Err(error.into()),
    }
}

/// What the blocks stand on.
struct Base<'r> {
    header: SealedHeader,
    state: BlockState<'r>,
    /// The last block with tries: the base, or the one before if that is pending.
    stored: u64,
    pending: Option<Arc<PendingBlock>>,
}

impl<'r> Base<'r> {
    fn read(context: &Context, block: BlockId, reader: &'r Reader) -> Result<Self, RpcError> {
        if block == BlockId::Pending {
            let pending = context.pending(reader)?;
            let header = pending.header();
            let state = BlockState::pending(reader, pending.clone());
            let stored = header.number.saturating_sub(1);
            return Ok(Self { header, state, stored, pending: Some(pending) });
        }
        let header = block.header(reader)?;
        let stored = header.number;
        let state = BlockState::stored(state_after(reader, stored)?);
        let earliest = reader.earliest_trie()?;
        if stored < earliest {
            return Err(RpcError::PrunedTries { earliest });
        }
        Ok(Self { header, state, stored, pending: None })
    }
}

/// The root of the state after block `number` with the changes of `bundle`.
fn state_root(reader: &Reader, number: u64, bundle: &BundleState) -> Result<B256, BoxError> {
    Ok(reader.state_root_at(number, &StateChanges::from_bundle(bundle))?)
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, RpcError> {
    object(json).map_err(|error| RpcError::argument(0, without_position(&error)))
}

/// What is asked, within bounds that hold for all blocks together.
fn blocks(json: Option<&RawValue>, limits: &RpcLimits) -> Result<Vec<BlockCalls>, RpcError> {
    let refused = |error: serde_json::Error| RpcError::argument(0, without_position(&error));
    let exceeded = |what: &str, most: usize| -> RpcError {
        SimulateError::LimitExceeded(format!("{what} exceed {most}")).into()
    };
    let json = json.map_or("[]", RawValue::get);
    let blocks: Option<Vec<Object<BlockStateCalls<'_>>>> =
        list(json, SIMULATED_BLOCKS_MAX as usize).map_err(refused)?;
    let blocks = blocks.ok_or(SimulateError::TooManyBlocks)?;
    if blocks.is_empty() {
        return Err(RpcError::argument(0, "empty input"));
    }
    let overrides =
        blocks.iter().flat_map(|Object(block)| [block.block_overrides, block.state_overrides]);
    let bytes: usize = overrides.flatten().map(|json| json.get().len()).sum();
    if bytes > limits.override_bytes_max {
        return Err(exceeded("bytes of overrides", limits.override_bytes_max));
    }
    let mut read = Vec::with_capacity(blocks.len());
    let (mut slots, mut calls_left) = (0, limits.simulate_calls_max);
    for Object(block) in blocks {
        let calls = block.calls.map_or("[]", RawValue::get);
        let calls = list::<CallRequest>(calls, calls_left).map_err(refused)?;
        let calls = calls.ok_or_else(|| exceeded("calls", limits.simulate_calls_max))?;
        calls_left -= calls.len();
        let state = block.state_overrides.map(input::state_overrides);
        let state = state.transpose().map_err(refused)?.flatten().unwrap_or_default();
        slots += super::call::slots(&state);
        if slots > limits.override_slots_max {
            return Err(exceeded("slots of overrides", limits.override_slots_max));
        }
        let overrides = block.block_overrides.map(input::block_overrides);
        read.push(BlockCalls {
            block_overrides: overrides.transpose().map_err(refused)?.flatten().unwrap_or_default(),
            state_overrides: state,
            calls: calls.into_iter().map(|call| call.0).collect(),
        });
    }
    Ok(read)
}
