//! What stands in blocks: `trace_block`, `trace_transaction`, `trace_get`, `trace_replay*`.

use super::{
    replay::{BlockRun, Wanted},
    types::TraceTypes,
};
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::{Args, quantity},
    recording::{Answer, Json, Text, TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::B256;
use alloy_rpc_types_trace::parity::LocalizedTransactionTrace;
use jsonrpsee::core::RegisterMethodError;
use mfenx_storage::{Reader, TransactionLocation};

const BLOCK: Method = Method {
    name: "trace_block",
    summary: "The calls of all transactions of a block, and the rewards of one before the merge.",
    params: &[Param::required("block", "BlockId")],
    result: "LocalizedTrace[]|null",
    example: r#"["0x3"]"#,
};

const TRANSACTION: Method = Method {
    name: "trace_transaction",
    summary: "The calls of a transaction.",
    params: &[Param::required("hash", "Hash32")],
    result: "LocalizedTrace[]|null",
    example: r#"["0x091706c64e00cd2a839509505794b4aea29d7e181667cf9e63f4cfda64c17d77"]"#,
};

const GET: Method = Method {
    name: "trace_get",
    summary: "One call of a transaction, by its place in the tree of calls.",
    params: &[Param::required("hash", "Hash32"), Param::required("path", "Quantity[]")],
    result: "LocalizedTrace|null",
    example: r#"["0x091706c64e00cd2a839509505794b4aea29d7e181667cf9e63f4cfda64c17d77",["0x0"]]"#,
};

const REPLAY_TRANSACTION: Method = Method {
    name: "trace_replayTransaction",
    summary: "What a transaction did: its calls, its instructions, its changes of the state.",
    params: &[Param::required("hash", "Hash32"), Param::required("types", "TraceType[]")],
    result: "TraceResults",
    example: r#"["0x90c330080b3182dbd94612dc111d3dee8b5f9ecd682ec7535b77a74331d41945",["trace","stateDiff"]]"#,
};

const REPLAY_BLOCK: Method = Method {
    name: "trace_replayBlockTransactions",
    summary: "What each transaction of a block did, as `trace_replayTransaction` has it.",
    params: &[Param::required("block", "BlockId"), Param::required("types", "TraceType[]")],
    result: "TraceResults[]|null",
    example: r#"["0x4",["trace","stateDiff"]]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work_json(Class::Traces, &BLOCK, block)?;
    registry.work_json(Class::Traces, &TRANSACTION, transaction)?;
    registry.work(Class::Traces, &GET, get)?;
    registry.work_json(Class::Traces, &REPLAY_TRANSACTION, replay_transaction)?;
    registry.work_json(Class::Traces, &REPLAY_BLOCK, replay_block)
}

/// The genesis block has no transactions, so its traces are none.
fn block(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let id = args.block(0)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let mut list = List::new(context);
    match id.number(&reader)? {
        None => return Ok(None),
        Some(0) => {}
        Some(number) => {
            let (block, state) = block_after_parent(context, &reader, number)?;
            let run = BlockRun { context, time: &time, block: &block.block };
            run.calls(state, Wanted::All, &mut |trace| list.push(&trace))?;
            for reward in run.rewards() {
                list.push(&reward)?;
            }
        }
    }
    Ok(Some(list.finish()))
}

fn transaction(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let mut list = List::new(context);
    let found = calls_of(context, args.hash(0)?, cancel, &mut |trace| list.push(&trace))?;
    Ok(found.then(|| list.finish()))
}

/// The path is that of the tree of calls: `[]` is the transaction itself, `["0x1", "0x0"]` the first
/// call that its second call made.
fn get(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Option<LocalizedTransactionTrace>, RpcError> {
    let hash = args.hash(0)?;
    let path: Vec<String> = args.value(1)?;
    let path = path.iter().map(|index| {
        let index = quantity(index).map_err(|reason| RpcError::argument(1, reason))?;
        Ok(usize::try_from(index).unwrap_or(usize::MAX))
    });
    let path = path.collect::<Result<Vec<_>, RpcError>>()?;
    let mut found = None;
    calls_of(context, hash, cancel, &mut |trace| {
        if trace.trace.trace_address != path {
            return Ok(true);
        }
        found = Some(trace);
        Ok(false)
    })?;
    Ok(found)
}

/// Hands the calls of a transaction to `take`; says whether there is such a transaction.
fn calls_of(
    context: &Context,
    hash: B256,
    cancel: &Cancel,
    take: &mut dyn FnMut(LocalizedTransactionTrace) -> Result<bool, RpcError>,
) -> Result<bool, RpcError> {
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let Some((number, wanted)) = location(&reader, hash)? else { return Ok(false) };
    let (block, state) = block_after_parent(context, &reader, number)?;
    let run = BlockRun { context, time: &time, block: &block.block };
    run.calls(state, Wanted::Some(&[wanted]), take)?;
    Ok(true)
}

fn location(reader: &Reader, hash: B256) -> Result<Option<(u64, usize)>, RpcError> {
    let Some(TransactionLocation { block_number, index }) = reader.transaction_location(hash)?
    else {
        return Ok(None);
    };
    Ok(Some((block_number, usize::try_from(index).unwrap_or(usize::MAX))))
}

fn replay_transaction(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Answer, RpcError> {
    let (hash, types) = (args.hash(0)?, TraceTypes::read(args, 1)?);
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let (number, index) = location(&reader, hash)?.ok_or(RpcError::TransactionNotFound)?;
    let (block, state) = block_after_parent(context, &reader, number)?;
    let run = BlockRun { context, time: &time, block: &block.block };
    run.views(state, Wanted::Some(&[index]), &types, false).map(|text| Some(text.finish()))
}

fn replay_block(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let (id, types) = (args.block(0)?, TraceTypes::read(args, 1)?);
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let mut out = Text::default();
    out.raw("[");
    match id.number(&reader)? {
        None => return Ok(None),
        Some(0) => {}
        Some(number) => {
            let (block, state) = block_after_parent(context, &reader, number)?;
            let run = BlockRun { context, time: &time, block: &block.block };
            out.append(&run.views(state, Wanted::All, &types, true)?);
        }
    }
    out.raw("]");
    Ok(Some(out.finish()))
}

/// A list of traces, written as they come, within bounds.
pub(super) struct List {
    text: Text,
    first: bool,
    bytes_max: usize,
}

impl List {
    pub(super) fn new(context: &Context) -> Self {
        let mut text = Text::default();
        text.raw("[");
        Self { text, first: true, bytes_max: context.limits.trace_bytes_max }
    }

    /// Adds one; says that there can be more.
    ///
    /// # Errors
    /// It is too long.
    pub(super) fn push(&mut self, trace: &LocalizedTransactionTrace) -> Result<bool, RpcError> {
        self.text.comma(&mut self.first);
        self.text.value(trace)?;
        if self.text.len() > self.bytes_max {
            return Err(RpcError::TraceTooLarge { bytes_max: self.bytes_max });
        }
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Json {
        self.text.raw("]");
        self.text.finish()
    }
}
