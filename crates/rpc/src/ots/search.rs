//! The history of an account: the transactions in which it took part, page by page.
//!
//! Candidates come from the index, which knows every transaction that touched the account. Sender,
//! recipient and created contract are seen at once; whether the account took part in a call inside
//! is found out by running the block again up to there.
//!
//! A page holds whole blocks: once it is full, what is left of the block still goes in.

use super::{
    blocks::page_size,
    candidates::Candidates,
    number,
    parties::Parties,
    receipt::SlimReceipt,
    transaction::{Entry, entry},
};
use crate::{
    block_cache::CachedBlock,
    context::Context,
    error::RpcError,
    eth::block::blob_gas_price,
    method::{Method, Param},
    params::Args,
    recording::{TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::Replay;
use mfenx_primitives::{RecoveredBlock, Transaction};
use mfenx_storage::{Order, Reader, StateView};
use serde::Serialize;
use std::sync::Arc;

const PARAMS: &[Param] = &[
    Param::required("address", "Address"),
    Param::required("block", "Number"),
    Param::required("pageSize", "Number"),
];

const BEFORE: Method = Method {
    name: "ots_searchTransactionsBefore",
    summary: "Transactions of an account before a block, the latest first; 0 means from the head.",
    params: PARAMS,
    result: "TransactionsPage",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",0,2]"#,
};

const AFTER: Method = Method {
    name: "ots_searchTransactionsAfter",
    summary: "Transactions of an account after a block, the latest first; 0 means from genesis.",
    params: PARAMS,
    result: "TransactionsPage",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",0,2]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Traces, &BEFORE, before)?;
    registry.work(Class::Traces, &AFTER, after)
}

/// Both lists in the same order, the latest first; `first_page` is the one that reaches the head,
/// `last_page` the one that reaches genesis.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    txs: Vec<Entry>,
    receipts: Vec<SlimReceipt>,
    first_page: bool,
    last_page: bool,
}

fn before(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Page, RpcError> {
    let (account, block) = (args.address(0)?, number::plain(args, 1)?);
    let size = page_size(context, args)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let head = reader.head()?.number;
    let from_head = block == 0 || block > head;
    let end = if from_head { head } else { block - 1 };
    let search = Search { context, reader: &reader, account, time: &time };
    let mut candidates = Candidates::new(&reader, account, 0..=end, Order::Descending);
    let (txs, receipts) = search.page(&mut candidates, size)?;
    let last_page = !search.has_more(&mut candidates)?;
    Ok(Page { txs, receipts, first_page: from_head, last_page })
}

fn after(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Page, RpcError> {
    let (account, block) = (args.address(0)?, number::plain(args, 1)?);
    let size = page_size(context, args)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    let head = reader.head()?.number;
    let start = if block == 0 { 0 } else { block.saturating_add(1) };
    let search = Search { context, reader: &reader, account, time: &time };
    let mut candidates = Candidates::new(&reader, account, start..=head, Order::Ascending);
    let (mut txs, mut receipts) = search.page(&mut candidates, size)?;
    txs.reverse();
    receipts.reverse();
    let first_page = !search.has_more(&mut candidates)?;
    Ok(Page { txs, receipts, first_page, last_page: block == 0 })
}

struct Search<'s> {
    context: &'s Context,
    reader: &'s Reader,
    account: Address,
    time: &'s TraceTime<'s>,
}

impl Search<'_> {
    /// What the candidates hold, in their order, until there are `size` or more.
    fn page(
        &self,
        candidates: &mut Candidates<'_>,
        size: usize,
    ) -> Result<(Vec<Entry>, Vec<SlimReceipt>), RpcError> {
        let (mut txs, mut receipts) = (Vec::new(), Vec::new());
        while txs.len() < size {
            let Some((number, places)) = candidates.next_block()? else { break };
            let (block, places) = self.matches(number, &places)?;
            let of_block = block.receipts(self.reader)?;
            let blob_gas_price = blob_gas_price(&self.context.spec, block.block.header());
            let entries =
                places.iter().filter_map(|index| entry(&block, of_block, *index, blob_gas_price));
            let (mut entries, mut slim): (Vec<_>, Vec<_>) = entries.unzip();
            if candidates.order() == Order::Descending {
                entries.reverse();
                slim.reverse();
            }
            txs.append(&mut entries);
            receipts.append(&mut slim);
        }
        Ok((txs, receipts))
    }

    /// Whether there is anything behind the page.
    fn has_more(&self, candidates: &mut Candidates<'_>) -> Result<bool, RpcError> {
        while let Some((number, places)) = candidates.next_block()? {
            if !self.matches(number, &places)?.1.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those of the places in a block where the account took part, in rising order.
    fn matches(
        &self,
        number: u64,
        places: &[usize],
    ) -> Result<(Arc<CachedBlock>, Vec<usize>), RpcError> {
        self.time.check()?;
        let (block, state) = block_after_parent(self.context, self.reader, number)?;
        let (mut matches, unsure): (Vec<_>, Vec<_>) =
            places.iter().partition(|index| is_party(&block.block, **index, self.account));
        if !unsure.is_empty() {
            self.look_inside(&block.block, state, &unsure, &mut matches)?;
            matches.sort_unstable();
        }
        Ok((block, matches))
    }

    fn look_inside(
        &self,
        block: &RecoveredBlock,
        state: StateView<'_>,
        unsure: &[usize],
        matches: &mut Vec<usize>,
    ) -> Result<(), RpcError> {
        let mut interrupt = || self.time.is_up();
        let (spec, parties) = (&self.context.spec, Parties::new(self.account));
        let replay = Replay::of_block(spec, state, block.header(), parties, &mut interrupt);
        let mut replay = replay.map_err(|error| self.time.error(error))?;
        let mut unsure = unsure.iter().copied().peekable();
        for (index, (transaction, sender)) in block.transactions_with_sender().enumerate() {
            let Some(next) = unsure.peek() else { break };
            if *next != index {
                replay.skip(transaction, sender).map_err(|error| self.time.error(error))?;
                continue;
            }
            let result = replay.inspect(transaction, sender);
            replay.keep(result.map_err(|error| self.time.error(error))?.state);
            let inspector = replay.inspector_mut();
            if std::mem::take(&mut inspector.found) {
                matches.push(index);
            }
            unsure.next();
        }
        Ok(())
    }
}

/// Whether the account sent the transaction, received it, or was created by it.
pub(super) fn is_party(block: &RecoveredBlock, index: usize, account: Address) -> bool {
    let (Some(transaction), Some(sender)) =
        (block.transactions().get(index), block.senders().get(index))
    else {
        return false;
    };
    *sender == account || recipient(transaction, *sender) == account
}

/// Whom a transaction calls or creates.
pub(super) fn recipient(transaction: &Transaction, sender: Address) -> Address {
    transaction.to().unwrap_or_else(|| sender.create(transaction.nonce()))
}
