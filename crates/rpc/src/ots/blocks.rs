//! Blocks as Otterscan's pages show them: their details, and their transactions page by page.

use super::{
    issuance::Issuance,
    number,
    receipt::SlimReceipt,
    transaction::{Entry, entry},
};
use crate::{
    block_cache::CachedBlock,
    block_id::BlockId,
    context::Context,
    error::RpcError,
    eth::block::blob_gas_price,
    json::{HeaderJson, Quantity},
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::Transaction as _;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{B256, U256};
use alloy_rlp::Encodable;
use jsonrpsee::core::RegisterMethodError;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_primitives::{Header, RecoveredBlock};
use mfenx_storage::Reader;
use serde::{Serialize, Serializer};
use std::{ops::Range, sync::Arc};

const DETAILS: Method = Method {
    name: "ots_getBlockDetails",
    summary: "A block without its transactions, what it issued, and the fees of its senders.",
    params: &[Param::required("block", "BlockNumberPlain")],
    result: "BlockDetails|null",
    example: r#"[2]"#,
};

const DETAILS_BY_HASH: Method = Method {
    name: "ots_getBlockDetailsByHash",
    summary: "A block without its transactions, what it issued, and the fees of its senders.",
    params: &[Param::required("hash", "Hash32")],
    result: "BlockDetails|null",
    example: r#"["0xbba3a223c860dfe129ae16188c47d8c1a1050f9a4268776064eeb3a5da00686b"]"#,
};

const TRANSACTIONS: Method = Method {
    name: "ots_getBlockTransactions",
    summary: "A page of a block's transactions and receipts. Page 0 ends with the last of them.",
    params: &[
        Param::required("block", "BlockNumberPlain"),
        Param::required("page", "Number"),
        Param::required("pageSize", "Number"),
    ],
    result: "BlockTransactionsPage|null",
    example: r#"[2,0,2]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &DETAILS, details)?;
    registry.work(Class::Reads, &DETAILS_BY_HASH, details_by_hash)?;
    registry.work(Class::Reads, &TRANSACTIONS, transactions)
}

/// A block with a count instead of its transactions. The total difficulty is known of chains that
/// began after the merge: it is the genesis block's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockJson<'a, T> {
    #[serde(flatten)]
    header: HeaderJson<'a>,
    size: Quantity<u64>,
    uncles: Vec<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawals: Option<&'a [Withdrawal]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_difficulty: Option<Quantity<U256>>,
    transaction_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<T>,
}

impl<'a, T> BlockJson<'a, T> {
    fn new(block: &'a RecoveredBlock, total_difficulty: Option<U256>, page: Option<T>) -> Self {
        let body = block.body();
        Self {
            header: HeaderJson::new(block.header(), block.hash()),
            size: Quantity(block.block().length() as u64),
            uncles: body.ommers.iter().map(Header::hash_slow).collect(),
            withdrawals: body.withdrawals.as_ref().map(|list| list.0.as_slice()),
            total_difficulty: total_difficulty.map(Quantity),
            transaction_count: body.transactions.len(),
            transactions: page,
        }
    }
}

fn total_difficulty(spec: &ChainSpec) -> Option<U256> {
    spec.is_paris_active_at_block(0).then(|| spec.genesis_header().difficulty)
}

struct Details {
    block: Arc<CachedBlock>,
    total_difficulty: Option<U256>,
    issuance: Issuance,
    /// What all senders paid for gas, in wei; that for blobs is not among it.
    total_fees: U256,
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Json<'a> {
            block: BlockJson<'a, ()>,
            issuance: &'a Issuance,
            total_fees: Quantity<U256>,
        }
        Json {
            block: BlockJson::new(&self.block.block, self.total_difficulty, None),
            issuance: &self.issuance,
            total_fees: Quantity(self.total_fees),
        }
        .serialize(serializer)
    }
}

