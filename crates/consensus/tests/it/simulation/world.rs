//! Nodes, lines and clock together, and the loop that runs them.

mod effects;
mod peers;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use mfenx_consensus::{Height, Input, ValidatorSet, WalEntry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::application::Rules;
use super::checks::Checks;
use super::network::{Agenda, Event, Lines};
use super::node::{Disk, Node};
use super::scenario::Scenario;
use crate::fixtures::Identity;

/// After healing, every honest node must reach its goal within this time.
const PROGRESS_MS: u64 = 240_000;

/// What happened, for the sceptic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) heights: u64,
    pub(crate) later_rounds: u64,
    pub(crate) carried_over: u64,
    pub(crate) synced: u64,
    pub(crate) fetched: u64,
    pub(crate) crashes: u64,
    pub(crate) torn_records: u64,
    pub(crate) accused: u64,
    pub(crate) rejected: u64,
    pub(crate) messages: u64,
    pub(crate) virtual_ms: u64,
}

impl Summary {
    pub(crate) fn add(&mut self, other: &Self) {
        self.heights += other.heights;
        self.later_rounds += other.later_rounds;
        self.carried_over += other.carried_over;
        self.synced += other.synced;
        self.fetched += other.fetched;
        self.crashes += other.crashes;
        self.torn_records += other.torn_records;
        self.accused += other.accused;
        self.rejected += other.rejected;
        self.messages += other.messages;
        self.virtual_ms += other.virtual_ms;
    }
}

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) checks: Checks,
    agenda: Agenda,
    lines: Lines,
    rules: Rules,
    summary: Summary,
    generation: u64,
    goal: Option<Height>,
    trace: bool,
}

