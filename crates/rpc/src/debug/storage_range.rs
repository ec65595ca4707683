//! `debug_storageRangeAt`: the slots of a contract amid a block, in the order of their hashes.
//!
//! The store knows slots by their hashes only. Of those that the block's transactions up to there
//! looked at or changed, the slot itself is told besides; of others `key` is null.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    method::{Method, Param},
    ots::number,
    params::Args,
    recording::{TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::Replay;
use mfenx_primitives::RecoveredBlock;
use mfenx_storage::StateView;
use revm::{inspector::NoOpInspector, state::Account};
use serde::Serialize;
use std::collections::BTreeMap;

const STORAGE_RANGE: Method = Method {
    name: "debug_storageRangeAt",
    summary: "Slots of a contract before a transaction of a block, from a hashed slot on.",
    params: &[
        Param::required("block", "BlockId"),
        Param::required("transactionIndex", "Number"),
        Param::required("address", "Address"),
        Param::required("keyStart", "Bytes"),
        Param::required("maxResult", "Number"),
    ],
    result: "StorageRange",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b",3,"0x5fbdb2315678afecb367f032d93f642f64180aa3","0x0000000000000000000000000000000000000000000000000000000000000000",2]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Traces, &STORAGE_RANGE, storage_range)
}

/// As go-ethereum has it: hashed slots with their values, and where to go on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageRange {
    storage: BTreeMap<B256, Entry>,
    next_key: Option<B256>,
}

#[derive(Serialize)]
struct Entry {
    key: Option<B256>,
    value: B256,
}

/// A caller who asks for more slots than the limit gets as many as that, and where to go on.
fn storage_range(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<StorageRange, RpcError> {
    let (id, index) = (args.block(0)?, number::plain(args, 1)?);
    let (address, start) = (args.address(2)?, start(args)?);
    let most = context.limits.storage_range_slots_max;
    let most = usize::try_from(number::plain(args, 4)?).unwrap_or(usize::MAX).min(most);
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    if id == BlockId::Pending {
        return Err(RpcError::HeaderNotFound);
    }
    let (block, state) = block_after_parent(context, &reader, id.existing_number(&reader)?)?;
    let changes = changes_before(context, &block.block, index, address, state, &time)?;
    let mut slots = stored(state, address, start, most, &changes, &time)?;
    for (slot, (key, value)) in changes.slots.range(start..) {
        if value.is_zero() {
            slots.remove(slot);
        } else {
            slots.insert(*slot, (Some(*key), *value));
        }
    }
    let next_key = slots.keys().nth(most).copied();
    let entry = |(key, value): (Option<U256>, U256)| Entry {
        key: key.map(B256::from),
        value: value.into(),
    };
    let storage = slots.into_iter().take(most).map(|(slot, found)| (slot, entry(found))).collect();
    Ok(StorageRange { storage, next_key })
}

/// The hashed slot to begin with: as many bytes of it as the caller gives.
fn start(args: &Args<'_>) -> Result<B256, RpcError> {
    let bytes = args.data(3)?;
    let mut start = B256::ZERO;
    match start.get_mut(..bytes.len()) {
        Some(place) => place.copy_from_slice(&bytes),
        None => return Err(RpcError::argument(3, "a key has at most 32 bytes")),
    }
    Ok(start)
}

/// What transactions did to one account's storage.
#[derive(Default)]
struct Changes {
    /// Whether what was there before the block is gone.
    wiped: bool,
    /// By their hashes: the slots that were looked at or changed, and their values.
    slots: BTreeMap<B256, (U256, U256)>,
}

impl Changes {
    fn apply(&mut self, account: &Account) {
        if account.is_selfdestructed() || account.is_created() {
            self.wiped = true;
            self.slots.clear();
        }
        if account.is_selfdestructed() {
            return;
        }
        for (slot, value) in &account.storage {
            self.slots.insert(keccak256(slot.to_be_bytes::<32>()), (*slot, value.present_value));
        }
    }
}

/// What the transactions before the one at `index` did to `address`.
fn changes_before(
    context: &Context,
    block: &RecoveredBlock,
    index: u64,
    address: Address,
    state: StateView<'_>,
    time: &TraceTime<'_>,
) -> Result<Changes, RpcError> {
    let count = block.transactions().len();
    let before = usize::try_from(index).unwrap_or(usize::MAX);
    if before > 0 && before >= count {
        let reason = format!("transaction index {index} out of range for block {}", block.hash());
        return Err(RpcError::argument(1, reason));
    }
    let mut interrupt = || time.is_up();
    let (spec, header) = (&context.spec, block.header());
    let replay = Replay::of_block(spec, state, header, NoOpInspector {}, &mut interrupt);
    let mut replay = replay.map_err(|error| time.error(error))?;
    let mut changes = Changes::default();
    for (transaction, sender) in block.transactions_with_sender().take(before) {
        let done = replay.inspect(transaction, sender).map_err(|error| time.error(error))?;
        if let Some(account) = done.state.get(&address) {
            changes.apply(account);
        }
        replay.keep(done.state);
    }
    Ok(changes)
}

/// What is stored from `start` on: enough slots for `most` and the one behind them to be left when
/// those that `changes` empties are taken out.
fn stored(
    state: StateView<'_>,
    address: Address,
    start: B256,
    most: usize,
    changes: &Changes,
    time: &TraceTime<'_>,
) -> Result<BTreeMap<B256, (Option<U256>, U256)>, RpcError> {
    if changes.wiped {
        return Ok(BTreeMap::new());
    }
    let emptied = changes.slots.range(start..).filter(|(_, (_, value))| value.is_zero()).count();
    let limit = most.saturating_add(1).saturating_add(emptied);
    let found = state.storage_range(address, start, limit, &mut || time.is_up())?;
    let Some(found) = found else {
        return Err(time.error(mfenx_execution::CallError::Interrupted));
    };
    Ok(found.into_iter().map(|(slot, value)| (slot, (None, value))).collect())
}
