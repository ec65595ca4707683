//! Answering peers: ranges of decided blocks, blocks by their hash, and proofs of equivocation.
//!
//! Bounds: [`READERS_MAX`] answers are read from the store at once, each at most
//! [`RANGE_BLOCKS_MAX`] blocks and the protocol's bytes; the network bounds how often a peer asks.

use super::{
    blocks::Blocks,
    evidence::Proofs,
    wire::{
        RANGE_BLOCKS_MAX, RangeRequest, decode_payload_request, decode_proofs_request,
        encode_proofs, put_block,
    },
};
use crate::{candidate::payload, chain::Chain};
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_consensus::Decision;
use mfenx_network::{Protocol, Request};
use mfenx_primitives::Block;
use mfenx_storage::{Reader, StoreError};
use std::sync::Arc;
use tokio::sync::Semaphore;

const READERS_MAX: usize = 4;

/// Serves peers from the store.
#[derive(Debug)]
pub(super) struct Server {
    chain: Chain,
    readers: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(chain: Chain) -> Self {
        Self { chain, readers: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    /// Answers a request, at once or on a thread that may block. What is not answered is told to the
    /// peer as "unavailable".
    pub(super) fn answer(&self, request: Request, undecided: &Blocks, proofs: &Proofs) {
        if request.protocol == Protocol::Parts
            && let Ok(first) = decode_proofs_request(&request.data)
        {
            let answer = encode_proofs(&proofs.kept(), first, request.reply.bytes_max());
            return request.reply.send(answer);
        }
        let wanted = match request.protocol {
            Protocol::Parts => match decode_payload_request(&request.data) {
                Ok(hash) => match undecided.checked_payload(hash) {
                    Some(payload) => return request.reply.send(payload),
                    None => Wanted::Block(hash),
                },
                Err(_) => return,
            },
            Protocol::Blocks => match RangeRequest::decode(&request.data) {
                Ok(range) => Wanted::Range(range),
                Err(_) => return,
            },
        };
        let Ok(permit) = Arc::clone(&self.readers).try_acquire_owned() else { return };
        let chain = self.chain.clone();
        tokio::task::spawn_blocking(move || {
            let answer = chain.store().reader().and_then(|reader| match wanted {
                Wanted::Block(hash) => block_by_hash(&reader, hash),
                Wanted::Range(range) => blocks(&reader, range, request.reply.bytes_max()),
            });
            match answer {
                Ok(Some(answer)) => request.reply.send(answer),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a peer's request could not be answered"),
            }
            drop(permit);
        });
    }
}

enum Wanted {
    Block(B256),
    Range(RangeRequest),
}

fn block_by_hash(reader: &Reader, hash: B256) -> Result<Option<Bytes>, StoreError> {
    let Some(number) = reader.block_number(hash)? else { return Ok(None) };
    Ok(decided(reader, number)?.map(|decided| decided.payload.into()))
}

/// As many blocks of the range as there are and as fit; none when there is none.
fn blocks(
    reader: &Reader,
    range: RangeRequest,
    bytes_max: usize,
) -> Result<Option<Bytes>, StoreError> {
    let mut answer = Vec::new();
    let last = range.first.saturating_add(u64::from(range.count.min(RANGE_BLOCKS_MAX)));
    for number in range.first..last {
        let Some(Decided { payload, certificate }) = decided(reader, number)? else { break };
        if answer.len() + payload.len() + certificate.len() + 8 > bytes_max {
            break;
        }
        put_block(&mut answer, &payload, &certificate);
    }
    Ok((!answer.is_empty()).then(|| answer.into()))
}

/// A block as it travels.
struct Decided {
    payload: Vec<u8>,
    certificate: Vec<u8>,
}

/// A block with its certificate; none when it is not here or was not decided.
fn decided(reader: &Reader, number: u64) -> Result<Option<Decided>, StoreError> {
    let Some(decision) = reader.certificate(number)? else { return Ok(None) };
    let Ok(decision) = Decision::decode(&decision) else { return Ok(None) };
    let (Some(header), Some(body)) = (reader.header(number)?, reader.body(number)?) else {
        return Ok(None);
    };
    let block = Block::new(header.into_inner(), body);
    let payload = payload(&decision.proof, &block);
    Ok(Some(Decided { payload, certificate: decision.certificate.encode() }))
}
