//! Which draws are worth their gas.
//!
//! A draw that finds somebody is, whoever that is. One in vain moves the slot on to a later beacon; that
//! is worth it for a worker which could have the result and was not drawn: it came into the pool after
//! the slot's beacon, sits where that does not look, or the beacon is out of reach. What fits nobody is
//! paid for by nobody here; whoever wants an end of it, such as the buyer, draws or cancels.

use crate::{
    contract::{Contract, Head},
    error::WorkerError,
    interface::ICompute::{self, Market, Order, Worker},
    report::find,
};
use alloy_primitives::{Address, Bytes, U256};
use std::collections::BTreeMap;

/// A slash is the stake divided by this, and no reward is more (`Orders.sol`).
const SLASH_DIVISOR: u128 = 20;
/// Of `commitSeconds`, what the contract leaves for the chain.
const CHAIN_SECONDS: u32 = 20;
const UNITS_OF_PRICE: u128 = 1_000_000_000_000;
const GWEI: u128 = 1_000_000_000;

/// What to do about an open slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// Its draw is sent.
    Draw,
    /// Its draw would be refused, or nobody said what it would do: soon there is more to know.
    Wait,
    /// Its draw would find nobody; a later one may find us, when we are measured or less busy.
    Soon,
    /// Its draw would find nobody, and no later one would find us as we are.
    LeaveOut,
}

/// What to do about the slots `open`, whose draws would answer `answers`; `wants` says how many more
/// results of an order this worker would take, when so many of those drawn may be its own, and none of
/// an order that it does not fit.
pub(super) fn advice(
    open: &[(U256, u32)],
    answers: &[Option<Bytes>],
    mut wants: impl FnMut(U256, usize) -> Result<Option<usize>, WorkerError>,
) -> Result<Vec<Advice>, WorkerError> {
    let is_zero = |answer: &Bytes| answer.iter().all(|byte| *byte == 0);
    let answer = |index: usize| answers.get(index).and_then(Option::as_ref);
    let mut drawn = (0..open.len()).filter(|it| answer(*it).is_some_and(|it| !is_zero(it))).count();
    let mut all = Vec::with_capacity(open.len());
    for (index, (order, _)) in open.iter().enumerate() {
        all.push(match answer(index) {
            None => Advice::Wait,
            Some(answer) if !is_zero(answer) => Advice::Draw,
            Some(_) => match wants(*order, drawn)? {
                None => Advice::LeaveOut,
                Some(0) => Advice::Soon,
                Some(_) => {
                    drawn += 1;
                    Advice::Draw
                }
            },
        });
    }
    Ok(all)
}

/// What the contract says of all orders.
struct Terms {
    market: Market,
    /// Blocks in which a commitment can be opened; each takes a second or more.
    open_blocks: u16,
}

/// This worker as the contract has it now, asked when it is needed.
pub(super) struct Taker<'a> {
    contract: &'a Contract,
    name: Address,
    head: Head,
    /// None inside: it can have nothing now.
    worker: Option<Option<(Worker, Terms)>>,
    /// By order: none where it does not fit, else whether it has the time now.
    fits: BTreeMap<U256, Option<bool>>,
}

impl<'a> Taker<'a> {
    pub(super) const fn new(contract: &'a Contract, name: Address, head: Head) -> Self {
        Self { contract, name, head, worker: None, fits: BTreeMap::new() }
    }

    /// How many results of `order` it would take beside `drawn` others; none when it does not fit.
    pub(super) fn wants(
        &mut self,
        order: U256,
        drawn: usize,
    ) -> Result<Option<usize>, WorkerError> {
        if self.worker.is_none() {
            self.worker = Some(self.ask()?);
        }
        let Some(Some((worker, terms))) = &self.worker else { return Ok(Some(0)) };
        let fits = match self.fits.get(&order) {
            Some(fits) => *fits,
            None => {
                let it = self.contract.view(&ICompute::orderCall { id: order })?;
                let has_time = has_time(worker, &it, &terms.market, worker.load);
                let fits = fits(worker, &it, terms).then_some(has_time);
                self.fits.insert(order, fits);
                fits
            }
        };
        let free = worker.terms.capacity.saturating_sub(worker.live) as usize;
        Ok(fits.map(|has_time| if has_time { free.saturating_sub(drawn) } else { 0 }))
    }

    fn ask(&self) -> Result<Option<(Worker, Terms)>, WorkerError> {
        let Some(worker) = find(self.contract, self.name)? else { return Ok(None) };
        let is_measured = worker.measured && self.head.timestamp <= worker.validUntil.to::<u64>();
        if worker.place == 0 || !is_measured {
            return Ok(None);
        }
        if self.contract.view(&ICompute::isBannedCall { worker_: self.name })? {
            return Ok(None);
        }
        let market = self.contract.view(&ICompute::marketCall {})?;
        let open_blocks = self.contract.view(&ICompute::paramsCall {})?.openBlocks;
        Ok(Some((worker, Terms { market, open_blocks })))
    }
}

/// Whether the contract would give a result of the order to this worker of the pool, if a beacon drew it:
/// `_fits` of `Orders.sol`, but for jobs under way and for when it came.
fn fits(worker: &Worker, order: &Order, terms: &Terms) -> bool {
    let work = work_of(order, &terms.market);
    let rounds = u128::from(order.rounds).max(1);
    let opened = work / rounds * rounds.min(order.samples.into());
    worker.class >= order.minClass
        && worker.reputation >= order.minReputation
        && worker.stake / SLASH_DIVISOR >= order.reward
        && has_time(worker, order, &terms.market, 0)
        && 2 * opened <= u128::from(worker.rate) * u128::from(terms.open_blocks)
        && asked(worker.terms.base, worker.terms.price, work) <= order.reward
}

/// Whether a result takes at most half of the time that there is for it, after so much other work.
fn has_time(worker: &Worker, order: &Order, market: &Market, load: u64) -> bool {
    let time = u128::from(order.commitSeconds.saturating_sub(CHAIN_SECONDS));
    let all = work_of(order, market).saturating_add(load.into());
    all.saturating_mul(2) <= u128::from(worker.rate) * time
}

/// Units of work of a result, as `Market` says.
fn work_of(order: &Order, market: &Market) -> u128 {
    let [m, k, p, rounds] = [order.m, order.k, order.p, order.rounds].map(u128::from);
    let entries = u128::from(market.perEntry) * m * p;
    let bytes = u128::from(market.perByte) * k * (m + p);
    rounds * (m * k * p + entries + bytes + u128::from(market.perRound))
}

/// Wei that so much work is to bring.
fn asked(base: u64, price: u64, work: u128) -> u128 {
    let by_work = u128::from(price).saturating_mul(work) / UNITS_OF_PRICE;
    by_work.saturating_add(base.into()).saturating_mul(GWEI)
}

#[cfg(test)]
mod tests;
