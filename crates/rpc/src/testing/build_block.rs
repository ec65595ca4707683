//! `testing_buildBlockV1`: a block as the node would build it, which nobody keeps.

use super::{
    payload::{BuiltPayload, block_value},
    source::{Given, Pooled},
};
use crate::{
    block_id::{BlockId, state_after},
    context::Context,
    error::RpcError,
    input::Object,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bytes, U64};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    BuildAttributes, Built, ExecutionError, TransactionSource, build_block, next_gas_limit,
};
use mfenx_primitives::{Block, SealedHeader};
use mfenx_storage::{Reader, StateChanges};
use mfenx_txpool::Sidecar;
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const BUILD_BLOCK: Method = Method {
    name: "testing_buildBlockV1",
    summary: "Builds a block on a parent and answers its payload; the chain stays as it is.",
    params: &[
        Param::required("parentBlockHash", "Hash32"),
        Param::required("payloadAttributes", "PayloadAttributes"),
        Param::optional("transactions", "Bytes[]"),
        Param::optional("extraData", "Bytes"),
    ],
    result: "BuiltPayload",
    example: r#"["0xc912561b4219cd31c027ddd019902fa799f64a10fdfbe3d963deed3e9decbfed",{"timestamp":"0x6ae68105","prevRandao":"0x0000000000000000000000000000000000000000000000000000000000000000","suggestedFeeRecipient":"0x0000000000000000000000000000000000000000","withdrawals":[],"parentBeaconBlockRoot":"0x0000000000000000000000000000000000000000000000000000000000000000"},["0xf8678085012a05f20082520894f39fd6e51aad88f6f4ce6ab8827279cfffb9226601808305682aa0f7eff483068d5998d16ac2643bed6fedbf0a0783bc1b876ffb47dd923ec4c03ca0706efde21ebb2166cfd62496d5e1e5639ae90caf766640f0f351ec8989d85abf"]]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &BUILD_BLOCK, run)
}

/// The attributes of the Engine API up to version 4; which of them must be there depends on the
/// fork.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    timestamp: U64,
    prev_randao: B256,
    suggested_fee_recipient: Address,
    withdrawals: Option<Vec<Object<Withdrawal>>>,
    parent_beacon_block_root: Option<B256>,
    target_gas_limit: Option<U64>,
}

/// `null` instead of transactions means those of the pool, an empty list means none, and of any
/// other list every one must be in the block.
fn run(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<BuiltPayload, RpcError> {
    let parent = args.hash(0)?;
    let Object(attributes): Object<Attributes> = args.value(1)?;
    let transactions: Option<Vec<Bytes>> = args.optional(2)?;
    let extra_data = if args.json(3).is_some() { args.data(3)? } else { Bytes::new() };
    let reader = context.store.reader()?;
    let parent = BlockId::Hash(parent).header(&reader)?;
    let attributes = build_attributes(context, &parent, attributes, extra_data);
    let mut time = Time::starting(context, cancel);
    let Some(transactions) = transactions else {
        let base_fee = context.spec.next_base_fee(&parent).unwrap_or_default();
        let mut source = Pooled::new(&context.pool, base_fee);
        let built = build(context, &reader, &parent, &attributes, &mut source, &mut time)?;
        return finish(&reader, &parent, built, |block| Ok(source.into_sidecars(block)));
    };
    let mut source = Given::new(transactions);
    let built = build(context, &reader, &parent, &attributes, &mut source, &mut time)?;
    finish(&reader, &parent, built, |_| source.into_sidecars())
}

fn build_attributes(
    context: &Context,
    parent: &SealedHeader,
    attributes: Attributes,
    extra_data: Bytes,
) -> BuildAttributes {
    let target = attributes.target_gas_limit.map(|target| target.to());
    let target = target.unwrap_or(context.spec.params().gas_limit_target);
    BuildAttributes {
        timestamp: attributes.timestamp.to(),
        beneficiary: attributes.suggested_fee_recipient,
        prev_randao: attributes.prev_randao,
        gas_limit: next_gas_limit(parent.gas_limit, target),
        extra_data,
        parent_beacon_block_root: attributes.parent_beacon_block_root,
        withdrawals: attributes
            .withdrawals
            .map(|withdrawals| withdrawals.into_iter().map(|Object(one)| one).collect()),
    }
}

fn build(
    context: &Context,
    reader: &Reader,
    parent: &SealedHeader,
    attributes: &BuildAttributes,
    source: &mut dyn TransactionSource,
    time: &mut Time<'_>,
) -> Result<Built, RpcError> {
    let state = state_after(reader, parent.number)?;
    let built = build_block(&context.spec, state, parent, attributes, source, &mut || time.is_up());
    let built = built.map_err(|error| match error {
        ExecutionError::Attributes(reason) => RpcError::argument(1, reason),
        ExecutionError::Database(_) | ExecutionError::IntermediateRoot(_) => {
            RpcError::Internal(error.to_string())
        }
        ExecutionError::InvalidHeader(_)
        | ExecutionError::InvalidBlock(_)
        | ExecutionError::InvalidTransaction { .. }
        | ExecutionError::Evm(_) => RpcError::BlockNotBuilt(error.to_string()),
    })?;
    // The builder takes the end of its time for a full block.
    match time.ended {
        Some(error) => Err(error()),
        None => Ok(built),
    }
}

fn finish(
    reader: &Reader,
    parent: &SealedHeader,
    built: Built,
    sidecars: impl FnOnce(&Block) -> Result<Vec<Arc<Sidecar>>, RpcError>,
) -> Result<BuiltPayload, RpcError> {
    let changes = StateChanges::from_bundle(&built.executed.bundle);
    let (block, executed) = built.seal(reader.state_root_at(parent.number, &changes)?);
    let value = block_value(block.block(), &executed.receipts);
    let requests = block.header().requests_hash.map(|_| executed.requests);
    let sidecars = sidecars(block.block())?;
    Ok(BuiltPayload { block, value, sidecars, requests })
}

/// How long building may go on, and why it did not.
struct Time<'c> {
    deadline: Instant,
    cancel: &'c Cancel,
    ended: Option<fn() -> RpcError>,
}

impl<'c> Time<'c> {
    fn starting(context: &Context, cancel: &'c Cancel) -> Self {
        let limit = Duration::from_millis(context.limits.build_time_ms_max);
        Self { deadline: Instant::now() + limit, cancel, ended: None }
    }

    fn is_up(&mut self) -> bool {
        if self.cancel.is_cancelled() {
            self.ended = Some(|| RpcError::Cancelled);
        } else if Instant::now() >= self.deadline {
            self.ended = Some(|| RpcError::RequestTimeout);
        }
        self.ended.is_some()
    }
}
