//! One authority against anvil: accounts that send a transfer, wait for its receipt, and send the next.
//!
//! No account has two transfers on their way: anvil, which mines at once, then forgets some of them.

use super::{
    nodes::{Node, Single, request},
    transfers::{Accounts, Transfer},
};
use crate::http::{Connection, post};
use eyre::{Context, Result, bail, eyre};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Threads that send and ask.
const THREADS: usize = 2;
/// How long to wait before a receipt is asked for again.
const NAP: Duration = Duration::from_millis(1);
const RECEIPT_TIME_MAX: Duration = Duration::from_secs(60);

/// Transfers of a turn, and how they are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    pub(crate) turns: usize,
    /// Of one turn.
    pub(crate) transfers: u64,
    /// Each has a connection of its own.
    pub(crate) accounts: usize,
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
        let start = Instant::now();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let mine =
                        (0..self.accounts).filter(move |account| account % THREADS == thread);
                    let of = |account| transfers.iter().skip(account).step_by(self.accounts);
                    let mine: Vec<_> = mine.map(|account| of(account).collect()).collect();
                    scope.spawn(move || send_and_wait(node, mine))
                })
                .collect();
            let joined = callers.into_iter().map(|caller| {
                caller.join().map_err(|_| eyre!("a thread of the load generator ended"))?
            });
            joined.collect::<Result<()>>()
        })?;
        Ok(transfers.len() as f64 / start.elapsed().as_secs_f64())
    }
}

/// One account, which sends its next transfer when it has the receipt of the last.
struct Caller<'t> {
    connection: Connection,
    transfers: std::vec::IntoIter<&'t Transfer>,
    /// What it is sending.
    sending: Option<&'t Transfer>,
    /// How it asks for the receipt that it waits for.
    asking: Option<Vec<u8>>,
}

/// Every account in turn, until all have their receipts.
fn send_and_wait(node: &Node, accounts: Vec<Vec<&Transfer>>) -> Result<()> {
    let mut callers = Vec::with_capacity(accounts.len());
    for transfers in accounts {
        let mut transfers = transfers.into_iter();
        let (connection, sending) = (Connection::open(node.http)?, transfers.next());
        callers.push(Caller { connection, transfers, sending, asking: None });
    }
    let mut progress = Instant::now();
    while !callers.is_empty() {
        for caller in &mut callers {
            caller.ask()?;
        }
        let mut advanced = false;
        // From the last one, so that the thread sleeps once a round and not once an answer.
        for caller in callers.iter_mut().rev() {
            advanced |= caller.answered()?;
        }
        callers.retain(|caller| caller.sending.is_some() || caller.asking.is_some());
        if advanced {
            progress = Instant::now();
        } else if progress.elapsed() > RECEIPT_TIME_MAX {
            bail!("{} accounts wait for a receipt of {} in vain", callers.len(), node.name);
        } else {
            thread::sleep(NAP);
        }
    }
    Ok(())
}

impl Caller<'_> {
    fn ask(&mut self) -> Result<()> {
        match (self.sending, &self.asking) {
            (Some(transfer), _) => self.connection.send(&transfer.request),
            (None, Some(request)) => self.connection.send(request),
            (None, None) => Ok(()),
        }
    }

    /// Reads the answer; whether it was more than "not yet".
    fn answered(&mut self) -> Result<bool> {
        let answer = self.connection.read_result().wrap_err("of a transfer")?;
        if let Some(transfer) = self.sending.take() {
            let params = format!("[\"{}\"]", transfer.hash);
            self.asking = Some(post(&request("eth_getTransactionReceipt", &params)));
            return Ok(true);
        }
        let is_there = answer.windows(9).any(|part| part == b"blockHash");
        if is_there {
            self.asking = None;
            self.sending = self.transfers.next();
        }
        Ok(is_there)
    }
}