fn details(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Option<Details>, RpcError> {
    details_of(context, number::block(args, 0)?)
}

fn details_by_hash(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<Details>, RpcError> {
    details_of(context, BlockId::Hash(args.hash(0)?))
}

fn details_of(context: &Context, id: BlockId) -> Result<Option<Details>, RpcError> {
    let reader = context.store.reader()?;
    let Some(block) = find(context, &reader, id)? else { return Ok(None) };
    let (header, body) = (block.block.header(), block.block.body());
    let gas = reader.cumulative_gas(header.number)?.ok_or(RpcError::HeaderNotFound)?;
    let mut before = 0;
    let fees = body.transactions.iter().zip(gas).map(|(transaction, after)| {
        let gas = after.saturating_sub(before);
        before = after;
        let price = transaction.effective_gas_price(header.base_fee_per_gas);
        U256::from(price).saturating_mul(U256::from(gas))
    });
    let total_fees = fees.fold(U256::ZERO, U256::saturating_add);
    Ok(Some(Details {
        total_difficulty: total_difficulty(&context.spec),
        issuance: Issuance::of(&context.spec, header, body),
        total_fees,
        block,
    }))
}

/// A committed block; none when it is unknown or pending.
fn find(
    context: &Context,
    reader: &Reader,
    id: BlockId,
) -> Result<Option<Arc<CachedBlock>>, RpcError> {
    if id == BlockId::Pending {
        return Ok(None);
    }
    let Some(number) = id.number(reader)? else { return Ok(None) };
    context.blocks.get(reader, number)
}

struct Page {
    block: Arc<CachedBlock>,
    total_difficulty: Option<U256>,
    transactions: Vec<Entry>,
    receipts: Vec<SlimReceipt>,
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            fullblock: BlockJson<'a, &'a [Entry]>,
            receipts: &'a [SlimReceipt],
        }
        let transactions = Some(self.transactions.as_slice());
        Json {
            fullblock: BlockJson::new(&self.block.block, self.total_difficulty, transactions),
            receipts: &self.receipts,
        }
        .serialize(serializer)
    }
}

fn transactions(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Option<Page>, RpcError> {
    let (id, page) = (number::block(args, 0)?, number::plain(args, 1)?);
    let size = page_size(context, args)?;
    let reader = context.store.reader()?;
    let Some(block) = find(context, &reader, id)? else { return Ok(None) };
    let receipts = block.receipts(&reader)?;
    let blob_gas_price = blob_gas_price(&context.spec, block.block.header());
    let range = page_range(receipts.len(), page, size);
    let entries = range.filter_map(|index| entry(&block, receipts, index, blob_gas_price));
    let (transactions, receipts) =
        entries.map(|(entry, receipt)| (entry.cropped(), receipt)).unzip();
    let total_difficulty = total_difficulty(&context.spec);
    Ok(Some(Page { total_difficulty, transactions, receipts, block }))
}

/// The third parameter: how many transactions a page has.
pub(super) fn page_size(context: &Context, args: &Args<'_>) -> Result<usize, RpcError> {
    let most = context.limits.ots_page_size_max;
    usize::try_from(number::plain(args, 2)?)
        .ok()
        .filter(|size| *size <= most)
        .ok_or_else(|| RpcError::argument(2, format!("max allowed page size: {most}")))
}

/// Pages are counted from the end, for an explorer shows the latest first; their order stays.
fn page_range(count: usize, page: u64, size: usize) -> Range<usize> {
    let skipped = usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(size);
    let end = count.saturating_sub(skipped);
    end.saturating_sub(size)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_from_the_end() {
        assert_eq!(page_range(60, 0, 25), 35..60);
        assert_eq!(page_range(60, 2, 25), 0..10);
        assert_eq!(page_range(60, 3, 25), 0..0);
        assert_eq!(page_range(60, u64::MAX, 25), 0..0);
        assert_eq!(page_range(0, 0, 25), 0..0);
    }
}
