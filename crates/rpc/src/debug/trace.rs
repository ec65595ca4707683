//! `debug_trace*`: transactions and calls, run again under a tracer.

use super::{config::TraceConfig, tracer::Tracer};
use crate::{
    block_id::{BlockId, state_after},
    context::Context,
    error::RpcError,
    eth::call_request,
    input::CallRequest,
    method::{Method, Param},
    params::Args,
    recording::{Answer, Bounded, Place, Text, TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_rlp::Decodable;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{CallOptions, Replay, evm_env};
use mfenx_primitives::{Block, RecoveredBlock};
use mfenx_storage::StateView;
use revm::context::result::ResultAndState;

const CONFIG: Param = Param::optional("config", "TraceConfig");

const TRANSACTION: Method = Method {
    name: "debug_traceTransaction",
    summary: "What a transaction did, run again under a tracer; without one, its opcodes.",
    params: &[Param::required("hash", "Hash32"), CONFIG],
    result: "Trace",
    example: r#"["0x091706c64e00cd2a839509505794b4aea29d7e181667cf9e63f4cfda64c17d77",{"tracer":"callTracer"}]"#,
};

const CALL: Method = Method {
    name: "debug_traceCall",
    summary: "What a call would do after a block, or amid its transactions, under a tracer.",
    params: &[
        Param::required("call", "CallRequest"),
        Param::optional("block", "BlockId"),
        Param::optional("config", "TraceCallConfig"),
    ],
    result: "Trace",
    example: r#"[{"to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0x70a08231000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},"latest",{"tracer":"callTracer"}]"#,
};

const BLOCK_BY_NUMBER: Method = Method {
    name: "debug_traceBlockByNumber",
    summary: "What each transaction of a block did, run again under a tracer.",
    params: &[Param::required("block", "BlockNumberOrTag"), CONFIG],
    result: "BlockTrace[]",
    example: r#"["0x3",{"tracer":"callTracer"}]"#,
};

const BLOCK_BY_HASH: Method = Method {
    name: "debug_traceBlockByHash",
    summary: "What each transaction of a block did, run again under a tracer.",
    params: &[Param::required("hash", "Hash32"), CONFIG],
    result: "BlockTrace[]",
    example: r#"["0xc912561b4219cd31c027ddd019902fa799f64a10fdfbe3d963deed3e9decbfed",{"tracer":"callTracer"}]"#,
};

const BLOCK: Method = Method {
    name: "debug_traceBlock",
    summary: "What each transaction of a block in RLP does under a tracer; its parent must be known.",
    params: &[Param::required("block", "Bytes"), CONFIG],
    result: "BlockTrace[]",
    example: r#"["0xf902d1f90261a0fb8bfbe37ed9f6b035781a367abd9ce614715335415d190beac7ad6f7ca7eef1a01dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d4934794bebebebebebebebebebebebebebebebebebebebea0e78462ccc1d86e8928a6f762c97b67f0f60110a94f97072c2e3d58237025e93ca0642fbf7274bdb19a33dfbe1465e5d3b38342afa87311df9b33c244a8f9615d00a0056b23fbba480696b65fe5a59b8f2148a1299103c4f57df839233af2cf4ca2d2b901000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000080048407270e00825208846ae6810480a001010101010101010101010101010101010101010101010101010101010101018800000000000000008422fc6282a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b4218080a00000000000000000000000000000000000000000000000000000000000000000a0e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855f869f8670285012a05f200825208943c44cdddb6a900fa2b585dd299e03d12fa4293bc07808305682aa0c9e6070aef668a0e3b5d95a9b1b12328ae4a615fedf0755fda68db9e2afa9dc5a057c240903e73a2a45e6dd6677b026838601fc311101dc595b7c7414447272db6c0c0",{"tracer":"callTracer"}]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work_json(Class::Traces, &TRANSACTION, transaction)?;
    registry.work_json(Class::Traces, &CALL, call)?;
    registry.work_json(Class::Traces, &BLOCK_BY_NUMBER, block_by_number)?;
    registry.work_json(Class::Traces, &BLOCK_BY_HASH, block_by_hash)?;
    registry.work_json(Class::Traces, &BLOCK, block)
}

fn transaction(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let (hash, config) = (args.hash(0)?, TraceConfig::read(context, args, 1)?);
    let (time, mut tracer) = begin(context, &config, 1, cancel)?;
    let reader = context.store.reader()?;
    let location = reader.transaction_location(hash)?.ok_or(RpcError::TransactionNotFound)?;
    let (block, state) = block_after_parent(context, &reader, location.block_number)?;
    let index = usize::try_from(location.index).unwrap_or(usize::MAX);
    let mut out = Text::default();
    let mut interrupt = || time.is_up();
    let run = Run { context, time: &time, block: &block.block };
    let mut replay = run.start(state, &mut tracer, &mut interrupt)?;
    let first_log = run.skip(&mut replay, index)?;
    run.trace(&mut replay, &mut out, index, first_log)?;
    Ok(Some(out.finish()))
}

fn block_by_number(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Answer, RpcError> {
    let (id, config) = (args.block_number(0)?, TraceConfig::read(context, args, 1)?);
    let (time, tracer) = begin(context, &config, 1, cancel)?;
    let reader = context.store.reader()?;
    let number = match (id, id.number(&reader)?) {
        (_, Some(number)) => number,
        (BlockId::Number(number), None) => {
            return Err(RpcError::BlockNotFound(format!("#{number}")));
        }
        (_, None) => return Err(RpcError::HeaderNotFound),
    };
    let (block, state) = block_after_parent(context, &reader, number)?;
    whole_block(&Run { context, time: &time, block: &block.block }, state, tracer)
}

fn block_by_hash(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let (hash, config) = (args.hash(0)?, TraceConfig::read(context, args, 1)?);
    let (time, tracer) = begin(context, &config, 1, cancel)?;
    let reader = context.store.reader()?;
    let number = reader.block_number(hash)?;
    let number = number.ok_or_else(|| RpcError::BlockNotFound(hash.to_string()))?;
    let (block, state) = block_after_parent(context, &reader, number)?;
    whole_block(&Run { context, time: &time, block: &block.block }, state, tracer)
}

fn block(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let config = TraceConfig::read(context, args, 1)?;
    let (time, tracer) = begin(context, &config, 1, cancel)?;
    let encoded = args.data(0)?;
    let decoded = Block::decode(&mut encoded.as_ref())
        .map_err(|error| RpcError::argument(0, format!("could not decode block: {error}")))?;
    if decoded.header.number == 0 {
        return Err(RpcError::GenesisNotTraceable);
    }
    let block = RecoveredBlock::recover(decoded)
        .map_err(|error| RpcError::argument(0, error.to_string()))?;
    let reader = context.store.reader()?;
    let parent = block.header().parent_hash;
    let number = reader.block_number(parent)?;
    let number = number.ok_or_else(|| RpcError::BlockNotFound(format!("parent {parent}")))?;
    if block.number() != number + 1 {
        return Err(RpcError::argument(0, "the block's number does not follow its parent's"));
    }
    // Gas bounds memory, and here the caller says how much gas there is.
    let limit = reader.header(number)?.map_or(0, |parent| parent.gas_limit);
    let most = limit.saturating_mul(2).max(context.limits.call_gas_max);
    if block.header().gas_limit > most {
        return Err(RpcError::argument(0, format!("the block's gas limit exceeds {most}")));
    }
    let state = state_after(&reader, number)?;
    whole_block(&Run { context, time: &time, block: &block }, state, tracer)
}

fn whole_block(
    run: &Run<'_>,
    state: StateView<'_>,
    mut tracer: Bounded<Tracer>,
) -> Result<Answer, RpcError> {
    let mut interrupt = || run.time.is_up();
    let mut replay = run.start(state, &mut tracer, &mut interrupt)?;
    let (mut out, mut first_log) = (Text::default(), 0);
    out.raw("[");
    let mut first = true;
    for (index, transaction) in run.block.transactions().iter().enumerate() {
        out.comma(&mut first);
        out.raw("{\"txHash\":");
        out.bytes(transaction.tx_hash().as_slice());
        out.raw(",\"result\":");
        let ResultAndState { result, state } =
            run.trace(&mut replay, &mut out, index, first_log)?;
        out.raw("}");
        first_log += result.logs().len() as u64;
        replay.keep(state);
    }
    out.raw("]");
    Ok(Some(out.finish()))
}

fn call(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let CallRequest(request) = args.value(0)?;
    let (id, mut config) = (args.block_or_latest(1)?, TraceConfig::read(context, args, 2)?);
    let (time, mut tracer) = begin(context, &config, 2, cancel)?;
    let options = call_options(context, &mut config)?;
    let reader = context.store.reader()?;
    let header = id.header(&reader)?;
    let tx = call_request::tx_env(request, &context.spec, &header, options.gas_cap)?;
    let tx = revm::context::TxEnv { gas_limit: tx.gas_limit.min(options.gas_cap), ..tx };
    let (mut interrupt, mut place) = (|| time.is_up(), Place::default());
    place.block_number = header.number;
    let mut replay = match config.transactions_before()? {
        None => {
            let state = state_after(&reader, header.number)?;
            let env = evm_env(&context.spec, &header);
            Replay::on_state(&context.spec, state, env, &mut tracer, &mut interrupt)
        }
        Some(before) => {
            let (block, state) = block_after_parent(context, &reader, header.number)?;
            let run = Run { context, time: &time, block: &block.block };
            if before > block.block.transactions().len() {
                return Err(RpcError::TransactionIndex {
                    index: before,
                    block: block.block.hash(),
                });
            }
            let mut replay = run.start(state, &mut tracer, &mut interrupt)?;
            place.first_log = run.skip(&mut replay, before)?;
            replay
        }
    };
    replay.relax(&options).map_err(|error| time.error(error))?;
    let gas_limit = tx.gas_limit;
    let result = replay.inspect_call(tx);
    let result = result.map_err(|error| replay.inspector_mut().error(error, &time))?;
    let (tracer, state) = replay.inspector_and_state();
    let mut out = Text::default();
    tracer.inspector.write(&mut out, gas_limit, &place, &result, state)?;
    Ok(Some(out.finish()))
}

/// The overrides of a call, within bounds.
fn call_options(context: &Context, config: &mut TraceConfig<'_>) -> Result<CallOptions, RpcError> {
    let limits = &context.limits;
    let state_overrides = config.state_overrides.take();
    let slots: usize = state_overrides
        .iter()
        .flat_map(|accounts| accounts.values())
        .flat_map(|account| [&account.state, &account.state_diff])
        .flatten()
        .map(|slots| slots.len())
        .sum();
    if slots > limits.override_slots_max {
        let most = limits.override_slots_max;
        return Err(RpcError::argument(2, format!("state overrides exceed {most} slots")));
    }
    Ok(CallOptions {
        state_overrides,
        block_overrides: config.block_overrides.take(),
        gas_cap: limits.call_gas_max,
        memory_bytes_max: limits.call_memory_bytes_max,
        brief: false,
    })
}

/// The clock starts and the tracer is ready.
fn begin<'c>(
    context: &Context,
    config: &TraceConfig<'_>,
    position: usize,
    cancel: &'c Cancel,
) -> Result<(TraceTime<'c>, Bounded<Tracer>), RpcError> {
    let time = TraceTime::starting(&context.limits, config.timeout()?, cancel);
    let bytes_max = context.limits.trace_bytes_max;
    let tracer = Tracer::new(config, position, bytes_max)?;
    Ok((time, Bounded::new(tracer, bytes_max)))
}

/// A block whose transactions are run again.
struct Run<'r> {
    context: &'r Context,
    time: &'r TraceTime<'r>,
    block: &'r RecoveredBlock,
}

/// What runs them.
type BlockReplay<'i, 'r, 't> = Replay<'i, StateView<'r>, &'t mut Bounded<Tracer>>;

impl Run<'_> {
    fn start<'i, 'r, 't>(
        &self,
        state: StateView<'r>,
        tracer: &'t mut Bounded<Tracer>,
        interrupt: &'i mut dyn FnMut() -> bool,
    ) -> Result<BlockReplay<'i, 'r, 't>, RpcError> {
        Replay::of_block(&self.context.spec, state, self.block.header(), tracer, interrupt)
            .map_err(|error| self.time.error(error))
    }

    /// Runs the first `count` transactions; gives how many logs they made.
    fn skip(&self, replay: &mut BlockReplay<'_, '_, '_>, count: usize) -> Result<u64, RpcError> {
        let mut logs = 0;
        for (transaction, sender) in self.block.transactions_with_sender().take(count) {
            let result = replay.skip(transaction, sender);
            logs += result.map_err(|error| self.time.error(error))?.logs().len() as u64;
        }
        Ok(logs)
    }

    /// Traces one transaction and writes the result; its changes are not kept.
    fn trace(
        &self,
        replay: &mut BlockReplay<'_, '_, '_>,
        out: &mut Text,
        index: usize,
        first_log: u64,
    ) -> Result<ResultAndState, RpcError> {
        let Some((transaction, sender)) = self.block.transactions_with_sender().nth(index) else {
            return Err(RpcError::TransactionNotFound);
        };
        let result = replay.inspect(transaction, sender);
        let result = result.map_err(|error| replay.inspector_mut().error(error, self.time))?;
        let place = Place { first_log, ..Place::of(self.block, index) };
        let (tracer, state) = replay.inspector_and_state();
        let gas_limit = alloy_consensus::Transaction::gas_limit(transaction);
        tracer.inspector.write(out, gas_limit, &place, &result, state)?;
        tracer.inspector.empty();
        tracer.empty();
        let bytes_max = self.context.limits.trace_bytes_max;
        if out.len() > bytes_max {
            return Err(RpcError::TraceTooLarge { bytes_max });
        }
        Ok(result)
    }
}
