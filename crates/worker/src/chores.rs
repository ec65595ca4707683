//! What anybody may do and somebody must: open rounds, draw workers for slots, end jobs that missed
//! their deadline.
//!
//! All workers watch the same slots. Each waits a few blocks of its own choice, so that mostly one of
//! them pays for a call that only the first can make. A draw that would find nobody is left out, unless
//! the next beacon may draw this worker; the slot is looked at again later and later.

mod draws;

use crate::{
    contract::{Contract, Happened, Head},
    error::WorkerError,
    interface::ICompute::{self, IComputeEvents as Event, JobState, RoundKind, SlotState},
};
use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::SolCall;
use draws::{Advice, Taker};
use std::{collections::BTreeMap, ops::Range};

/// Slots watched at most; what is beyond waits for others.
const SLOTS_MAX: usize = 8_192;
/// Slots of one order watched at most at a time.
const SLOTS_OF_ORDER_MAX: u32 = 1_024;
/// Draws in vain, one after the other, after which an order makes room for others where there is none.
const VAIN_MAX: u32 = 5;
/// Slots looked at for a block.
const LOOKS_MAX: usize = 24;
/// Blocks until a slot that somebody has is looked at again.
const LOOK_AGAIN: u64 = 8;
/// How often that doubles for a slot that nobody fits: to 128 blocks.
const DOUBLINGS_MAX: u8 = 4;
/// Blocks among which workers choose when to act.
const PATIENCE: u64 = 4;
/// Blocks between questions whether a round is due.
const ROUND_INTERVAL: u64 = 4;

/// When a slot is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// From this block on.
    at: u64,
    /// How often its draw was left out, up to [`DOUBLINGS_MAX`].
    left_out: u8,
}

/// The slots that are not done yet.
#[derive(Debug)]
pub(crate) struct Chores {
    worker: Address,
    /// By order and slot.
    slots: BTreeMap<(U256, u32), Look>,
    /// How often nobody could be drawn for an order since somebody was last. Only of orders that have
    /// a slot here.
    vain: BTreeMap<U256, u32>,
    /// Slots of large orders that are not watched yet: one comes in when one is over. Only of orders
    /// that have a slot here.
    later: BTreeMap<U256, Range<u32>>,
    rounds_at: u64,
}

impl Chores {
    pub(crate) const fn new(worker: Address) -> Self {
        Self {
            worker,
            slots: BTreeMap::new(),
            vain: BTreeMap::new(),
            later: BTreeMap::new(),
            rounds_at: 0,
        }
    }

    /// Slots that are watched.
    pub(crate) fn watched(&self) -> usize {
        self.slots.len()
    }

    /// Takes in what happened.
    pub(crate) fn hear(
        &mut self,
        contract: &Contract,
        happened: &Happened,
    ) -> Result<(), WorkerError> {
        match &happened.event {
            Event::Posted(it) => {
                let order = contract.view(&ICompute::orderCall { id: it.order })?;
                self.watch_all(it.order, order.results, it.height);
            }
            Event::Redrawn(it) => self.draw_again((it.order, it.slot), it.height),
            Event::Cancelled(it) => self.forget((it.order, it.slot), happened.block),
            _ => {}
        }
        Ok(())
    }

    /// An order's slots can be drawn after block `height`.
    fn watch_all(&mut self, order: U256, results: u32, height: u64) {
        for slot in 0..results.min(SLOTS_OF_ORDER_MAX) {
            self.watch((order, slot), height);
        }
        if results > SLOTS_OF_ORDER_MAX && self.is_watched(order) {
            self.later.insert(order, SLOTS_OF_ORDER_MAX..results);
        }
    }

    /// The slot can be drawn after block `height`.
    fn watch(&mut self, slot: (U256, u32), height: u64) {
        let at = height.saturating_add(1 + self.patience(slot));
        if self.slots.len() >= SLOTS_MAX && !self.slots.contains_key(&slot) {
            self.make_room();
        }
        if self.slots.len() < SLOTS_MAX || self.slots.contains_key(&slot) {
            self.slots.insert(slot, Look { at, left_out: 0 });
        }
    }

    /// The contract draws anew later and later, and in the end no more.
    fn draw_again(&mut self, slot: (U256, u32), height: u64) {
        if self.slots.contains_key(&slot) {
            let times = self.vain.entry(slot.0).or_default();
            *times = times.saturating_add(1);
            self.watch(slot, height);
        }
    }

