//! `eth_simulateV1`.

mod json;

use super::call::Time;
use crate::{
    block_id::state_after,
    context::Context,
    error::RpcError,
    limits::RpcLimits,
    method::{Method, Param},
    params::{Args, without_position},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{TransactionRequest, state::StateOverride};
use json::SimulatedBlocks;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    BlockCalls, BoxError, SIMULATED_BLOCKS_MAX, SimulateError, SimulateOptions, simulate,
};
use mfenx_storage::{Reader, StateChanges};
use revm::database::BundleState;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

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
    block_state_calls: Option<Vec<BlockStateCalls<'a>>>,
    #[serde(default)]
    trace_transfers: Option<bool>,
    #[serde(default)]
    validation: Option<bool>,
    #[serde(default)]
    return_full_transactions: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStateCalls<'a> {
    #[serde(borrow, default)]
    block_overrides: Option<&'a RawValue>,
    #[serde(borrow, default)]
    state_overrides: Option<&'a RawValue>,
    #[serde(default)]
    calls: Option<Vec<TransactionRequest>>,
}

fn simulate_v1(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<SimulatedBlocks, RpcError> {
    let limits = &context.limits;
    let payload = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let payload: Payload<'_> = read(payload)?;
    let blocks = blocks(payload.block_state_calls.unwrap_or_default(), limits)?;
    let options = SimulateOptions {
        validation: payload.validation.unwrap_or_default(),
        trace_transfers: payload.trace_transfers.unwrap_or_default(),
        gas_max: limits.call_gas_max,
        memory_bytes_max: limits.call_memory_bytes_max,
        output_bytes_max: limits.response_bytes_max,
    };
    let block = args.block_or_latest(1)?;
    let reader = context.store.reader()?;
    let base = block.header(&reader)?;
    let state = state_after(&reader, base.number)?;
    let earliest = reader.earliest_trie()?;
    if base.number < earliest {
        return Err(RpcError::PrunedTries { earliest });
    }
    let time = Time::starting(context, cancel);
    let mut root = |bundle: &BundleState| state_root(&reader, base.number, bundle);
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

/// The root of the state after block `number` with the changes of `bundle`.
fn state_root(reader: &Reader, number: u64, bundle: &BundleState) -> Result<B256, BoxError> {
    Ok(reader.state_root_at(number, &StateChanges::from_bundle(bundle))?)
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, RpcError> {
    serde_json::from_str(json).map_err(|error| RpcError::argument(0, without_position(&error)))
}

fn read_or_default<T: DeserializeOwned + Default>(json: Option<&RawValue>) -> Result<T, RpcError> {
    json.map_or_else(|| Ok(T::default()), |json| read(json.get()))
}

/// What is asked, within bounds that hold for all blocks together.
fn blocks(
    blocks: Vec<BlockStateCalls<'_>>,
    limits: &RpcLimits,
) -> Result<Vec<BlockCalls>, RpcError> {
    if blocks.is_empty() {
        return Err(RpcError::argument(0, "empty input"));
    }
    if blocks.len() as u64 > SIMULATED_BLOCKS_MAX {
        return Err(SimulateError::TooManyBlocks.into());
    }
    let exceeded = |what: &str, most: usize| {
        Err(SimulateError::LimitExceeded(format!("{what} exceed {most}")).into())
    };
    let calls: usize = blocks.iter().map(|block| block.calls.as_ref().map_or(0, Vec::len)).sum();
    if calls > limits.simulate_calls_max {
        return exceeded("calls", limits.simulate_calls_max);
    }
    let overrides = blocks.iter().flat_map(|block| [block.block_overrides, block.state_overrides]);
    let bytes: usize = overrides.flatten().map(|json| json.get().len()).sum();
    if bytes > limits.override_bytes_max {
        return exceeded("bytes of overrides", limits.override_bytes_max);
    }
    let mut read = Vec::with_capacity(blocks.len());
    let mut slots = 0;
    for block in blocks {
        let state_overrides: StateOverride = read_or_default(block.state_overrides)?;
        slots += super::call::slots(&state_overrides);
        if slots > limits.override_slots_max {
            return exceeded("slots of overrides", limits.override_slots_max);
        }
        read.push(BlockCalls {
            block_overrides: read_or_default(block.block_overrides)?,
            state_overrides,
            calls: block.calls.unwrap_or_default(),
        });
    }
    Ok(read)
}