impl World {
    pub(crate) fn new(scenario: Scenario, trace: bool) -> Self {
        let identities: Vec<_> = (0..scenario.powers.len()).map(Identity::new).collect();
        let authorities: Vec<_> = identities
            .iter()
            .zip(&scenario.powers)
            .filter(|(_, power)| **power > 0)
            .map(|(identity, power)| identity.authority(*power))
            .collect();
        let seed = B256::from(*blake3::hash(&scenario.seed.to_be_bytes()).as_bytes());
        let genesis = ValidatorSet::new(&authorities, scenario.quorum, seed).expect("a set");
        let nodes: Vec<_> = identities
            .into_iter()
            .zip(&scenario.powers)
            .map(|(identity, power)| Node {
                identity,
                watches_only: *power == 0,
                life: 0,
                disk: Disk {
                    genesis: genesis.clone(),
                    chain: Vec::new(),
                    log: Vec::new(),
                    blocks: BTreeMap::new(),
                },
                memory: None,
            })
            .collect();
        let honest: BTreeSet<_> = nodes
            .iter()
            .enumerate()
            .filter(|(at, _)| scenario.lie_of(*at).is_none())
            .map(|(_, node)| node.identity.operator)
            .collect();
        let lines = Lines {
            sides: vec![0; nodes.len()],
            loss: scenario.loss,
            duplication: scenario.duplication,
            delay_ms: scenario.delay_ms,
        };
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x5eed),
            checks: Checks::new(honest),
            nodes,
            agenda: Agenda::default(),
            lines,
            rules: Rules::default(),
            summary: Summary::default(),
            generation: 0,
            goal: None,
            trace,
            scenario,
        };
        world.plan();
        world
    }

    /// Puts the scenario's misfortunes on the agenda.
    fn plan(&mut self) {
        let trouble = self.scenario.trouble_ms;
        for node in 0..self.nodes.len() {
            self.agenda.after(self.rng.random_range(0..300), Event::Restart { node });
        }
        if trouble > 0 {
            for _ in 0..self.scenario.crashes {
                let node = self.rng.random_range(0..self.nodes.len());
                self.agenda.after(self.rng.random_range(0..trouble), Event::Crash { node });
            }
            for _ in 0..self.scenario.partitions {
                let start = self.rng.random_range(0..trouble);
                self.agenda.after(start, Event::Partition);
                self.agenda.after(start + self.rng.random_range(500..8000), Event::Rejoin);
            }
        }
        self.agenda.after(trouble, Event::Heal);
    }

    /// Runs until everybody reached the goal after healing.
    pub(crate) fn run(mut self) -> Summary {
        while let Some(event) = self.agenda.next() {
            self.handle(event);
            if let Some(goal) = self.goal {
                let behind: Vec<_> =
                    self.honest().filter(|at| self.nodes[*at].disk.head() < goal).collect();
                if behind.is_empty() {
                    break;
                }
                let late = self.agenda.now_ms > self.scenario.trouble_ms + PROGRESS_MS;
                assert!(!late, "no progress after healing: {behind:?} below {goal}");
            }
        }
        self.summary.virtual_ms = self.agenda.now_ms;
        self.summary.heights = self.honest().map(|at| self.nodes[at].disk.head().0).max().unwrap();
        self.summary
    }

    fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|at| self.scenario.lie_of(*at).is_none())
    }

    fn note(&self, node: usize, what: impl std::fmt::Debug) {
        if self.trace {
            println!("{:>7} node {node}: {what:?}", self.agenda.now_ms);
        }
    }

    fn handle(&mut self, event: Event) {
        let alive = |world: &Self, node: usize, life: u32| {
            world.nodes[node].memory.is_some() && world.nodes[node].life == life
        };
        match event {
            Event::Deliver { from, to, packet } => {
                if self.nodes[to].memory.is_some() {
                    self.deliver(from, to, &packet);
                }
            }
            Event::Timer { node, life, height, timeout, generation } => {
                if !alive(self, node, life) {
                    return;
                }
                let timers = &mut self.nodes[node].memory.as_mut().unwrap().timers;
                let before = timers.len();
                timers.retain(|running| *running != (timeout, generation));
                if timers.len() < before {
                    self.note(node, timeout);
                    self.step(node, Input::Timeout { height, timeout });
                }
            }
            Event::Built { node, life, height, round } => {
                if alive(self, node, life) && self.nodes[node].height() == Some(height) {
                    self.build(node, height, round);
                }
            }
            Event::Next { node, life } => {
                if alive(self, node, life) {
                    self.start_next(node);
                }
            }
            Event::Tick { node, life } => {
                if alive(self, node, life) {
                    self.tick(node);
                }
            }
            Event::Crash { node } => self.crash(node),
            Event::Restart { node } => {
                if self.nodes[node].memory.is_none() {
                    self.boot(node);
                }
            }
            Event::Partition => {
                if self.goal.is_none() {
                    let sides = (0..self.nodes.len()).map(|_| self.rng.random_range(0..2));
                    self.lines.sides = sides.collect();
                }
            }
            Event::Rejoin => self.lines.sides.fill(0),
            Event::Heal => self.heal(),
        }
    }

    fn heal(&mut self) {
        let nodes = self.nodes.len();
        self.lines = Lines { sides: vec![0; nodes], loss: 0, duplication: 0, delay_ms: 60 };
        for node in 0..nodes {
            self.agenda.after(0, Event::Restart { node });
        }
        let head = self.honest().map(|at| self.nodes[at].disk.head().0).max().unwrap_or(0);
        self.goal = Some(Height(head + self.scenario.heights_after));
    }

    fn boot(&mut self, node: usize) {
        let first = self.nodes[node].boot();
        // Records may have reached the disk just before a crash, without anybody waiting for them.
        if let Input::StartHeight { log, .. } = &first {
            for entry in log {
                match entry {
                    WalEntry::Vote(vote) if vote.operator == self.nodes[node].identity.operator => {
                        self.checks.signed(vote);
                    }
                    _ => {}
                }
            }
        }
        self.note(node, "boots");
        let life = self.nodes[node].life;
        self.agenda.after(self.rng.random_range(0..1000), Event::Tick { node, life });
        self.step(node, first);
    }

    fn crash(&mut self, node: usize) {
        if self.goal.is_some() || self.nodes[node].memory.is_none() {
            return;
        }
        self.note(node, "crashes");
        self.summary.crashes += 1;
        self.summary.torn_records += self.nodes[node].crash(&mut self.rng) as u64;
        self.restart_later(node);
    }

    fn restart_later(&mut self, node: usize) {
        self.agenda.after(self.rng.random_range(100..6000), Event::Restart { node });
    }
}
