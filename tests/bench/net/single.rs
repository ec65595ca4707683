//! One authority against anvil: transfers sent flat out, and a receipt fetched for each.
//!
//! anvil mines when it is told to, which is its fastest way: when it mines what comes at once, about a
//! third of the transfers of such a turn are never mined.

use super::{
    nodes::{Node, Single, request},
    send::Pace,
    transfers::{Accounts, Transfer},
};
use crate::http::{Connection, ask, post};
use eyre::{Result, eyre};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Threads that fetch receipts.
const THREADS: usize = 2;
/// How long to wait before a receipt is asked for again.
const NAP: Duration = Duration::from_millis(2);
const RECEIPT_TIME_MAX: Duration = Duration::from_secs(60);

/// Transfers of a turn, and how they are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    pub(crate) turns: usize,
    /// Of one turn; the pool must have room for them.
    pub(crate) transfers: u64,
    pub(crate) accounts: usize,
    pub(crate) connections: usize,
    /// Transactions of a block of the peer, whose receipts are the slower the larger the block.
    pub(crate) peer_block: usize,
}

/// Transfers a second of a turn, from the first one sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Until all are in blocks.
    pub(crate) mined: f64,
    /// Until the receipt of each was fetched as well.
    pub(crate) with_receipts: f64,
}

/// The turns of each side.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) ours: Vec<Rate>,
    pub(crate) peer: Vec<Rate>,
}

impl Turns {
    /// Both in turn; ours alone without a peer.
    ///
    /// # Errors
    /// A node does not start, refuses a transfer, or has no receipt of one.
    pub(crate) fn run(&self, mfenx: &Path, anvil: Option<&Path>) -> Result<Rates> {
        let ours = Single::mfenx(mfenx)?;
        let mut our_accounts = Accounts::fund(&ours.node, self.accounts)?;
        let chain_id = our_accounts.chain_id();
        let peer = anvil.map(|anvil| Single::anvil(anvil, chain_id)).transpose()?;
        let mut peer_accounts =
            peer.as_ref().map(|peer| Accounts::fund(&peer.node, self.accounts)).transpose()?;
        if let Some(peer) = &peer {
            ask(peer.node.http, &request("evm_setAutomine", "[false]"))?;
        }
        let mut rates = Rates::default();
        // The first turn of each is not counted.
        for turn in 0..=self.turns {
            let rate = self.our_turn(&ours.node, &our_accounts.sign(self.transfers)?)?;
            if turn > 0 {
                rates.ours.push(rate);
            }
            if let (Some(peer), Some(accounts)) = (&peer, &mut peer_accounts) {
                let rate = self.peer_turn(&peer.node, &accounts.sign(self.transfers)?)?;
                if turn > 0 {
                    rates.peer.push(rate);
                }
            }
        }
        Ok(rates)
    }

    /// A turn of ours, which makes blocks as it likes.
    fn our_turn(&self, node: &Node, transfers: &[Transfer]) -> Result<Rate> {
        let start = Instant::now();
        self.send(node, transfers)?;
        self.finish(node, transfers, start)
    }

    /// A turn of the peer, which mines a block whenever it has as much as is good for it.
    fn peer_turn(&self, node: &Node, transfers: &[Transfer]) -> Result<Rate> {
        let start = Instant::now();
        for block in transfers.chunks(self.peer_block.next_multiple_of(self.accounts.max(1))) {
            self.send(node, block)?;
            ask(node.http, &request("evm_mine", "[]"))?;
        }
        self.finish(node, transfers, start)
    }

    fn send(&self, node: &Node, transfers: &[Transfer]) -> Result<()> {
        let pace = Pace {
            rate: None,
            connections: self.connections,
            accounts: self.accounts,
            window: None,
        };
        pace.send(std::slice::from_ref(node), transfers)?;
        Ok(())
    }

    /// Waits for the receipt of the last transfer, then fetches that of each.
    fn finish(&self, node: &Node, transfers: &[Transfer], start: Instant) -> Result<Rate> {
        let count = transfers.len() as f64;
        let last = transfers.len().saturating_sub(self.accounts);
        fetch_receipts(node, transfers.get(last..).unwrap_or_default(), 1)?;
        let mined = count / start.elapsed().as_secs_f64();
        let each = (self.connections / THREADS).max(1);
        thread::scope(|scope| {
            let parts = transfers.chunks(transfers.len().div_ceil(THREADS).max(1));
            let readers: Vec<_> =
                parts.map(|part| scope.spawn(move || fetch_receipts(node, part, each))).collect();
            let joined = readers.into_iter().map(|reader| {
                reader.join().map_err(|_| eyre!("a thread of the load generator ended"))?
            });
            joined.collect::<Result<()>>()
        })?;
        Ok(Rate { mined, with_receipts: count / start.elapsed().as_secs_f64() })
    }
}

/// Asks for every receipt until it is there.
fn fetch_receipts(node: &Node, transfers: &[Transfer], connections: usize) -> Result<()> {
    let mut connections: Vec<_> =
        (0..connections).map(|_| Connection::open(node.http)).collect::<Result<_>>()?;
    let asked = |transfer: &Transfer| {
        post(&request("eth_getTransactionReceipt", &format!("[\"{}\"]", transfer.hash)))
    };
    let mut missing: Vec<Vec<u8>> = transfers.iter().map(asked).collect();
    let start = Instant::now();
    while !missing.is_empty() {
        if start.elapsed() > RECEIPT_TIME_MAX {
            return Err(eyre!("{} receipts are missing at {}", missing.len(), node.name));
        }
        let mut still_missing = Vec::new();
        for some in missing.chunks(connections.len()) {
            for (request, connection) in some.iter().zip(&mut connections) {
                connection.send(request)?;
            }
            for (request, connection) in some.iter().zip(&mut connections).rev() {
                if !connection.read_result()?.windows(9).any(|part| part == b"blockHash") {
                    still_missing.push(request.clone());
                }
            }
        }
        if still_missing.len() == missing.len() {
            thread::sleep(NAP);
        }
        missing = still_missing;
    }
    Ok(())
}
