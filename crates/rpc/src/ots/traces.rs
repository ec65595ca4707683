//! What a transaction did inside: run again, from the start of its block.

use super::calls::{Call, Calls, Operation};
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    recording::{Bounded, TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::Replay;
use revm::context::result::ExecutionResult;

const TRACE: Method = Method {
    name: "ots_traceTransaction",
    summary: "The calls of a transaction in the order in which they began.",
    params: &[Param::required("hash", "Hash32")],
    result: "OtterscanCall[]",
    example: r#"["0x091706c64e00cd2a839509505794b4aea29d7e181667cf9e63f4cfda64c17d77"]"#,
};

const OPERATIONS: Method = Method {
    name: "ots_getInternalOperations",
    summary: "What moved ether, created or destroyed contracts inside a transaction.",
    params: &[Param::required("hash", "Hash32")],
    result: "InternalOperation[]",
    example: r#"["0x091706c64e00cd2a839509505794b4aea29d7e181667cf9e63f4cfda64c17d77"]"#,
};

const ERROR: Method = Method {
    name: "ots_getTransactionError",
    summary: "What a transaction reverted with; no bytes if it did not.",
    params: &[Param::required("hash", "Hash32")],
    result: "Bytes",
    example: r#"["0x560e19ce84d1329b0b32bea4e3be44f042c4716224d3110abf5f5692ed74ccde"]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Traces, &TRACE, trace)?;
    registry.work(Class::Traces, &OPERATIONS, operations)?;
    registry.work(Class::Traces, &ERROR, transaction_error)
}

/// Runs a transaction again, after those before it in its block.
fn run(
    context: &Context,
    hash: B256,
    calls: &mut Bounded<Calls>,
    cancel: &Cancel,
) -> Result<ExecutionResult, RpcError> {
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let place = reader.transaction_location(hash)?.ok_or(RpcError::TransactionNotFound)?;
    let (block, state) = block_after_parent(context, &reader, place.block_number)?;
    let (block, index) = (&block.block, usize::try_from(place.index).unwrap_or(usize::MAX));
    let mut interrupt = || time.is_up();
    let replay = Replay::of_block(&context.spec, state, block.header(), calls, &mut interrupt);
    let mut replay = replay.map_err(|error| time.error(error))?;
    let mut transactions = block.transactions_with_sender();
    for (transaction, sender) in transactions.by_ref().take(index) {
        replay.skip(transaction, sender).map_err(|error| time.error(error))?;
    }
    let (transaction, sender) = transactions.next().ok_or(RpcError::TransactionNotFound)?;
    match replay.inspect(transaction, sender) {
        Ok(done) => Ok(done.result),
        Err(error) => Err(replay.inspector_mut().error(error, &time)),
    }
}

fn calls(context: &Context, hash: B256, cancel: &Cancel) -> Result<Vec<Call>, RpcError> {
    let mut calls = Bounded::new(Calls::default(), context.limits.trace_bytes_max);
    run(context, hash, &mut calls, cancel)?;
    Ok(calls.inspector.into_calls())
}

fn trace(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Vec<Call>, RpcError> {
    calls(context, args.hash(0)?, cancel)
}

/// Those of reverted calls are among them, as in Erigon.
fn operations(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Vec<Operation>, RpcError> {
    let calls = calls(context, args.hash(0)?, cancel)?;
    Ok(calls.iter().filter_map(Operation::of).collect())
}

fn transaction_error(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Bytes, RpcError> {
    let mut calls = Bounded::new(Calls::default(), context.limits.trace_bytes_max);
    match run(context, args.hash(0)?, &mut calls, cancel)? {
        ExecutionResult::Revert { output, .. } => Ok(output),
        ExecutionResult::Success { .. } | ExecutionResult::Halt { .. } => Ok(Bytes::new()),
    }
}
