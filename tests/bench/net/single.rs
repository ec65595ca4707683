//! One authority against anvil: transfers sent flat out, and a receipt fetched for each.

use super::{
    nodes::{Node, Single, request},
    send::Pace,
    transfers::{Accounts, Transfer},
};
use crate::http::{Connection, post};
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
}

/// Transfers a second of each turn.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) ours: Vec<f64>,
    pub(crate) peer: Vec<f64>,
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
        let mut rates = Rates::default();
        // The first turn of each is not counted.
        for turn in 0..=self.turns {
            let rate = self.turn(&ours.node, &our_accounts.sign(self.transfers)?)?;
            if turn > 0 {
                rates.ours.push(rate);
            }
            if let (Some(peer), Some(accounts)) = (&peer, &mut peer_accounts) {
                let rate = self.turn(&peer.node, &accounts.sign(self.transfers)?)?;
                if turn > 0 {
                    rates.peer.push(rate);
                }
            }
        }
        rates.ours.sort_unstable_by(f64::total_cmp);
        rates.peer.sort_unstable_by(f64::total_cmp);
        Ok(rates)
    }

    /// Transfers a second, from the first one sent until the last receipt is there.
    fn turn(&self, node: &Node, transfers: &[Transfer]) -> Result<f64> {
        let pace = Pace {
            rate: None,
            connections: self.connections,
            accounts: self.accounts,
            window: None,
        };
        let start = Instant::now();
        pace.send(std::slice::from_ref(node), transfers)?;
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
        Ok(transfers.len() as f64 / start.elapsed().as_secs_f64())
    }
}

/// Asks for every receipt until it is there.
fn fetch_receipts(node: &Node, transfers: &[Transfer], connections: usize) -> Result<()> {
    let mut connections: Vec<_> =
        (0..connections).map(|_| Connection::open(node.http)).collect::<Result<_>>()?;
    let ask = |transfer: &Transfer| {
        post(&request("eth_getTransactionReceipt", &format!("[\"{}\"]", transfer.hash)))
    };
    let mut missing: Vec<Vec<u8>> = transfers.iter().map(ask).collect();
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
