//! `debug_executionWitness`: all that it takes to execute a block without its state.
//!
//! The block is executed again on the state of its parent, as an import does it, and what it reads
//! is recorded: accounts, slots, codes and hashes of ancestors. The witness has the nodes of the
//! parent's tries toward these keys, and those that are needed besides to remove what the block
//! removes. Lists are in reth's form: nodes, codes and headers as they are hashed, in no order that
//! matters but two: behind the address of an account its slots, and headers from the oldest on
//! without a gap, so that each proves the hash of the one before.
//!
//! Time is looked at wherever the block reads, and between nodes. Code that only computes goes on
//! until it reads again or until its gas ends, which a block's limit bounds.
//!
//! Deliberately absent: codes that the block itself creates, which executing it gives.

mod reads;

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    recording::{TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{CallError, ExecutionError, execute_block};
use mfenx_primitives::RecoveredBlock;
use mfenx_storage::{Reader, StateChanges, StateView};
use reads::{ReadError, Reads, Recorder};
use revm::database::BundleState;
use serde::Serialize;

const EXECUTION_WITNESS: Method = Method {
    name: "debug_executionWitness",
    summary: "Trie nodes, codes and headers with which a block can be executed without its state.",
    params: &[Param::required("block", "BlockId")],
    result: "ExecutionWitness",
    example: r#"["0x4"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Traces, &EXECUTION_WITNESS, execution_witness)
}

/// The answer.
#[derive(Serialize)]
struct WitnessJson {
    /// RLP of nodes of the account trie and of storage tries.
    state: Vec<Bytes>,
    codes: Vec<Bytes>,
    /// Addresses, each with the slots of that account behind it.
    keys: Vec<Bytes>,
    /// RLP of the parent's header, and of its ancestors as far back as the block asks for hashes.
    headers: Vec<Bytes>,
}

fn execution_witness(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<WitnessJson, RpcError> {
    let id = args.block(0)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    if id == BlockId::Pending {
        return Err(RpcError::HeaderNotFound);
    }
    let reader = context.store.reader()?;
    let number = id.existing_number(&reader)?;
    let (block, state) = block_after_parent(context, &reader, number)?;
    let bounds = Bounds { time: &time, bytes_max: context.limits.response_bytes_max };
    let recorder = Recorder::new(state, &bounds);
    let (nodes, reads) = collect(context, &reader, &block.block, recorder)?;
    let headers = headers(&reader, number.saturating_sub(1), reads.oldest_hash)?;
    let keys = reads.accounts.iter().flat_map(|(address, slots)| {
        let address = Bytes::copy_from_slice(address.as_slice());
        let slots = slots.iter().map(|slot| Bytes::copy_from_slice(slot.as_slice()));
        std::iter::once(address).chain(slots)
    });
    let keys = keys.collect();
    let codes = reads.codes.into_values().collect();
    let witness = WitnessJson { state: nodes, codes, keys, headers };
    let bytes = [&witness.state, &witness.codes, &witness.keys, &witness.headers];
    let bytes = bytes.into_iter().flatten().map(|bytes| bytes.len()).sum();
    if bounds.exceeded(bytes) { Err(bounds.error()) } else { Ok(witness) }
}

/// What ends the making of a witness.
struct Bounds<'t> {
    time: &'t TraceTime<'t>,
    /// Of the answer as text, which has two digits a byte.
    bytes_max: usize,
}

impl Bounds<'_> {
    /// Whether a witness of so many bytes is too much already, or takes too long.
    fn exceeded(&self, bytes: usize) -> bool {
        bytes.saturating_mul(2) > self.bytes_max || self.time.is_up()
    }

    /// Why it ends here.
    fn error(&self) -> RpcError {
        if self.time.is_up() {
            self.time.error(CallError::Interrupted)
        } else {
            RpcError::ResponseTooLarge { bytes_max: self.bytes_max }
        }
    }
}

/// Executes the block; gives the nodes that this takes, and what it read.
fn collect(
    context: &Context,
    reader: &Reader,
    block: &RecoveredBlock,
    recorder: Recorder<'_, StateView<'_>>,
) -> Result<(Vec<Bytes>, Reads), RpcError> {
    let bounds = recorder.bounds();
    let stop = |nodes: usize| bounds.exceeded(nodes.saturating_add(recorder.bytes()));
    let parent = block.number().saturating_sub(1);
    let mut witness = reader.witness(parent, &stop)?;
    let mut intermediate = |bundle: &BundleState| {
        let changes = StateChanges::from_bundle(bundle);
        if !witness.remove(&changes).map_err(ReadError::from)? {
            return Err(ReadError::Stopped.into());
        }
        Ok(reader.state_root_at(parent, &changes).map_err(ReadError::from)?)
    };
    let executed = execute_block(&context.spec, &recorder, block, &mut intermediate);
    let executed = executed.map_err(|error| failure(error, bounds))?;
    if !witness.remove(&StateChanges::from_bundle(&executed.bundle))? {
        return Err(bounds.error());
    }
    for (address, slots) in &recorder.reads().accounts {
        if !witness.touch(*address, slots.iter().copied())? {
            return Err(bounds.error());
        }
    }
    let nodes = witness.into_nodes();
    Ok((nodes, recorder.into_reads()))
}

/// Why the block was not executed again: the bounds, or a fault of the node, for it is a block of
/// the chain.
fn failure(error: ExecutionError, bounds: &Bounds<'_>) -> RpcError {
    let cause = match error {
        ExecutionError::Database(cause) | ExecutionError::IntermediateRoot(cause) => cause,
        other => return RpcError::Internal(format!("a stored block cannot be executed: {other}")),
    };
    match cause.downcast::<ReadError>().map(|cause| *cause) {
        Ok(ReadError::Stopped) => bounds.error(),
        Ok(ReadError::Store(cause)) => cause.into(),
        Err(cause) => RpcError::Internal(cause.to_string()),
    }
}

/// RLP of the headers from `oldest`, or from the parent where that is older, to the parent.
fn headers(reader: &Reader, parent: u64, oldest: Option<u64>) -> Result<Vec<Bytes>, RpcError> {
    let oldest = oldest.unwrap_or(parent).min(parent);
    let headers = (oldest..=parent).map(|number| {
        let header = reader.header(number)?.ok_or(RpcError::HeaderNotFound)?;
        Ok(alloy_rlp::encode(header.inner()).into())
    });
    headers.collect()
}
