//! Filters that are polled: `eth_newFilter` and what belongs to it.
//!
//! A filter of logs or blocks is a place in the chain; what is new is read from the store when it
//! is polled, so nothing is collected and nothing is missed, however late the poll. A filter of
//! pending transactions is a place in the one list of them ([`pending`]).
//!
//! A poll returns as much as one answer may have, and the next one goes on from there: a client
//! that polls until nothing comes has everything. Two polls of one filter at the same time share
//! what is new between them.
//!
//! Deliberately absent: filters that outlive the node, and logs of pending blocks.

mod pending;
mod table;

use super::{
    filter::{Blocks, LogFilter},
    logs::{Found, page},
    transaction::{self, TransactionAnswer},
};
use crate::{
    block_id::BlockId,
    client::ClientId,
    context::Context,
    error::RpcError,
    limits::RpcLimits,
    method::{Method, Param},
    params::{Args, unquote},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_eips::Encodable2718;
use alloy_primitives::B256;
use jsonrpsee::core::RegisterMethodError;
use mfenx_storage::Reader;
use parking_lot::Mutex;
use pending::{Interest, PendingLog};
use serde::Serialize;
use std::{sync::Arc, time::Instant};
use table::{FilterId, Kind, Seen, Table};

/// Blocks that a poll of a log filter looks at before it becomes work: it reads a header of each.
const INLINE_BLOCKS_MAX: u64 = 16;
/// Blocks that a poll of a block filter returns before it becomes work.
const INLINE_HASHES_MAX: u64 = 256;
/// The JSON of a transaction is no longer than this many times its encoding ...
const JSON_FACTOR: usize = 3;
/// ... and this, in bytes.
const JSON_BYTES: usize = 1_200;

const ID: &[Param] = &[Param::required("filterId", "Quantity")];

const NEW_FILTER: Method = Method {
    name: "eth_newFilter",
    summary: "Makes a filter of logs in blocks to come; its identifier is for eth_getFilterChanges",
    params: &[Param::required("filter", "Filter")],
    result: "Quantity",
    example: r#"[{"topics":[]}]"#,
};
const NEW_BLOCK_FILTER: Method = Method {
    name: "eth_newBlockFilter",
    summary: "Makes a filter of hashes of blocks to come",
    params: &[],
    result: "Quantity",
    example: "[]",
};
const NEW_PENDING_TRANSACTION_FILTER: Method = Method {
    name: "eth_newPendingTransactionFilter",
    summary: "Makes a filter of transactions that become executable: hashes, or all of them",
    params: &[Param::optional("full", "Boolean")],
    result: "Quantity",
    example: "[]",
};
const GET_FILTER_CHANGES: Method = Method {
    name: "eth_getFilterChanges",
    summary: "What is new since the last call for this filter, or the beginning of it",
    params: ID,
    result: "FilterChanges",
    example: r#"["0x1"]"#,
};
const GET_FILTER_LOGS: Method = Method {
    name: "eth_getFilterLogs",
    summary: "All logs that a filter of logs is about",
    params: ID,
    result: "Log[]",
    example: r#"["0x1"]"#,
};
const UNINSTALL_FILTER: Method = Method {
    name: "eth_uninstallFilter",
    summary: "Removes a filter; false when there is none",
    params: ID,
    result: "Boolean",
    example: r#"["0x1"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline_for_client(&NEW_FILTER, new_filter)?;
    registry.inline_for_client(&NEW_BLOCK_FILTER, new_block_filter)?;
    registry.inline_for_client(&NEW_PENDING_TRANSACTION_FILTER, new_pending_transaction_filter)?;
    registry.inline_or_work(Class::Logs, &GET_FILTER_CHANGES, few_changes, changes)?;
    registry.work(Class::Logs, &GET_FILTER_LOGS, filter_logs)?;
    registry.inline(&UNINSTALL_FILTER, uninstall)
}

/// The filters of all clients.
pub(crate) struct Filters {
    table: Mutex<Table>,
    pending: PendingLog,
}

impl Filters {
    pub(crate) fn new(limits: &RpcLimits) -> Self {
        Self {
            table: Mutex::new(Table::new(limits)),
            pending: PendingLog::new(limits.filter_pending_hashes_max),
        }
    }

    fn open(
        &self,
        kind: Kind,
        next: u64,
        interest: Option<Interest>,
        client: Option<ClientId>,
    ) -> Result<String, RpcError> {
        let id = self.table.lock().open(kind, next, interest, client, Instant::now())?;
        Ok(format!("{id:#x}"))
    }

    fn touch(&self, id: FilterId) -> Result<Seen, RpcError> {
        self.table.lock().touch(id, Instant::now()).ok_or(RpcError::FilterNotFound)
    }

    /// What a poll found, and that it is handed out; nothing when another poll was faster.
    fn hand_out(&self, id: FilterId, from: u64, to: u64, changes: Changes) -> Changes {
        if self.table.lock().advance(id, from, to) { changes } else { Changes::NOTHING }
    }
}

/// What is new.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Changes {
    Hashes(Vec<B256>),
    Transactions(Vec<TransactionAnswer>),
    Logs(Vec<Found>),
}

