//! What is asked.

use crate::workload::{self, Workload};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, hex};
use alloy_rlp::Decodable;
use eyre::Result;
use mfenx_primitives::Block;

/// Requests of one kind.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Bodies, asked in turn.
    pub(crate) requests: Vec<String>,
    /// What one request counts for.
    pub(crate) units: u64,
    pub(crate) unit: &'static str,
}

/// What there is to ask for.
#[derive(Debug)]
pub(crate) struct Contents {
    senders: Vec<Address>,
    hashes: Vec<B256>,
    /// Blocks of plain transfers and of token transfers, and transactions in each.
    transfers: (Vec<u64>, u64),
    tokens: (Vec<u64>, u64),
    log_blocks: u64,
}

/// The signed transactions of each block, as they are sent.
pub(crate) fn transactions(workload: &Workload) -> Result<Vec<Vec<Bytes>>> {
    let mut blocks = Vec::new();
    for rlp in &workload.blocks {
        let block = Block::decode(&mut rlp.as_ref())?;
        let encoded = block.body.transactions.iter().map(|tx| tx.encoded_2718().into());
        blocks.push(encoded.collect());
    }
    Ok(blocks)
}

impl Contents {
    pub(crate) fn read(workload: &Workload) -> Result<Self> {
        let mut hashes = Vec::new();
        for rlp in &workload.blocks {
            let block = Block::decode(&mut rlp.as_ref())?;
            hashes.extend(block.body.transactions.iter().map(|tx| *tx.tx_hash()));
        }
        let (logs, transfers) = (super::LOG_BLOCKS, super::TRANSFER_BLOCKS);
        Ok(Self {
            senders: (0..super::SENDERS).map(workload::sender_address).collect::<Result<_>>()?,
            hashes,
            transfers: (
                (logs + 1..=logs + transfers).collect(),
                workload::Kind::Transfers.per_block(),
            ),
            tokens: ((logs - super::TRACED_BLOCKS + 1..=logs).collect(), super::LOG_TRANSFERS),
            log_blocks: logs,
        })
    }
}

fn request(id: usize, method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":[{params}]}}")
}

pub(crate) fn all(contents: &Contents) -> Vec<Case> {
    vec![
        single("eth_chainId", vec![request(1, "eth_chainId", "")]),
        single("eth_blockNumber", vec![request(1, "eth_blockNumber", "")]),
        single("eth_getBalance", of_senders(contents, "eth_getBalance")),
        receipts(contents),
        calls(contents),
        logs(contents),
        blocks(contents),
        batch(contents),
        traces(contents),
    ]
}

fn single(name: &'static str, requests: Vec<String>) -> Case {
    Case { name, requests, units: 1, unit: "requests/s" }
}

fn of_senders(contents: &Contents, method: &str) -> Vec<String> {
    let ask = |sender: &Address| request(1, method, &format!("\"{sender:?}\",\"latest\""));
    contents.senders.iter().map(ask).collect()
}

/// Of five thousand transactions from all over the chain.
fn receipts(contents: &Contents) -> Case {
    let step = (contents.hashes.len() / 5_000).max(1);
    let hashes = contents.hashes.iter().step_by(step);
    let ask = |hash| request(1, "eth_getTransactionReceipt", &format!("\"{hash}\""));
    single("eth_getTransactionReceipt", hashes.map(ask).collect())
}

fn calls(contents: &Contents) -> Case {
    let ask = |sender: &Address| {
        let data = hex::encode_prefixed(
            [&[0x70, 0xa0, 0x82, 0x31][..], &sender.into_word().0[..]].concat(),
        );
        let call = format!("{{\"to\":\"{:?}\",\"data\":\"{data}\"}},\"latest\"", workload::TOKEN);
        request(1, "eth_call", &call)
    };
    single("eth_call balanceOf", contents.senders.iter().map(ask).collect())
}

/// Transfers of one sender in a thousand blocks of twenty transfers.
fn logs(contents: &Contents) -> Case {
    let ask = |sender: &Address| {
        let topic = alloy_primitives::keccak256("Transfer(address,address,uint256)");
        let filter = format!(
            "{{\"fromBlock\":\"0x1\",\"toBlock\":\"{:#x}\",\"address\":\"{:?}\",\
             \"topics\":[\"{topic}\",\"{}\"]}}",
            contents.log_blocks,
            workload::TOKEN,
            sender.into_word(),
        );
        request(1, "eth_getLogs", &filter)
    };
    single("eth_getLogs 1000 blocks", contents.senders.iter().map(ask).collect())
}

fn blocks(contents: &Contents) -> Case {
    let (numbers, units) = &contents.transfers;
    let ask = |number: &u64| request(1, "eth_getBlockByNumber", &format!("\"{number:#x}\",true"));
    Case {
        name: "eth_getBlockByNumber full",
        requests: numbers.iter().map(ask).collect(),
        units: *units,
        unit: "transaction objects/s",
    }
}

/// A hundred of four cheap methods.
fn batch(contents: &Contents) -> Case {
    let entry = |index: usize, sender: &Address| match index % 4 {
        0 => request(index, "eth_chainId", ""),
        1 => request(index, "eth_blockNumber", ""),
        2 => request(index, "eth_getBalance", &format!("\"{sender:?}\",\"latest\"")),
        _ => request(index, "eth_getTransactionCount", &format!("\"{sender:?}\",\"latest\"")),
    };
    let batch = |senders: &[Address]| {
        let entries = senders.iter().enumerate().map(|(index, sender)| entry(index, sender));
        format!("[{}]", entries.collect::<Vec<_>>().join(","))
    };
    let requests = contents.senders.chunks_exact(100).map(batch).collect();
    Case { name: "batch of 100 mixed", requests, units: 100, unit: "calls/s" }
}

fn traces(contents: &Contents) -> Case {
    let (numbers, units) = &contents.tokens;
    let ask = |number: &u64| {
        let params = format!("\"{number:#x}\",{{\"tracer\":\"callTracer\"}}");
        request(1, "debug_traceBlockByNumber", &params)
    };
    Case {
        name: "debug_traceBlockByNumber",
        requests: numbers.iter().map(ask).collect(),
        units: *units,
        unit: "transactions traced/s",
    }
}
