//! Receipts: a [list](super::list) of
//! `type: u8 | status: u8 | state root (status 2 only) | cumulative gas: u64 | index of the first
//! log in the block: u32 | RLP list of logs`.
//!
//! Status is 0 (failed), 1 (succeeded) or 2 (before Byzantium: the state root afterwards, EIP-658).
//! The bloom is not stored: it follows from the logs.

use super::{
    decoder::Decoder,
    list::{List, encode_list},
};
use crate::{error::StoreError, reader::StoredReceipt};
use alloy_consensus::{Eip658Value, TxType};
use alloy_primitives::Log;
use alloy_rlp::Encodable;
use mfenx_primitives::Receipt;

const RECEIPTS: &str = "Receipts";
const FAILED: u8 = 0;
const SUCCEEDED: u8 = 1;
const POST_STATE: u8 = 2;

pub(crate) fn encode_receipts(receipts: &[Receipt]) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(256);
    let mut first_log = 0u32;
    encode_list(RECEIPTS, receipts, &mut out, |receipt, out| {
        let (Receipt::Legacy(inner)
        | Receipt::Eip2930(inner)
        | Receipt::Eip1559(inner)
        | Receipt::Eip4844(inner)
        | Receipt::Eip7702(inner)) = receipt;
        let inner = &inner.receipt;
        out.push(receipt.tx_type() as u8);
        match inner.status {
            Eip658Value::Eip658(false) => out.push(FAILED),
            Eip658Value::Eip658(true) => out.push(SUCCEEDED),
            Eip658Value::PostState(root) => {
                out.push(POST_STATE);
                out.extend_from_slice(root.as_slice());
            }
        }
        out.extend_from_slice(&inner.cumulative_gas_used.to_be_bytes());
        out.extend_from_slice(&first_log.to_be_bytes());
        inner.logs.encode(out);
        // A list longer than 4 GiB is refused, and a log has more than one byte.
        first_log = first_log.saturating_add(inner.logs.len() as u32);
    })?;
    Ok(out)
}

/// Encoded receipts, to be decoded as far as needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipts<'a>(List<'a>);

impl<'a> Receipts<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, StoreError> {
        let list = List::decode(RECEIPTS, bytes)?;
        Decoder::new(RECEIPTS, list.tail()).finish()?;
        Ok(Self(list))
    }

    /// The receipt at `index`, with what its predecessors say about it.
    pub(crate) fn get(&self, index: usize) -> Result<Option<StoredReceipt>, StoreError> {
        let Some(item) = self.0.get(index)? else { return Ok(None) };
        let (receipt, first_log_index) = decode_receipt(item)?;
        let before = match index.checked_sub(1).map(|previous| self.0.get(previous)).transpose()? {
            Some(Some(previous)) => Prefix::decode(&mut Decoder::new(RECEIPTS, previous))?.gas,
            _ => 0,
        };
        let corrupt = StoreError::Corrupt { table: RECEIPTS, reason: "cumulative gas decreases" };
        let gas_used = receipt.cumulative_gas_used().checked_sub(before).ok_or(corrupt)?;
        Ok(Some(StoredReceipt { receipt, gas_used, first_log_index }))
    }

    /// Length of the receipt at `index` as it is stored, in bytes.
    pub(crate) fn length(&self, index: usize) -> Result<Option<usize>, StoreError> {
        Ok(self.0.get(index)?.map(<[u8]>::len))
    }

    /// The gas that the block had used after each transaction, without looking at the logs.
    pub(crate) fn cumulative_gas(&self) -> Result<Vec<u64>, StoreError> {
        let prefix = |item| Prefix::decode(&mut Decoder::new(RECEIPTS, item));
        self.0.iter().map(|item| Ok(prefix(item?)?.gas)).collect()
    }

    pub(crate) fn decode(&self) -> Result<Vec<Receipt>, StoreError> {
        self.0.iter().map(|item| Ok(decode_receipt(item?)?.0)).collect()
    }
}

/// What stands before the logs.
struct Prefix {
    kind: TxType,
    status: Eip658Value,
    gas: u64,
    first_log: u32,
}

impl Prefix {
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let kind = TxType::try_from(decoder.u8()?)
            .map_err(|_| decoder.corrupt("unknown transaction type"))?;
        let status = match decoder.u8()? {
            FAILED => Eip658Value::Eip658(false),
            SUCCEEDED => Eip658Value::Eip658(true),
            POST_STATE => Eip658Value::PostState(decoder.b256()?),
            _ => return Err(decoder.corrupt("unknown receipt status")),
        };
        Ok(Self { kind, status, gas: decoder.u64()?, first_log: decoder.u32()? })
    }
}

fn decode_receipt(item: &[u8]) -> Result<(Receipt, u64), StoreError> {
    let mut decoder = Decoder::new(RECEIPTS, item);
    let Prefix { kind, status, gas, first_log } = Prefix::decode(&mut decoder)?;
    let logs = decoder.rlp::<Vec<Log>>()?;
    decoder.finish()?;
    let receipt = alloy_consensus::Receipt { status, cumulative_gas_used: gas, logs };
    Ok((Receipt::from_typed(kind, receipt.with_bloom()), u64::from(first_log)))
}
