//! One node: what survives a crash and what does not.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use mfenx_consensus::{
    Certificate, Config, Height, Input, Machine, Round, Timeout, Timeouts, ValidatorSet, WalEntry,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::application::Block;
use crate::fixtures::{DOMAIN, Identity};

/// A decided block with what follows from it.
#[derive(Clone)]
pub(crate) struct Decided {
    pub(crate) block: Block,
    pub(crate) certificate: Certificate,
    /// The set of the next height.
    pub(crate) next: ValidatorSet,
}

/// On disk.
pub(crate) struct Disk {
    pub(crate) genesis: ValidatorSet,
    pub(crate) chain: Vec<Decided>,
    /// Synced records of the height above the chain. A torn one may be at the end.
    pub(crate) log: Vec<Vec<u8>>,
    pub(crate) blocks: BTreeMap<B256, Block>,
}

impl Disk {
    /// The head's height.
    pub(crate) fn head(&self) -> Height {
        Height(self.chain.len() as u64)
    }

    pub(crate) fn head_hash(&self) -> B256 {
        self.chain.last().map_or(B256::ZERO, |decided| decided.block.hash())
    }

    /// The set of the height above the head.
    pub(crate) fn next_set(&self) -> &ValidatorSet {
        self.chain.last().map_or(&self.genesis, |decided| &decided.next)
    }
}

/// In memory.
pub(crate) struct Memory {
    pub(crate) machine: Machine,
    pub(crate) unsynced: Vec<Vec<u8>>,
    pub(crate) timers: Vec<(Timeout, u64)>,
    /// Blocks of the height after the machine's.
    pub(crate) early: Vec<(Block, u32, Round)>,
    pub(crate) announced: BTreeSet<(B256, u32)>,
    /// A decision whose block is missing.
    pub(crate) wanted: Option<Certificate>,
    pub(crate) highest_heard: Height,
    pub(crate) round: u32,
}

pub(crate) struct Node {
    pub(crate) identity: Identity,
    pub(crate) watches_only: bool,
    pub(crate) life: u32,
    pub(crate) disk: Disk,
    /// None while the node is down.
    pub(crate) memory: Option<Memory>,
}

pub(crate) fn timeouts() -> Timeouts {
    let ms = std::time::Duration::from_millis;
    Timeouts {
        propose: ms(1000),
        propose_delta: ms(400),
        prevote: ms(400),
        prevote_delta: ms(200),
        precommit: ms(400),
        precommit_delta: ms(200),
        rebroadcast: ms(1500),
        max_timeout: ms(20_000),
    }
}

impl Node {
    /// Starts the node from its disk. Returns the first input.
    pub(crate) fn boot(&mut self) -> Input {
        let height = Height(self.disk.head().0 + 1);
        let validators = self.disk.next_set().clone();
        let config = Config {
            domain: DOMAIN,
            operator: self.identity.operator,
            key: (!self.watches_only).then(|| self.identity.key.clone()),
            timeouts: timeouts(),
        };
        let machine = Machine::new(config, height, validators.clone()).expect("keys fit");
        self.memory = Some(Memory {
            machine,
            unsynced: Vec::new(),
            timers: Vec::new(),
            early: Vec::new(),
            announced: BTreeSet::new(),
            wanted: None,
            highest_heard: Height(0),
            round: 0,
        });
        let last = self.disk.log.len().saturating_sub(1);
        let mut log = Vec::new();
        for (at, bytes) in self.disk.log.iter().enumerate() {
            match WalEntry::decode(bytes) {
                Ok(entry) => log.push(entry),
                Err(_) if at == last => {}
                Err(error) => panic!("record {at} of {last} is damaged: {error}"),
            }
        }
        self.disk.log.truncate(log.len());
        Input::StartHeight { height, validators, log }
    }

    /// Loses power. A prefix of what was not synced survives, its last record perhaps torn. Returns how
    /// many records were lost.
    pub(crate) fn crash(&mut self, rng: &mut ChaCha8Rng) -> usize {
        self.life += 1;
        let Some(memory) = self.memory.take() else { return 0 };
        let kept = rng.random_range(0..=memory.unsynced.len());
        let lost = memory.unsynced.len() - kept;
        for (at, mut record) in memory.unsynced.into_iter().enumerate().take(kept + 1) {
            if at == kept {
                record.truncate(rng.random_range(0..record.len()));
            }
            self.disk.log.push(record);
        }
        lost
    }

    /// What the machine says of the height, or the height it will say.
    pub(crate) fn height(&self) -> Option<Height> {
        self.memory.as_ref().map(|memory| memory.machine.status().height)
    }
}
