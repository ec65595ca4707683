//! `eth_getLogs`: an index says which blocks of a long range need a look, headers' blooms which of a
//! short one. A filtered search may cover any range, for as long as its time lasts.

use super::filter::{Blocks, LogFilter};
use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    json::{LogJson, LogPlace},
    limits::RpcLimits,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, Log};
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::{Header, Receipt};
use mfenx_storage::Reader;
use serde::{Serialize, Serializer};
use std::time::{Duration, Instant};

/// Blocks whose blooms are looked at sooner than the index.
const BLOOM_BLOCKS: u64 = 8;
/// Characters of a log's JSON without its topics and data, roughly.
const LOG_JSON_BYTES: usize = 420;
/// Characters of a topic.
const TOPIC_JSON_BYTES: usize = 69;

const GET_LOGS: Method = Method {
    name: "eth_getLogs",
    summary: "The logs that match a filter, in the order of the chain.",
    params: &[Param::required("filter", "Filter")],
    result: "Log[]",
    example: r#"[{"fromBlock":"0x1","toBlock":"latest","address":"0x5fbdb2315678afecb367f032d93f642f64180aa3","topics":["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"]}]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Logs, &GET_LOGS, get_logs)
}

/// A log that matches, and where it stands.
#[derive(Clone)]
pub(crate) struct Found {
    log: Log,
    place: LogPlace,
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        LogJson::new(&self.log, &self.place).serialize(serializer)
    }
}

