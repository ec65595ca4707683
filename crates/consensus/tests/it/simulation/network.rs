//! What travels, when, and whether it arrives.

use std::collections::BTreeMap;
use std::rc::Rc;

use alloy_primitives::B256;
use mfenx_consensus::{Height, Round, Timeout};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::application::Block;

/// What nodes send each other.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    /// An encoded message of the machine.
    Message(Vec<u8>),
    /// A whole block, as it is proposed in a round.
    Block { block: Block, round: u32, valid_round: Round },
    /// The sender's head, now and then.
    Status(Height),
    /// Asks for decided blocks from a height on.
    AskDecided(Height),
    /// Decided blocks with their certificates, encoded.
    Decided(Vec<(Block, Vec<u8>)>),
    /// Asks for any block by its hash.
    AskBlock(B256),
    /// The answer.
    FoundBlock(Block),
}

/// What happens at an instant. Events of a node's earlier life are void.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Deliver { from: usize, to: usize, packet: Rc<Packet> },
    Timer { node: usize, life: u32, height: Height, timeout: Timeout, generation: u64 },
    Built { node: usize, life: u32, height: Height, round: u32 },
    Next { node: usize, life: u32 },
    Tick { node: usize, life: u32 },
    Crash { node: usize },
    Restart { node: usize },
    Partition,
    Rejoin,
    Heal,
}

/// The clock, and everything that is going to happen.
#[derive(Default)]
pub(crate) struct Agenda {
    pub(crate) now_ms: u64,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
}

impl Agenda {
    pub(crate) fn after(&mut self, delay_ms: u64, event: Event) {
        self.count += 1;
        self.events.insert((self.now_ms + delay_ms, self.count), event);
    }

    pub(crate) fn next(&mut self) -> Option<Event> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now_ms = at;
        Some(event)
    }
}

/// The lines between nodes.
pub(crate) struct Lines {
    /// The side of a partition each node is on.
    pub(crate) sides: Vec<u8>,
    /// In 1/1000.
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    pub(crate) delay_ms: u64,
}

impl Lines {
    /// When the copies of a packet arrive; none if it is lost.
    pub(crate) fn deliveries(&self, rng: &mut ChaCha8Rng, from: usize, to: usize) -> Vec<u64> {
        if self.sides[from] != self.sides[to] || rng.random_ratio(self.loss, 1000) {
            return Vec::new();
        }
        let copies = if rng.random_ratio(self.duplication, 1000) { 2 } else { 1 };
        (0..copies)
            .map(|_| {
                // One in twenty takes far longer, and so overtakes nothing and is overtaken.
                let slow = if self.delay_ms > 100 && rng.random_ratio(1, 20) { 5 } else { 1 };
                rng.random_range(1..=self.delay_ms * slow)
            })
            .collect()
    }
}