impl Changes {
    const NOTHING: Self = Self::Hashes(Vec::new());
}

/// What is not the identifier of a filter is the identifier of none.
fn filter_id(args: &Args<'_>) -> Result<FilterId, RpcError> {
    let json = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let text = unquote(json).map_err(|reason| RpcError::argument(0, reason))?;
    text.strip_prefix("0x")
        .filter(|digits| !digits.starts_with('+'))
        .and_then(|digits| FilterId::from_str_radix(digits, 16).ok())
        .ok_or(RpcError::FilterNotFound)
}

fn new_filter(
    context: &Context,
    args: &Args<'_>,
    client: Option<ClientId>,
) -> Result<String, RpcError> {
    let json = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let (filter, blocks) = LogFilter::parse(json, context.limits.logs_addresses_max)
        .map_err(|reason| RpcError::argument(0, reason))?;
    let most = context.limits.subscription_topics_max;
    if filter.topic_count() > most {
        let reason = format!("exceed max topics of a filter that is kept: at most {most}");
        return Err(RpcError::argument(0, reason));
    }
    if let Blocks::Range(from, to) = blocks {
        check_range(from, to)?;
    }
    context.filters.open(Kind::Logs(Arc::new(filter), blocks), next_block(context), None, client)
}

/// go-ethereum's rule: a range that cannot have blocks to come in it is refused unless both of its
/// ends are numbers.
fn check_range(from: BlockId, to: BlockId) -> Result<(), RpcError> {
    match (from, to) {
        (BlockId::Pending, _) | (_, BlockId::Pending) => Err(RpcError::PendingLogs),
        (_, BlockId::Latest) => Ok(()),
        _ if number(from) <= number(to) => Ok(()),
        _ => Err(RpcError::BlockRange("invalid block range params")),
    }
}

/// The number of an end of a range; the largest when it is the head's, whatever that is.
const fn number(id: BlockId) -> u64 {
    match id {
        BlockId::Number(number) => number,
        BlockId::Earliest => 0,
        BlockId::Latest | BlockId::Pending | BlockId::Hash(_) => u64::MAX,
    }
}

fn new_block_filter(
    context: &Context,
    _: &Args<'_>,
    client: Option<ClientId>,
) -> Result<String, RpcError> {
    context.filters.open(Kind::Blocks, next_block(context), None, client)
}

fn new_pending_transaction_filter(
    context: &Context,
    args: &Args<'_>,
    client: Option<ClientId>,
) -> Result<String, RpcError> {
    let full = args.optional(0)?.unwrap_or(false);
    let (interest, next) = context.filters.pending.join(&context.pool);
    context.filters.open(Kind::Transactions { full }, next, Some(interest), client)
}

/// The block after the one that was announced last. The store may already have it: then it is new
/// to whoever goes by the announced one.
fn next_block(context: &Context) -> u64 {
    context.head.borrow().number.saturating_add(1)
}

/// What is new, when it takes a few point reads to say so.
fn few_changes(context: &Context, args: &Args<'_>) -> Result<Option<Changes>, RpcError> {
    let id = filter_id(args)?;
    let Seen { kind, next } = context.filters.touch(id)?;
    if let Kind::Transactions { full } = kind {
        if full {
            return Ok(None);
        }
        let most = context.limits.filter_hashes_max;
        let (hashes, end) = context.filters.pending.read(next, most);
        return Ok(Some(context.filters.hand_out(id, next, end, Changes::Hashes(hashes))));
    }
    let reader = context.store.reader()?;
    let end = reader.head()?.number.saturating_add(1);
    let count = end.saturating_sub(next);
    match kind {
        Kind::Blocks if count <= INLINE_HASHES_MAX => {
            block_hashes(context, &reader, id, next).map(Some)
        }
        Kind::Logs(filter, _) if count <= INLINE_BLOCKS_MAX => {
            for number in next..end {
                let header = reader.header(number)?.ok_or(RpcError::HeaderNotFound)?;
                if filter.may_match(&header.logs_bloom) {
                    return Ok(None);
                }
            }
            let nothing = Changes::NOTHING;
            Ok(Some(context.filters.hand_out(id, next, end.max(next), nothing)))
        }
        Kind::Blocks | Kind::Logs(..) | Kind::Transactions { .. } => Ok(None),
    }
}