    /// A draw was left out after block `height`, since nobody would be found.
    fn leave_out(&mut self, slot: (U256, u32), height: u64) {
        let patience = self.patience(slot);
        let Some(look) = self.slots.get_mut(&slot) else { return };
        look.at = height.saturating_add((LOOK_AGAIN << look.left_out) + patience);
        if look.left_out < DOUBLINGS_MAX {
            look.left_out += 1;
        } else {
            let times = self.vain.entry(slot.0).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// Gives up an order that nobody could be drawn for time and again, if there is one: others need
    /// the place, and it has had its draws.
    fn make_room(&mut self) {
        let hopeless = self.vain.iter().find(|(_, times)| **times >= VAIN_MAX);
        if let Some(order) = hopeless.map(|(order, _)| *order) {
            self.slots.retain(|slot, _| slot.0 != order);
            self.forget_order(order);
        }
    }

    fn is_watched(&self, order: U256) -> bool {
        self.slots.range((order, 0)..=(order, u32::MAX)).next().is_some()
    }

    fn forget_order(&mut self, order: U256) {
        self.vain.remove(&order);
        self.later.remove(&order);
    }

    /// A slot is over: the next of its order is watched in its place.
    fn forget(&mut self, slot: (U256, u32), height: u64) {
        if self.slots.remove(&slot).is_none() {
            return;
        }
        if let Some(next) = self.later.get_mut(&slot.0).and_then(Iterator::next) {
            self.watch((slot.0, next), height);
        }
        if !self.is_watched(slot.0) {
            self.forget_order(slot.0);
        }
    }

    /// Blocks to leave to others, the same for a slot each time.
    fn patience(&self, slot: (U256, u32)) -> u64 {
        u64::from(self.hash(slot)[0]) % PATIENCE
    }

    /// Of this worker and the slot.
    fn hash(&self, (order, slot): (U256, u32)) -> [u8; 32] {
        let mut preimage = self.worker.to_vec();
        preimage.extend(order.to_be_bytes::<32>());
        preimage.extend(slot.to_be_bytes());
        keccak256(preimage).0
    }

    /// Calls that are due, `most` of them.
    pub(crate) fn due(
        &mut self,
        contract: &Contract,
        head: Head,
        most: usize,
    ) -> Result<Vec<Vec<u8>>, WorkerError> {
        let mut calls = Vec::new();
        // Each in an order of its own, so that many workers share the slots out.
        let mut due: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, look)| look.at <= head.number)
            .map(|(slot, _)| (self.hash(*slot), *slot))
            .collect();
        due.sort_unstable();
        let mut open = Vec::new();
        for (_, (order, slot)) in due.into_iter().take(LOOKS_MAX) {
            if calls.len() + open.len() >= most {
                break;
            }
            match contract.view(&ICompute::slotCall { order_: order, slot_: slot })?.state {
                SlotState::Open => open.push((order, slot)),
                SlotState::Taken => {
                    // Somebody takes the order after all.
                    self.vain.remove(&order);
                    let at = head.number + LOOK_AGAIN + self.patience((order, slot));
                    self.slots.insert((order, slot), Look { at, left_out: 0 });
                    calls.extend(lapse(contract, head, order, slot)?);
                }
                _ => self.forget((order, slot), head.number),
            }
        }
        calls.extend(self.draw(contract, head, &open)?);
        if head.number >= self.rounds_at {
            self.rounds_at = head.number + ROUND_INTERVAL + self.patience((U256::MAX, 0));
            for kind in [RoundKind::All, RoundKind::Spot] {
                let call = ICompute::openRoundCall { kind }.abi_encode();
                if contract.refusal(&call)?.is_none() {
                    calls.push(call);
                }
            }
        }
        Ok(calls)
    }

    /// The draws of open slots that are worth their gas.
    fn draw(
        &mut self,
        contract: &Contract,
        head: Head,
        open: &[(U256, u32)],
    ) -> Result<Vec<Vec<u8>>, WorkerError> {
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let call = |(order, slot): (U256, u32)| ICompute::drawCall { order, slot }.abi_encode();
        let calls: Vec<_> = open.iter().copied().map(call).collect();
        let answers = contract.answers(&calls)?;
        let mut taker = Taker::new(contract, self.worker, head);
        let advice = draws::advice(open, &answers, |order, wanted| taker.wants(order, wanted))?;
        let mut worth = Vec::new();
        for ((slot, call), advice) in open.iter().zip(calls).zip(advice) {
            match advice {
                Advice::LeaveOut => self.leave_out(*slot, head.number),
                Advice::Soon => {
                    let at = head.number + LOOK_AGAIN + self.patience(*slot);
                    self.slots.insert(*slot, Look { at, left_out: 0 });
                }
                Advice::Draw | Advice::Wait => {
                    self.slots.insert(*slot, Look { at: head.number + 2, left_out: 0 });
                }
            }
            if advice == Advice::Draw {
                worth.push(call);
            }
        }
        Ok(worth)
    }
}

/// Ends the job of a slot, if its time is over.
fn lapse(
    contract: &Contract,
    head: Head,
    order: U256,
    slot: u32,
) -> Result<Option<Vec<u8>>, WorkerError> {
    let id = contract.view(&ICompute::resultOfCall { order_: order, slot_: slot })?.job_;
    let job = contract.view(&ICompute::jobCall { id })?;
    let may_be_over = match job.state {
        JobState::Assigned => head.timestamp > job.deadline.to::<u64>(),
        JobState::Committed => head.number > job.height.to::<u64>() + 3,
        _ => false,
    };
    let call = ICompute::lapseCall { job: id }.abi_encode();
    Ok((may_be_over && contract.refusal(&call)?.is_none()).then_some(call))
}

#[cfg(test)]
mod tests;
