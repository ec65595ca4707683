//! `trace_filter`: calls between given accounts. An index says which transactions they took part in;
//! only those are run again, with what stands before them in their blocks.

use super::{
    blocks::List,
    replay::{BlockRun, Wanted},
};
use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    input::object,
    method::{Method, Param},
    params::{Args, quantity, unquote, without_position},
    recording::{Answer, TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::Address;
use alloy_rpc_types_trace::{
    filter::{TraceFilter, TraceFilterMatcher, TraceFilterMode},
    parity::LocalizedTransactionTrace,
};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::pays_rewards;
use mfenx_storage::{Order, Reader};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::BTreeSet, ops::Range};

/// Places of each account that are taken from the index at a time.
const PLACES: usize = 256;

const FILTER: Method = Method {
    name: "trace_filter",
    summary: "The calls from and to given accounts in a range of blocks.",
    params: &[Param::required("filter", "TraceFilter")],
    result: "LocalizedTrace[]",
    example: r#"[{"fromBlock":"0x1","toBlock":"0x4","toAddress":["0x5fbdb2315678afecb367f032d93f642f64180aa3"],"count":2}]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work_json(Class::Traces, &FILTER, filter)
}

/// The parameter. Without blocks it covers all there are; both lists together mean calls from one
/// of the first to one of the second, unless the mode is `union`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FilterJson<'a> {
    #[serde(borrow)]
    from_block: Option<&'a RawValue>,
    #[serde(borrow)]
    to_block: Option<&'a RawValue>,
    from_address: Option<Vec<Address>>,
    to_address: Option<Vec<Address>>,
    mode: Option<TraceFilterMode>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    count: Option<&'a RawValue>,
}

/// A number in decimal digits or a quantity.
fn number(json: Option<&RawValue>) -> Result<Option<u64>, RpcError> {
    let Some(json) = json.map(RawValue::get).filter(|json| *json != "null") else {
        return Ok(None);
    };
    match json.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => unquote(json)
            .and_then(quantity)
            .map(Some)
            .map_err(|reason| RpcError::argument(0, reason)),
    }
}

fn block(json: Option<&RawValue>, missing: BlockId) -> Result<BlockId, RpcError> {
    match json.map(RawValue::get).filter(|json| *json != "null") {
        None => Ok(missing),
        Some(json) => BlockId::parse(json).map_err(|reason| RpcError::argument(0, reason)),
    }
}

fn filter(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Answer, RpcError> {
    let json = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let wanted: FilterJson<'_> =
        object(json).map_err(|error| RpcError::argument(0, without_position(&error)))?;
    let (after, count) = (number(wanted.after)?.unwrap_or(0), number(wanted.count)?);
    let from_address = wanted.from_address.unwrap_or_default();
    let to_address = wanted.to_address.unwrap_or_default();
    let (limits, most) = (&context.limits, context.limits.trace_addresses_max);
    if from_address.len().max(to_address.len()) > most {
        return Err(RpcError::argument(0, format!("too many addresses, want at most {most}")));
    }
    let reader = context.store.reader()?;
    let head = reader.head()?.number;
    let from = block(wanted.from_block, BlockId::Earliest)?;
    let to = block(wanted.to_block, BlockId::Latest)?;
    // What is not there yet has no calls.
    let to = to.number(&reader)?.unwrap_or(head);
    let Some(from) = from.number(&reader)? else { return Ok(Some(List::new(context).finish())) };
    if from > to {
        return Err(RpcError::BlockRange("invalid block range params"));
    }
    let mode = wanted.mode.unwrap_or_default();
    // A reward comes from nobody.
    let union = mode == TraceFilterMode::Union;
    let rewards_match = !to_address.is_empty() && (union || from_address.is_empty());
    let accounts = accounts(&from_address, &to_address, mode);
    let filter = TraceFilter { from_address, to_address, mode, ..TraceFilter::default() };
    let time = TraceTime::starting(limits, None, cancel);
    let mut search = Search {
        context,
        reader: &reader,
        time: &time,
        matcher: filter.matcher(),
        skip: after,
        left: count.unwrap_or(u64::MAX),
        list: List::new(context),
        results: 0,
        rewards_match,
        current: from,
    };
    let found = match &accounts {
        None => search.all(from, to),
        Some(accounts) => search.of(accounts, from, to),
    };
    match found {
        Ok(()) => Ok(Some(search.list.finish())),
        Err(error) => Err(search.advice(error, from)),
    }
}

/// Accounts of which one took part in every call that matches; none for any.
fn accounts(from: &[Address], to: &[Address], mode: TraceFilterMode) -> Option<BTreeSet<Address>> {
    let sides = match (mode, from, to) {
        (_, [], []) => return None,
        (TraceFilterMode::Union, from, to) => from.iter().chain(to),
        (TraceFilterMode::Intersection, [], one) | (TraceFilterMode::Intersection, one, []) => {
            one.iter().chain(&[])
        }
        // Both must match, so the shorter list will do.
        (TraceFilterMode::Intersection, from, to) => {
            if from.len() <= to.len() { from } else { to }.iter().chain(&[])
        }
    };
    Some(sides.copied().collect())
}

struct Search<'s> {
    context: &'s Context,
    reader: &'s Reader,
    time: &'s TraceTime<'s>,
    matcher: TraceFilterMatcher,
    /// Matches still to pass over.
    skip: u64,
    /// Matches still wanted.
    left: u64,
    list: List,
    results: usize,
    /// Whether the filter can match a reward.
    rewards_match: bool,
    /// The block that is looked at.
    current: u64,
}

