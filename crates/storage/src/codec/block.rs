//! Headers, bodies, senders and the transaction index.
//!
//! - Header: `hash | RLP`. The hash is stored so that reading needs no keccak.
//! - Body: the transactions as EIP-2718 bytes in a [list](super::list), then the RLP list of ommers,
//!   then the RLP list of withdrawals or nothing.
//! - Senders: 20 bytes each.
//! - Transaction index: `number: u64 | index: u32`.

use super::{
    decoder::Decoder,
    list::{List, encode_list},
};
use crate::{error::StoreError, reader::TransactionLocation};
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip4895::Withdrawals,
};
use alloy_primitives::{Address, B256, keccak256};
use alloy_rlp::Encodable;
use mfenx_primitives::{BlockBody, Header, SealedHeader, Transaction};

const HEADERS: &str = "Headers";
const BODIES: &str = "Bodies";
const SENDERS: &str = "Senders";
const INDEX: &str = "TransactionIndex";

pub(crate) fn encode_header(hash: B256, header: &Header) -> Vec<u8> {
    let mut out = Vec::with_capacity(700);
    out.extend_from_slice(hash.as_slice());
    header.encode(&mut out);
    out
}

pub(crate) fn decode_header(bytes: &[u8]) -> Result<SealedHeader, StoreError> {
    let mut decoder = Decoder::new(HEADERS, bytes);
    let hash = decoder.b256()?;
    let header = decoder.rlp()?;
    decoder.finish()?;
    Ok(SealedHeader::new_unchecked(header, hash))
}

/// The hash alone.
pub(crate) fn header_hash(bytes: &[u8]) -> Result<B256, StoreError> {
    Decoder::new(HEADERS, bytes).b256()
}

pub(crate) fn encode_body(body: &BlockBody) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(256);
    encode_list(BODIES, &body.transactions, &mut out, |transaction, out| {
        transaction.encode_2718(out);
    })?;
    body.ommers.encode(&mut out);
    if let Some(withdrawals) = &body.withdrawals {
        withdrawals.encode(&mut out);
    }
    Ok(out)
}

/// An encoded body, to be decoded as far as needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a>(List<'a>);

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, StoreError> {
        Ok(Self(List::decode(BODIES, bytes)?))
    }

    pub(crate) const fn transaction_count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn transaction(&self, index: usize) -> Result<Option<Transaction>, StoreError> {
        self.0.get(index)?.map(decode_transaction).transpose()
    }

    /// EIP-2718: the hash of a transaction is the hash of its bytes.
    pub(crate) fn transaction_hashes(&self) -> Result<Vec<B256>, StoreError> {
        self.0.iter().map(|item| Ok(keccak256(item?))).collect()
    }

    pub(crate) fn transactions(&self) -> Result<Vec<Transaction>, StoreError> {
        self.0.iter().map(|item| decode_transaction(item?)).collect()
    }

    pub(crate) fn decode(&self) -> Result<BlockBody, StoreError> {
        let transactions = self.transactions()?;
        let mut decoder = Decoder::new(BODIES, self.0.tail());
        let ommers = decoder.rlp()?;
        let withdrawals = match decoder.rest() {
            [] => None,
            _ => Some(decoder.rlp::<Withdrawals>()?),
        };
        decoder.finish()?;
        Ok(BlockBody { transactions, ommers, withdrawals })
    }
}

fn decode_transaction(mut bytes: &[u8]) -> Result<Transaction, StoreError> {
    let corrupt = StoreError::Corrupt { table: BODIES, reason: "a transaction does not decode" };
    match Transaction::decode_2718(&mut bytes) {
        Ok(transaction) if bytes.is_empty() => Ok(transaction),
        _ => Err(corrupt),
    }
}

pub(crate) fn encode_senders(senders: &[Address]) -> Vec<u8> {
    senders.iter().flat_map(|sender| sender.into_array()).collect()
}

pub(crate) fn decode_senders(bytes: &[u8]) -> Result<Vec<Address>, StoreError> {
    let (senders, rest) = bytes.as_chunks::<20>();
    Decoder::new(SENDERS, rest).finish()?;
    Ok(senders.iter().map(Address::from).collect())
}

pub(crate) fn transaction_place(number: u64, index: u32) -> [u8; 12] {
    let mut out = [0; 12];
    let (high, low) = out.split_at_mut(8);
    high.copy_from_slice(&number.to_be_bytes());
    low.copy_from_slice(&index.to_be_bytes());
    out
}

pub(crate) fn transaction_location(bytes: &[u8]) -> Result<TransactionLocation, StoreError> {
    let mut decoder = Decoder::new(INDEX, bytes);
    let block_number = decoder.u64()?;
    let index = u64::from(decoder.u32()?);
    decoder.finish()?;
    Ok(TransactionLocation { block_number, index })
}
