//! What gas costs, and what to offer for it.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    eth::block::blob_gas_price,
    json::Quantity,
    method::{Method, Param},
    params::{self, Args},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::Transaction as _;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::next_excess_blob_gas;
use mfenx_primitives::{Header, SealedHeader};
use mfenx_storage::Reader;
use serde::Serialize;
use std::time::{Duration, Instant};

const BASE_FEE: Method = Method {
    name: "eth_baseFee",
    summary: "The base fee of the next block in wei a gas; null before London.",
    params: &[],
    result: "Quantity|null",
    example: "[]",
};

const BLOB_BASE_FEE: Method = Method {
    name: "eth_blobBaseFee",
    summary: "The blob base fee of the head in wei a blob gas; zero before Cancun.",
    params: &[],
    result: "Quantity",
    example: "[]",
};

const GAS_PRICE: Method = Method {
    name: "eth_gasPrice",
    summary: "A gas price with which a legacy transaction is likely to be taken soon, in wei.",
    params: &[],
    result: "Quantity",
    example: "[]",
};

const MAX_PRIORITY_FEE: Method = Method {
    name: "eth_maxPriorityFeePerGas",
    summary: "The tip that recent blocks suggest, in wei a gas.",
    params: &[],
    result: "Quantity",
    example: "[]",
};

const FEE_HISTORY: Method = Method {
    name: "eth_feeHistory",
    summary: "Base fees, fullness and tips of a range of blocks, and the base fee after it.",
    params: &[
        Param::required("blockCount", "BlockCount"),
        Param::required("newestBlock", "BlockNumberOrTag"),
        Param::optional("rewardPercentiles", "Percentile[]"),
    ],
    result: "FeeHistory",
    example: r#"["0x2","latest",[25,75]]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&BASE_FEE, base_fee)?;
    registry.inline(&BLOB_BASE_FEE, blob_base_fee)?;
    registry.inline_or_work(Class::Reads, &GAS_PRICE, known_gas_price, gas_price)?;
    registry.inline_or_work(Class::Reads, &MAX_PRIORITY_FEE, known_tip, tip)?;
    registry.work(Class::Reads, &FEE_HISTORY, fee_history)
}

/// Of the next block.
fn base_fee(context: &Context, _: &Args<'_>) -> Result<Option<Quantity<u64>>, RpcError> {
    Ok(context.spec.next_base_fee(&context.head.borrow()).map(Quantity))
}

/// Of the head; zero before Cancun.
fn blob_base_fee(context: &Context, _: &Args<'_>) -> Result<Quantity<u128>, RpcError> {
    let price = blob_gas_price(&context.spec, &context.head.borrow());
    Ok(Quantity(price.unwrap_or_default()))
}

fn known_tip(context: &Context, _: &Args<'_>) -> Result<Option<Quantity<u128>>, RpcError> {
    let head = context.head.borrow().hash();
    Ok(context.fees.known(head).map(Quantity))
}

fn tip(context: &Context, _: &Args<'_>, _: &Cancel) -> Result<Quantity<u128>, RpcError> {
    Ok(Quantity(context.fees.suggest(&context.store.reader()?)?))
}

/// The suggested tip on top of the higher of two base fees: the head's and the next block's.
fn with_base_fee(context: &Context, head: &SealedHeader, tip: u128) -> Quantity<u128> {
    let next = context.spec.next_base_fee(head).unwrap_or_default();
    let base_fee = head.base_fee_per_gas.unwrap_or_default().max(next);
    Quantity(tip.saturating_add(u128::from(base_fee)))
}

fn known_gas_price(context: &Context, _: &Args<'_>) -> Result<Option<Quantity<u128>>, RpcError> {
    let head = context.head.borrow();
    let tip = context.fees.known(head.hash());
    Ok(tip.map(|tip| with_base_fee(context, &head, tip)))
}

fn gas_price(context: &Context, _: &Args<'_>, _: &Cancel) -> Result<Quantity<u128>, RpcError> {
    let reader = context.store.reader()?;
    let head = BlockId::Latest.header(&reader)?;
    Ok(with_base_fee(context, &head, context.fees.suggest(&reader)?))
}

/// Fees of a range of blocks and of the block after it. A price or ratio that the fork does not
/// have is zero.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    oldest_block: Option<Quantity<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<Vec<Vec<Quantity<u128>>>>,
    base_fee_per_gas: Vec<Quantity<u64>>,
    gas_used_ratio: Vec<f64>,
    base_fee_per_blob_gas: Vec<Quantity<u128>>,
    blob_gas_used_ratio: Vec<f64>,
}