impl Search<'_> {
    /// Every block of a short range.
    fn all(&mut self, from: u64, to: u64) -> Result<(), RpcError> {
        let (blocks, most) = (to - from + 1, self.context.limits.trace_unfiltered_blocks_max);
        if blocks > most {
            let reason = format!("query covers {blocks} blocks, at most {most} without addresses");
            return Err(RpcError::LogLimit { reason, from, to: from + most - 1 });
        }
        for number in from..=to {
            if self.left == 0 {
                break;
            }
            self.block(number, Wanted::All)?;
        }
        Ok(())
    }

    /// The transactions that the index has of these accounts, some at a time, block by block.
    fn of(&mut self, accounts: &BTreeSet<Address>, from: u64, to: u64) -> Result<(), RpcError> {
        let mut start = from;
        while self.left > 0 && start <= to {
            let (places, known) = self.places(accounts, start, to)?;
            for of_block in places.chunk_by(|one, other| one.0 == other.0) {
                let Some((number, _)) = of_block.first() else { continue };
                self.rewards(start..*number)?;
                let indices: Vec<_> = of_block.iter().map(|(_, index)| *index as usize).collect();
                self.block(*number, Wanted::Some(&indices))?;
                start = *number + 1;
                if self.left == 0 {
                    return Ok(());
                }
            }
            self.rewards(start..known + 1)?;
            start = known + 1;
        }
        Ok(())
    }

    /// Places of these accounts in order, from block `start` on, and the block up to which they
    /// are all of them.
    fn places(
        &self,
        accounts: &BTreeSet<Address>,
        start: u64,
        to: u64,
    ) -> Result<(Vec<(u64, u32)>, u64), RpcError> {
        let (mut places, mut known) = (BTreeSet::new(), to);
        for account in accounts {
            self.time.check()?;
            let look = |to: u64, limit: usize| {
                let (from, to, order) = ((start, 0), (to, u32::MAX), Order::Ascending);
                self.reader.transactions_touching(*account, from, to, order, limit)
            };
            let mut found = look(known, PLACES)?;
            match found.last() {
                Some((last, _)) if found.len() == PLACES && *last > start => known = *last - 1,
                Some(_) if found.len() == PLACES => {
                    // More in one block than are taken at a time; a block has only so many.
                    (found, known) = (look(start, usize::MAX)?, start);
                }
                _ => {}
            }
            places.extend(found);
        }
        Ok((places.into_iter().filter(|(number, _)| *number <= known).collect(), known))
    }

    fn block(&mut self, number: u64, wanted: Wanted<'_>) -> Result<(), RpcError> {
        self.current = number;
        self.time.check()?;
        if number == 0 {
            return Ok(());
        }
        let (block, state) = block_after_parent(self.context, self.reader, number)?;
        let run = BlockRun { context: self.context, time: self.time, block: &block.block };
        run.calls(state, wanted, &mut |trace| self.take(&trace))?;
        if self.left > 0 {
            for reward in run.rewards() {
                self.take(&reward)?;
            }
        }
        Ok(())
    }

    /// Blocks before the merge without a call that matches may still pay a reward that does.
    fn rewards(&mut self, numbers: Range<u64>) -> Result<(), RpcError> {
        if !self.rewards_match {
            return Ok(());
        }
        for number in numbers.skip_while(|number| *number == 0) {
            if !pays_rewards(&self.context.spec, number) || self.left == 0 {
                break;
            }
            self.block(number, Wanted::Some(&[]))?;
        }
        Ok(())
    }

    /// Adds a trace if it matches; says whether more are wanted.
    fn take(&mut self, trace: &LocalizedTransactionTrace) -> Result<bool, RpcError> {
        if self.left == 0 || !self.matcher.matches(&trace.trace) {
            return Ok(self.left > 0);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(true);
        }
        let most = self.context.limits.trace_results_max;
        if self.results == most {
            let reason = format!("query returns more than {most} traces");
            return Err(RpcError::LogLimit { reason, from: 0, to: 0 });
        }
        self.results += 1;
        self.left -= 1;
        self.list.push(trace)?;
        Ok(self.left > 0)
    }

    /// What to ask for instead of a range that was too much from block `from` on.
    fn advice(&self, error: RpcError, from: u64) -> RpcError {
        let reason = match error {
            RpcError::LogLimit { reason, from: 0, to: 0 } => reason,
            RpcError::TraceTimeout { milliseconds } => {
                format!("query took longer than {milliseconds} ms")
            }
            RpcError::TraceTooLarge { bytes_max } => {
                format!("query records more than {bytes_max} bytes")
            }
            other => return other,
        };
        RpcError::LogLimit { reason, from, to: self.current.saturating_sub(1).max(from) }
    }
}
