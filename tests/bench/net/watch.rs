//! When each node has which block, seen from outside over JSON-RPC.
//!
//! Whoever is told of a head finds everything about it, receipts included: that is the node's promise,
//! and it is checked here with a receipt of every block that has transactions.

use super::nodes::{Node, quantity, request};
use crate::http::{Connection, post};
use alloy_primitives::B256;
use eyre::{Context, Result, bail, eyre};
use serde::Deserialize;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often a node is asked for its head: what a time may be too late by.
const EVERY: Duration = Duration::from_millis(5);

/// A block when a node first showed it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) transactions: Vec<B256>,
}

/// What the watchers of all nodes share.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    stop: AtomicBool,
    /// Transactions seen by each node, in the order of the nodes.
    seen: Vec<AtomicU64>,
}

impl Watch {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { stop: AtomicBool::new(false), seen: (0..nodes).map(|_| AtomicU64::new(0)).collect() }
    }

    /// How many transactions the node with this index has shown.
    pub(crate) fn seen_by(&self, index: usize) -> Option<&AtomicU64> {
        self.seen.get(index)
    }

    /// Waits until every node has shown so many transactions, then stops the watchers.
    ///
    /// # Errors
    /// It takes longer than `time_max`, or a watcher ended.
    pub(crate) fn finish(&self, transactions: u64, time_max: Duration) -> Result<()> {
        let start = Instant::now();
        let least = || self.seen.iter().map(|seen| seen.load(Ordering::Relaxed)).min().unwrap_or(0);
        while least() < transactions && !self.stop.load(Ordering::Relaxed) {
            if start.elapsed() > time_max {
                self.stop();
                bail!("{} of {transactions} transfers are final after {time_max:?}", least());
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.stop();
        Ok(())
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Watches a node until it is told to stop: the blocks it showed, in order.
    ///
    /// # Errors
    /// The node does not answer, or shows a block without its receipts.
    pub(crate) fn follow(&self, index: usize, node: &Node) -> Result<Vec<Seen>> {
        let watched = self.watched(index, node);
        // Whoever waits for this node must not wait for ever.
        self.stop();
        watched.wrap_err_with(|| format!("watching {}", node.name))
    }

    fn watched(&self, index: usize, node: &Node) -> Result<Vec<Seen>> {
        let counter = self.seen_by(index).ok_or_else(|| eyre!("no node {index}"))?;
        let mut connection = Connection::open(node.http)?;
        let head_request = post(&request("eth_blockNumber", "[]"));
        let mut last = node.head()?;
        let mut blocks = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            connection.send(&head_request)?;
            let answer = std::str::from_utf8(connection.read_result()?)?;
            let head = quantity(answer).ok_or_else(|| eyre!("{answer}"))?;
            for number in last + 1..=head {
                let block = block(&mut connection, number)?;
                counter.fetch_add(block.transactions.len() as u64, Ordering::Relaxed);
                blocks.push(block);
            }
            last = head;
            thread::sleep(EVERY);
        }
        Ok(blocks)
    }
}

fn block(connection: &mut Connection, number: u64) -> Result<Seen> {
    #[derive(Deserialize)]
    struct Answer {
        result: Block,
    }
    #[derive(Deserialize)]
    struct Block {
        transactions: Vec<B256>,
    }
    let asked = request("eth_getBlockByNumber", &format!("[\"{number:#x}\",false]"));
    connection.send(&post(&asked))?;
    let answer: Answer = serde_json::from_slice(connection.read_result()?)?;
    let transactions = answer.result.transactions;
    if let Some(hash) = transactions.last() {
        let asked = request("eth_getTransactionReceipt", &format!("[\"{hash}\"]"));
        connection.send(&post(&asked))?;
        if connection.read_result()?.ends_with(b"null}") {
            bail!("block {number} came before the receipt of {hash}");
        }
    }
    Ok(Seen { at: Instant::now(), transactions })
}