fn changes(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Changes, RpcError> {
    let id = filter_id(args)?;
    let Seen { kind, next } = context.filters.touch(id)?;
    match kind {
        Kind::Blocks => block_hashes(context, &context.store.reader()?, id, next),
        Kind::Transactions { .. } => {
            let (transactions, end) = transactions(context, next)?;
            let changes = Changes::Transactions(transactions);
            Ok(context.filters.hand_out(id, next, end, changes))
        }
        Kind::Logs(filter, blocks) => {
            let reader = context.store.reader()?;
            let head = reader.head()?.number;
            let (first, last) = match blocks {
                Blocks::Range(BlockId::Latest, to) => (next, number(to)),
                Blocks::Range(from, to) => (number(from), number(to)),
                // One block, which may yet be made.
                Blocks::One(hash) => reader.block_number(hash)?.map_or((1, 0), |one| (one, one)),
            };
            let (from, to) = (first.max(next), last.min(head));
            let (found, end) = if from > to {
                (Vec::new(), head.saturating_add(1).max(next))
            } else {
                let (found, searched) = page(context, &reader, &filter, (from, to), cancel)?;
                let end = if searched == to { head } else { searched };
                (found, end.saturating_add(1))
            };
            Ok(context.filters.hand_out(id, next, end, Changes::Logs(found)))
        }
    }
}

fn block_hashes(
    context: &Context,
    reader: &Reader,
    id: FilterId,
    next: u64,
) -> Result<Changes, RpcError> {
    let most = context.limits.filter_hashes_max.max(1) as u64;
    let end = reader.head()?.number.saturating_add(1).max(next);
    let end = end.min(next.saturating_add(most));
    let hashes = (next..end)
        .map(|number| reader.block_hash(number)?.ok_or(RpcError::HeaderNotFound))
        .collect::<Result<_, RpcError>>()?;
    Ok(context.filters.hand_out(id, next, end, Changes::Hashes(hashes)))
}

/// The transactions from place `next` on, as they were when they were pending. Those that left the
/// pool otherwise than for a block are left out.
fn transactions(context: &Context, next: u64) -> Result<(Vec<TransactionAnswer>, u64), RpcError> {
    let (hashes, end) = context.filters.pending.read(next, context.limits.filter_hashes_max);
    let start = end - hashes.len() as u64;
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    for (place, hash) in (start..).zip(hashes) {
        let Some(transaction) = transaction::pending(context, hash)? else { continue };
        bytes += JSON_BYTES + JSON_FACTOR * transaction.transaction.encode_2718_len();
        if bytes > context.limits.response_bytes_max && !found.is_empty() {
            return Ok((found, place));
        }
        found.push(transaction);
    }
    Ok((found, end))
}

fn filter_logs(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Vec<Found>, RpcError> {
    let Kind::Logs(filter, blocks) = context.filters.touch(filter_id(args)?)?.kind else {
        return Err(RpcError::FilterNotFound);
    };
    let reader = context.store.reader()?;
    let head = reader.head()?.number;
    let blocks = match blocks {
        // A filter may begin and end in the future; logs are of what there is.
        Blocks::Range(from, _) if from != BlockId::Latest && number(from) > head => {
            return Ok(Vec::new());
        }
        Blocks::Range(from, to) => Blocks::Range(from, BlockId::Number(number(to).min(head))),
        one @ Blocks::One(_) => one,
    };
    super::logs::search(context, &reader, &filter, blocks, cancel)
}

fn uninstall(context: &Context, args: &Args<'_>) -> Result<bool, RpcError> {
    match filter_id(args) {
        Ok(id) => Ok(context.filters.table.lock().close(id, Instant::now())),
        Err(RpcError::FilterNotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