fn get_logs(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Vec<Found>, RpcError> {
    let limits = &context.limits;
    let json = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let (filter, blocks) = LogFilter::parse(json, limits.logs_addresses_max)
        .map_err(|reason| RpcError::argument(0, reason))?;
    let reader = context.store.reader()?;
    search(context, &reader, &filter, blocks, cancel)
}

/// The logs of `blocks`.
pub(super) fn search(
    context: &Context,
    reader: &Reader,
    filter: &LogFilter,
    blocks: Blocks,
    cancel: &Cancel,
) -> Result<Vec<Found>, RpcError> {
    let limits = &context.limits;
    let (from, to) = range(reader, blocks)?;
    let blocks = to - from + 1;
    if filter.is_unfiltered() && blocks > limits.logs_unfiltered_blocks_max {
        let most = limits.logs_unfiltered_blocks_max;
        let reason =
            format!("query covers {blocks} blocks, at most {most} without addresses and topics");
        return Err(RpcError::LogLimit { reason, from, to: from + most - 1 });
    }
    let mut search = Search {
        reader,
        filter,
        limits,
        first: from,
        deadline: Instant::now() + Duration::from_millis(limits.logs_time_ms_max),
        found: Vec::new(),
        bytes: 0,
    };
    if filter.is_unfiltered() || blocks <= BLOOM_BLOCKS {
        search.blocks(from..=to, cancel)?;
    } else {
        let mut windows = reader.log_blocks(&filter.keys(), from, to);
        loop {
            search.check(windows.next_block())?;
            let Some(window) = windows.next() else { break };
            search.blocks(window?, cancel)?;
        }
    }
    Ok(search.found)
}

/// The logs of the blocks `from` to `to` as far as the limits of one search go, and the last block
/// whose logs are among them: where a caller goes on who does not mind to ask again.
pub(super) fn page(
    context: &Context,
    reader: &Reader,
    filter: &LogFilter,
    (from, to): (u64, u64),
    cancel: &Cancel,
) -> Result<(Vec<Found>, u64), RpcError> {
    let limits = &context.limits;
    let to = if filter.is_unfiltered() {
        to.min(from.saturating_add(limits.logs_unfiltered_blocks_max.max(1) - 1))
    } else {
        to
    };
    let mut search = Search {
        reader,
        filter,
        limits,
        first: from,
        deadline: Instant::now() + Duration::from_millis(limits.logs_time_ms_max),
        found: Vec::new(),
        bytes: 0,
    };
    for number in from..=to {
        if cancel.is_cancelled() {
            return Err(RpcError::Cancelled);
        }
        match search.block(number) {
            Ok(()) => {}
            Err(RpcError::LogLimit { to, .. }) => {
                search.found.retain(|found| found.place.block_number <= to);
                return Ok((search.found, to));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((search.found, to))
}

fn range(reader: &Reader, blocks: Blocks) -> Result<(u64, u64), RpcError> {
    let (from, to) = match blocks {
        Blocks::One(hash) => {
            let number = reader.block_number(hash)?.ok_or(RpcError::HashNotFound)?;
            return Ok((number, number));
        }
        Blocks::Range(BlockId::Pending, _) | Blocks::Range(_, BlockId::Pending) => {
            return Err(RpcError::PendingLogs);
        }
        Blocks::Range(from, to) => (from, to),
    };
    let to = to
        .number(reader)?
        .ok_or(RpcError::BlockRange("block range extends beyond current head block"))?;
    let invalid = RpcError::BlockRange("invalid block range params");
    match from.number(reader)? {
        Some(from) if from <= to => Ok((from, to)),
        _ => Err(invalid),
    }
}

struct Search<'a> {
    reader: &'a Reader,
    filter: &'a LogFilter,
    limits: &'a RpcLimits,
    first: u64,
    deadline: Instant,
    found: Vec<Found>,
    /// Rough length of the answer so far.
    bytes: usize,
}

impl Search<'_> {
    fn blocks(
        &mut self,
        numbers: impl IntoIterator<Item = u64>,
        cancel: &Cancel,
    ) -> Result<(), RpcError> {
        for number in numbers {
            if cancel.is_cancelled() {
                return Err(RpcError::Cancelled);
            }
            self.block(number)?;
        }
        Ok(())
    }

    fn block(&mut self, number: u64) -> Result<(), RpcError> {
        // Also where no block matches: reading a million headers takes its time.
        self.check(number)?;
        let Some(header) = self.reader.header(number)? else {
            return Err(RpcError::HeaderNotFound);
        };
        if !self.filter.may_match(&header.logs_bloom) {
            return Ok(());
        }
        let receipts = self.reader.receipts(number)?.unwrap_or_default();
        let start = self.found.len();
        for (log, place) in matching(self.filter, &header, header.hash(), &receipts) {
            self.bytes = self.bytes.saturating_add(
                LOG_JSON_BYTES + TOPIC_JSON_BYTES * log.topics().len() + 2 * log.data.data.len(),
            );
            self.found.push(Found { log: log.clone(), place });
        }
        self.check(number)?;
        let Some(found) = self.found.get_mut(start..).filter(|found| !found.is_empty()) else {
            return Ok(());
        };
        let hashes = self.reader.transaction_hashes(number)?.unwrap_or_default();
        for Found { place, .. } in found {
            let hash = usize::try_from(place.transaction_index).ok().and_then(|i| hashes.get(i));
            place.transaction_hash = *hash.ok_or_else(|| {
                RpcError::Internal(format!("block {number} has more receipts than transactions"))
            })?;
        }
        Ok(())
    }

    /// Whether the search may go on, with everything before `number` done. One block may hold any
    /// number of logs: nobody could ask for less.
    fn check(&self, number: u64) -> Result<(), RpcError> {
        let RpcLimits { logs_results_max, logs_time_ms_max, response_bytes_max, .. } = self.limits;
        let reason = if self.found.len() > *logs_results_max {
            format!("query returned more than {logs_results_max} results")
        } else if self.bytes > *response_bytes_max {
            format!("query returned more than {response_bytes_max} bytes")
        } else if Instant::now() > self.deadline {
            format!("query took longer than {logs_time_ms_max} ms")
        } else {
            return Ok(());
        };
        if number > self.first {
            return Err(RpcError::LogLimit { reason, from: self.first, to: number - 1 });
        }
        if self.bytes > *response_bytes_max {
            return Err(RpcError::ResponseTooLarge { bytes_max: *response_bytes_max });
        }
        Ok(())
    }
}

/// The logs of a block that match; the place lacks the transaction's hash.
pub(crate) fn matching<'a>(
    filter: &'a LogFilter,
    header: &'a Header,
    hash: B256,
    receipts: &'a [Receipt],
) -> impl Iterator<Item = (&'a Log, LogPlace)> {
    let mut log_index = 0;
    receipts.iter().enumerate().flat_map(move |(index, receipt)| {
        let first = log_index;
        log_index += receipt.logs().len() as u64;
        let logs = if filter.may_match(receipt.logs_bloom()) { receipt.logs() } else { &[] };
        logs.iter().enumerate().filter(|(_, log)| filter.matches(log)).map(move |(offset, log)| {
            let place = LogPlace {
                transaction_index: index as u64,
                log_index: first + offset as u64,
                ..LogPlace::start_of(header, hash)
            };
            (log, place)
        })
    })
}
