//! What would happen: `trace_call`, `trace_callMany`, `trace_rawTransaction`.

use super::types::{TraceTypes, take};
use crate::{
    block_id::{BlockId, state_after},
    context::Context,
    error::RpcError,
    eth::{call_request, send},
    input::CallRequest,
    method::{Method, Param},
    params::Args,
    recording::{Answer, Bounded, Text, TraceTime},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::transaction::SignerRecoverable;
use alloy_primitives::map::HashSet;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_trace::parity::TraceType;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{CallError, CallOptions, Replay, evm_env};
use mfenx_primitives::SealedHeader;
use mfenx_storage::{Reader, StateView};
use revm::{
    context::{TxEnv, result::ResultAndState},
    state::EvmState,
};
use revm_inspectors::tracing::TracingInspector;

const CALL: Method = Method {
    name: "trace_call",
    summary: "What a call would do: its calls, its instructions, its changes of the state.",
    params: &[
        Param::required("call", "CallRequest"),
        Param::required("types", "TraceType[]"),
        Param::optional("block", "BlockId"),
    ],
    result: "TraceResults",
    example: r#"[{"to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0x70a08231000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},["trace"],"latest"]"#,
};

const CALL_MANY: Method = Method {
    name: "trace_callMany",
    summary: "What calls would do one after the other, each on what those before it changed.",
    params: &[Param::required("calls", "TraceCallRequest[]"), Param::optional("block", "BlockId")],
    result: "TraceResults[]",
    example: r#"[[[{"to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0x70a08231000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},["trace"]]],"latest"]"#,
};

const RAW: Method = Method {
    name: "trace_rawTransaction",
    summary: "What a signed transaction would do on top of the head.",
    params: &[Param::required("transaction", "Bytes"), Param::required("types", "TraceType[]")],
    result: "TraceResults",
    example: r#"["0xf8678085012a05f20082520894f39fd6e51aad88f6f4ce6ab8827279cfffb9226601808305682aa0f7eff483068d5998d16ac2643bed6fedbf0a0783bc1b876ffb47dd923ec4c03ca0706efde21ebb2166cfd62496d5e1e5639ae90caf766640f0f351ec8989d85abf",["trace"]]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work_json(Class::Traces, &CALL, call)?;
    registry.work_json(Class::Traces, &CALL_MANY, call_many)?;
    registry.work_json(Class::Traces, &RAW, raw)
}

fn call(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let (CallRequest(request), types) = (args.value(0)?, TraceTypes::read(args, 1)?);
    let id = args.block_or_latest(2)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let mut calls = Calls::on(context, &reader, id, &time)?;
    let mut out = Text::default();
    let mut interrupt = || time.is_up();
    let mut replay = calls.start(&types, &mut interrupt)?;
    calls.run(&mut replay, request, &types, &mut out)?;
    Ok(Some(out.finish()))
}

fn call_many(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let most = context.limits.trace_calls_max;
    let requests: Option<Vec<(CallRequest, HashSet<TraceType>)>> = args.list(0, most)?;
    let Some(requests) = requests else {
        return Err(RpcError::argument(0, format!("too many calls, want at most {most}")));
    };
    let id = args.block_or_latest(1)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let mut calls = Calls::on(context, &reader, id, &time)?;
    let (mut out, mut first) = (Text::default(), true);
    let mut interrupt = || time.is_up();
    let mut replay = calls.start(&TraceTypes::new(HashSet::default()), &mut interrupt)?;
    out.raw("[");
    for (CallRequest(request), types) in requests {
        let types = TraceTypes::new(types);
        *replay.inspector_mut() = types.inspector(&context.limits);
        out.comma(&mut first);
        let changes = calls.run(&mut replay, request, &types, &mut out)?;
        replay.keep(changes);
        let bytes_max = context.limits.trace_bytes_max;
        if out.len() > bytes_max {
            return Err(RpcError::TraceTooLarge { bytes_max });
        }
    }
    out.raw("]");
    Ok(Some(out.finish()))
}

/// Its nonce may be any; what it pays for gas must be enough.
fn raw(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let (transaction, types) =
        (send::decode(&args.data(0)?)?.transaction, TraceTypes::read(args, 1)?);
    let sender = transaction
        .recover_signer()
        .map_err(|error| RpcError::UndecodableTransaction(error.to_string()))?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let mut calls = Calls::on(context, &reader, BlockId::Latest, &time)?;
    let mut out = Text::default();
    let mut interrupt = || time.is_up();
    let mut replay = calls.start(&types, &mut interrupt)?;
    let result = replay.inspect(&transaction, sender);
    calls.write(&mut replay, result, &types, &mut out)?;
    Ok(Some(out.finish()))
}

/// Calls on the state after a block.
struct Calls<'r> {
    context: &'r Context,
    time: &'r TraceTime<'r>,
    header: SealedHeader,
    /// Until they start.
    state: Option<StateView<'r>>,
    options: CallOptions,
}

type CallReplay<'i, 'r> = Replay<'i, StateView<'r>, Bounded<TracingInspector>>;

impl<'r> Calls<'r> {
    fn on(
        context: &'r Context,
        reader: &'r Reader,
        id: BlockId,
        time: &'r TraceTime<'r>,
    ) -> Result<Self, RpcError> {
        let header = id.header(reader)?;
        let state = Some(state_after(reader, header.number)?);
        let options = CallOptions {
            gas_cap: context.limits.call_gas_max,
            memory_bytes_max: context.limits.call_memory_bytes_max,
            ..CallOptions::default()
        };
        Ok(Self { context, time, header, state, options })
    }

    fn start<'i>(
        &mut self,
        types: &TraceTypes,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<CallReplay<'i, 'r>, RpcError> {
        let (spec, state) = (&self.context.spec, self.state.take());
        let state = state.ok_or_else(|| RpcError::Internal("calls start twice".into()))?;
        let inspector = types.inspector(&self.context.limits);
        let env = evm_env(spec, &self.header);
        let mut replay = Replay::on_state(spec, state, env, inspector, interrupt);
        replay.relax(&self.options).map_err(|error| self.time.error(error))?;
        Ok(replay)
    }

    /// Runs a call and writes the views of it; gives what it changed.
    fn run(
        &self,
        replay: &mut CallReplay<'_, 'r>,
        request: TransactionRequest,
        types: &TraceTypes,
        out: &mut Text,
    ) -> Result<EvmState, RpcError> {
        let cap = self.options.gas_cap;
        let tx = call_request::tx_env(request, &self.context.spec, &self.header, cap)?;
        let tx = TxEnv { gas_limit: tx.gas_limit.min(cap), ..tx };
        let result = replay.inspect_call(tx);
        self.write(replay, result, types, out)
    }

    fn write(
        &self,
        replay: &mut CallReplay<'_, 'r>,
        result: Result<ResultAndState, CallError>,
        types: &TraceTypes,
        out: &mut Text,
    ) -> Result<EvmState, RpcError> {
        let result = result.map_err(|error| replay.inspector_mut().error(error, self.time))?;
        let (recorded, state) = replay.inspector_and_state();
        types.write(out, take(recorded), &result, state, None)?;
        Ok(result.state)
    }
}