fn fee_history(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<FeeHistory, RpcError> {
    let (count, newest) = (block_count(args)?, args.block_number(1)?);
    let percentiles = percentiles(context, args)?;
    let reader = context.store.reader()?;
    let newest = match newest.number(&reader)? {
        Some(number) => number,
        None => return Err(RpcError::BlockRange("request beyond head block")),
    };
    let count = count.min(context.limits.fee_history_blocks_max).min(newest + 1);
    if count == 0 {
        return Ok(FeeHistory { oldest_block: Some(Quantity(0)), ..FeeHistory::default() });
    }
    let oldest = newest + 1 - count;
    let mut history = FeeHistory {
        oldest_block: Some(Quantity(oldest)),
        reward: percentiles.as_ref().map(|_| Vec::new()),
        ..FeeHistory::default()
    };
    let deadline = Instant::now() + Duration::from_millis(context.limits.fee_history_time_ms_max);
    for number in oldest..=newest {
        if cancel.is_cancelled() {
            return Err(RpcError::Cancelled);
        }
        if Instant::now() > deadline {
            return Err(RpcError::RequestTimeout);
        }
        let Some(header) = reader.header(number)? else { return Err(RpcError::HeaderNotFound) };
        history.push(context, &header, number == newest);
        if let (Some(rewards), Some(percentiles)) = (&mut history.reward, &percentiles) {
            rewards.push(reward(&reader, &header, percentiles)?);
        }
    }
    Ok(history)
}

impl FeeHistory {
    fn push(&mut self, context: &Context, header: &Header, last: bool) {
        let spec = &context.spec;
        let blobs = spec.blob_params_at(header.timestamp);
        self.base_fee_per_gas.push(Quantity(header.base_fee_per_gas.unwrap_or_default()));
        self.gas_used_ratio.push(ratio(header.gas_used, header.gas_limit));
        let price = blob_gas_price(spec, header).unwrap_or_default();
        self.base_fee_per_blob_gas.push(Quantity(price));
        let blob_gas_max = blobs.map_or(0, |blobs| blobs.max_blob_gas_per_block());
        self.blob_gas_used_ratio
            .push(ratio(header.blob_gas_used.unwrap_or_default(), blob_gas_max));
        if last {
            self.base_fee_per_gas.push(Quantity(spec.next_base_fee(header).unwrap_or_default()));
            let price = blobs
                .map(|blobs| blobs.calc_blob_fee(next_excess_blob_gas(&blobs, header)))
                .unwrap_or_default();
            self.base_fee_per_blob_gas.push(Quantity(price));
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A number in hexadecimal, or in decimal as go-ethereum allows here.
fn block_count(args: &Args<'_>) -> Result<u64, RpcError> {
    let text = args.json(0).ok_or(RpcError::MissingArgument { index: 0 })?;
    let text = params::unquote(text).unwrap_or(text);
    text.parse().or_else(|_| params::quantity(text)).map_err(|reason| RpcError::argument(0, reason))
}

fn percentiles(context: &Context, args: &Args<'_>) -> Result<Option<Vec<f64>>, RpcError> {
    let Some(percentiles) = args.optional::<Vec<f64>>(2)? else { return Ok(None) };
    let most = context.limits.fee_history_percentiles_max;
    if percentiles.len() > most {
        return Err(RpcError::argument(2, format!("over the query limit {most}")));
    }
    let rising = percentiles.is_sorted_by(|a, b| a <= b);
    if !rising || percentiles.iter().any(|percentile| !(0.0..=100.0).contains(percentile)) {
        let reason = "invalid reward percentile: they rise and lie between 0 and 100";
        return Err(RpcError::argument(2, reason));
    }
    Ok((!percentiles.is_empty()).then_some(percentiles))
}

/// The tips paid at these percentiles of the block's gas.
fn reward(
    reader: &Reader,
    header: &Header,
    percentiles: &[f64],
) -> Result<Vec<Quantity<u128>>, RpcError> {
    if header.gas_used == 0 {
        return Ok(vec![Quantity(0); percentiles.len()]);
    }
    let (Some(transactions), Some(cumulative_gas)) =
        (reader.transactions(header.number)?, reader.cumulative_gas(header.number)?)
    else {
        return Err(RpcError::HeaderNotFound);
    };
    let base_fee = header.base_fee_per_gas.unwrap_or_default();
    let mut before = 0;
    let mut tips: Vec<_> = transactions
        .iter()
        .zip(cumulative_gas)
        .map(|(transaction, after)| {
            let gas = after.saturating_sub(before);
            before = after;
            (transaction.effective_tip_per_gas(base_fee).unwrap_or_default(), gas)
        })
        .collect();
    tips.sort_unstable();
    Ok(at_percentiles(&tips, header.gas_used, percentiles).map(Quantity).collect())
}

/// `tips` are pairs of tip and gas in rising order, `percentiles` rise too.
fn at_percentiles(
    tips: &[(u128, u64)],
    gas_used: u64,
    percentiles: &[f64],
) -> impl Iterator<Item = u128> {
    let mut rest = tips.iter();
    let mut current = rest.next();
    let mut gas = current.map_or(0, |(_, gas)| *gas);
    percentiles.iter().map(move |percentile| {
        let threshold = (gas_used as f64 * percentile / 100.0) as u64;
        while gas < threshold {
            let Some(next) = rest.next() else { break };
            gas = gas.saturating_add(next.1);
            current = Some(next);
        }
        current.map_or(0, |(tip, _)| *tip)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_weighed_by_gas() {
        let tips = [(1, 10), (2, 80), (9, 10)];
        let at = |percentiles: &[f64]| at_percentiles(&tips, 100, percentiles).collect::<Vec<_>>();
        assert_eq!(at(&[0.0, 10.0, 11.0, 90.0, 91.0, 100.0]), [1, 1, 2, 2, 9, 9]);
        assert_eq!(at_percentiles(&[], 0, &[50.0]).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_block_count_is_hexadecimal_or_decimal() {
        for (json, count) in [("[\"0x5\"]", 5), ("[5]", 5), ("[\"10\"]", 10), ("[\"0xa\"]", 10)] {
            assert_eq!(block_count(&Args::parse(Some(json), 3).unwrap()).unwrap(), count);
        }
        for json in ["[]", "[\"x\"]", "[-1]", "[1.5]", "[{}]"] {
            assert!(block_count(&Args::parse(Some(json), 3).unwrap()).is_err(), "{json}");
        }
    }
}
