//! Nodes, lines and clock together, and the loop that runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use alloy_primitives::B256;
use mfenx_consensus::{
    Certificate, Effect, Height, Input, LoggedValue, Message, Round, ValidatorSet, Validity,
    Verdict, WalEntry, verify_certificate,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::application::{Block, Rules};
use super::checks::Checks;
use super::network::{Agenda, Event, Lines, Packet};
use super::node::{Decided, Disk, Node};
use super::scenario::Scenario;
use crate::fixtures::{DOMAIN, Identity};

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
        self.agenda.after(self.rng.random_range(100..6000), Event::Restart { node });
    }

    /// Steps a machine and carries out its effects; a crash may come in between.
    fn step(&mut self, node: usize, input: Input) -> Option<Verdict> {
        let Some(memory) = self.nodes[node].memory.as_mut() else { return None };
        let effects = match memory.machine.step(input) {
            Ok(effects) => effects,
            Err(error) => panic!("node {node}: {error}"),
        };
        let mut verdict = None;
        for effect in effects {
            if self.scenario.crash_in_step > 0
                && self.goal.is_none()
                && self.rng.random_ratio(self.scenario.crash_in_step, 10_000)
            {
                self.crash(node);
            }
            if self.nodes[node].memory.is_none() {
                return verdict;
            }
            if let Effect::Verdict(said) = effect {
                verdict = Some(said);
            } else {
                self.carry_out(node, effect);
            }
        }
        verdict
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        let life = self.nodes[node].life;
        let memory = self.nodes[node].memory.as_mut().expect("checked by the caller");
        match effect {
            Effect::Verdict(_) => {}
            Effect::WalAppend(entry) => {
                // A height that is committed needs no log any more.
                if memory.machine.status().height > self.nodes[node].disk.head() {
                    let record = entry.encode();
                    self.nodes[node].memory.as_mut().unwrap().unsynced.push(record);
                }
            }
            Effect::Publish(message) => self.publish(node, &message),
            Effect::BuildValue { height, round, .. } => {
                let delay = self.rng.random_range(5..120);
                self.agenda.after(delay, Event::Built { node, life, height, round });
            }
            Effect::RepublishValue { round, valid_round, block_hash, .. } => {
                let block = self.nodes[node].disk.blocks[&block_hash].clone();
                self.broadcast(node, Packet::Block { block, round, valid_round });
            }
            Effect::ScheduleTimeout { height, timeout, after } => {
                self.generation += 1;
                let generation = self.generation;
                memory.timers.retain(|(running, _)| *running != timeout);
                memory.timers.push((timeout, generation));
                let event = Event::Timer { node, life, height, timeout, generation };
                self.agenda.after(after.as_millis() as u64, event);
            }
            Effect::CancelTimeout(timeout) => {
                memory.timers.retain(|(running, _)| *running != timeout);
            }
            Effect::CancelAllTimeouts => memory.timers.clear(),
            Effect::StartRound { height, round, .. } => {
                memory.round = round;
                self.note(node, ("round", height, round));
            }
            Effect::Decide(certificate) => {
                let block = self.nodes[node].disk.blocks[&certificate.block_hash].clone();
                if certificate.height > self.nodes[node].disk.head() {
                    self.commit(node, block, certificate);
                    let delay = self.rng.random_range(0..60);
                    self.agenda.after(delay, Event::Next { node, life });
                }
            }
            Effect::FetchDecided(certificate) => {
                let hash = certificate.block_hash;
                memory.wanted = Some(certificate);
                match self.nodes[node].disk.blocks.get(&hash).cloned() {
                    Some(block) => self.found(node, block),
                    None => self.broadcast(node, Packet::AskBlock(hash)),
                }
            }
            Effect::Equivocation(evidence) => {
                let validators = memory.machine.validators().clone();
                self.checks.accused(&validators, &evidence);
                self.summary.accused += 1;
            }
            Effect::Behind { height, .. } => {
                memory.highest_heard = memory.highest_heard.max(Height(height.0 - 1));
            }
        }
    }

    fn publish(&mut self, node: usize, message: &Message) {
        self.sync_log(node);
        let memory = self.nodes[node].memory.as_ref().expect("checked by the caller");
        let validators = memory.machine.validators().clone();
        self.checks.sent(&validators, message);
        self.check_logged(node, message);
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes).map(|m| m.encode()).as_ref(), Ok(&bytes));
        self.broadcast(node, Packet::Message(bytes));
        if let Some(lie) = self.scenario.lie_of(node) {
            self.lie_beside(node, message, lie);
        }
    }

    /// Nothing of a node's own leaves before its record is durable, or its height committed.
    fn check_logged(&self, node: usize, message: &Message) {
        let (operator, entry) = match message {
            Message::Vote(vote) => (vote.operator, WalEntry::Vote(vote.clone())),
            Message::Proposal(it) => (it.operator, WalEntry::Proposal(it.clone())),
            Message::Polka(_) | Message::Round(_) => return,
        };
        let Node { identity, disk, .. } = &self.nodes[node];
        if operator == identity.operator && disk.head() < message.height() {
            assert!(disk.log.contains(&entry.encode()), "published without a record: {entry:?}");
        }
    }

    /// Makes the records durable that wait for it.
    fn sync_log(&mut self, node: usize) {
        let Node { memory, disk, identity, .. } = &mut self.nodes[node];
        let Some(memory) = memory.as_mut() else { return };
        for record in std::mem::take(&mut memory.unsynced) {
            match WalEntry::decode(&record).expect("encoded by this node") {
                WalEntry::Vote(vote) if vote.operator == identity.operator => {
                    self.checks.signed(&vote);
                }
                _ => {}
            }
            disk.log.push(record);
        }
    }

    fn build(&mut self, node: usize, height: Height, round: u32) {
        match self.scenario.lie_of(node) {
            Some(lie) => self.propose_as_liar(node, height, round, lie),
            None => {
                let block = self.make_block(node, height, round, height);
                self.offer_block(node, block, height, round);
            }
        }
    }

    pub(crate) fn make_block(
        &mut self,
        node: usize,
        height: Height,
        round: u32,
        randomness_of: Height,
    ) -> Block {
        let nonce = self.rng.random();
        let Node { identity, disk, .. } = &self.nodes[node];
        let parent = disk.head_hash();
        let validators = disk.next_set();
        Block::build(identity, validators, (height, round), parent, nonce, randomness_of)
    }

    /// Shows a block to all, and to the node's own machine.
    pub(crate) fn offer_block(&mut self, node: usize, block: Block, height: Height, round: u32) {
        let block_hash = block.hash();
        self.nodes[node].disk.blocks.insert(block_hash, block.clone());
        self.broadcast(node, Packet::Block { block, round, valid_round: Round::Nil });
        self.step(node, Input::ValueBuilt { height, round, block_hash });
    }

    fn broadcast(&mut self, from: usize, packet: Packet) {
        let everybody: Vec<_> = (0..self.nodes.len()).filter(|to| *to != from).collect();
        self.send(from, &everybody, packet);
    }

    pub(crate) fn send(&mut self, from: usize, to: &[usize], packet: Packet) {
        let packet = Rc::new(packet);
        for &to in to {
            for delay in self.lines.deliveries(&mut self.rng, from, to) {
                self.summary.messages += 1;
                let packet = Rc::clone(&packet);
                self.agenda.after(delay, Event::Deliver { from, to, packet });
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize, packet: &Packet) {
        match packet {
            Packet::Message(bytes) => self.deliver_message(from, to, bytes),
            Packet::Block { block, round, valid_round } => {
                self.receive_block(from, to, block.clone(), *round, *valid_round);
            }
            Packet::Status(head) => {
                let heard = &mut self.nodes[to].memory.as_mut().unwrap().highest_heard;
                *heard = (*heard).max(*head);
            }
            Packet::AskDecided(first) => {
                let chain = &self.nodes[to].disk.chain;
                let skipped = first.0.saturating_sub(1) as usize;
                let answer: Vec<_> = chain
                    .iter()
                    .skip(skipped)
                    .take(20)
                    .map(|decided| (decided.block.clone(), decided.certificate.encode()))
                    .collect();
                if !answer.is_empty() {
                    self.send(to, &[from], Packet::Decided(answer));
                }
            }
            Packet::Decided(blocks) => {
                for (block, certificate) in blocks {
                    let certificate = Certificate::decode(certificate).expect("an encoding");
                    self.sync(to, block.clone(), certificate);
                }
            }
            Packet::AskBlock(hash) => {
                if let Some(block) = self.nodes[to].disk.blocks.get(hash).cloned() {
                    self.send(to, &[from], Packet::FoundBlock(block));
                }
            }
            Packet::FoundBlock(block) => self.found(to, block.clone()),
        }
    }

    fn deliver_message(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let liar = self.scenario.lie_of(from).is_some();
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                assert!(liar, "node {from} sent what does not decode: {error}");
                return;
            }
        };
        if let Some(Verdict::Reject(reason)) = self.step(to, Input::Message(message)) {
            self.summary.rejected += 1;
            assert!(liar, "node {to} rejected a message of node {from}: {reason:?}");
        }
    }

    fn receive_block(&mut self, from: usize, to: usize, block: Block, round: u32, valid: Round) {
        let node = &mut self.nodes[to];
        let memory = node.memory.as_mut().expect("checked by the caller");
        let height = memory.machine.status().height;
        if block.height > height {
            if block.height.0 == height.0 + 1 && memory.early.len() < 8 {
                memory.early.push((block, round, valid));
            }
            return;
        }
        // Streams are signed by the proposer of their round.
        let proposer = memory.machine.validators().proposer(round).operator;
        let liar = self.scenario.lie_of(from).is_some();
        if liar && proposer != self.nodes[from].identity.operator {
            return;
        }
        let node = &mut self.nodes[to];
        let memory = node.memory.as_mut().expect("checked by the caller");
        if block.height < height || node.disk.head() >= height {
            return;
        }
        let hash = block.hash();
        if !memory.announced.insert((hash, round)) {
            return;
        }
        let validators = memory.machine.validators().clone();
        let valid_block = self.rules.check(&validators, node.disk.head_hash(), &block).is_some();
        node.disk.blocks.insert(hash, block);
        let value = LoggedValue {
            height,
            round: Round::new(round),
            valid_round: valid,
            proposer,
            value: hash.into(),
            validity: Validity::from_bool(valid_block),
        };
        self.step(to, Input::ValueReceived(value));
    }

    /// A block somebody had, wanted or not.
    fn found(&mut self, node: usize, block: Block) {
        let Some(memory) = self.nodes[node].memory.as_mut() else { return };
        let Some(wanted) = memory.wanted.clone() else { return };
        if wanted.block_hash == block.hash() && wanted.height > self.nodes[node].disk.head() {
            self.summary.fetched += 1;
            self.commit(node, block, wanted);
            self.start_next(node);
        }
    }

    /// A block with its certificate, past the machine.
    fn sync(&mut self, node: usize, block: Block, certificate: Certificate) {
        let disk = &self.nodes[node].disk;
        if self.nodes[node].memory.is_none() || certificate.height.0 != disk.head().0 + 1 {
            return;
        }
        let validators = disk.next_set().clone();
        verify_certificate(&DOMAIN, &validators, &certificate).expect("a certificate");
        assert_eq!(block.hash(), certificate.block_hash);
        self.summary.synced += 1;
        self.commit(node, block, certificate);
        self.start_next(node);
    }

    fn commit(&mut self, at: usize, block: Block, certificate: Certificate) {
        self.note(at, ("commits", certificate.height, certificate.round, certificate.block_hash));
        let disk = &mut self.nodes[at].disk;
        assert_eq!(certificate.height.0, disk.head().0 + 1);
        let validators = disk.next_set().clone();
        let next_seed = self
            .rules
            .check(&validators, disk.head_hash(), &block)
            .expect("an invalid block was decided");
        if self.scenario.lie_of(at).is_none() {
            self.checks.decided(&validators, &certificate);
        }
        self.summary.later_rounds += u64::from(certificate.round > 0);
        self.summary.carried_over += u64::from(certificate.round > block.extra.built_round);
        let next = validators.with_seed(next_seed);
        disk.blocks.insert(block.hash(), block.clone());
        disk.chain.push(Decided { block, certificate, next });
        // The commit is durable in the place of the log.
        self.sync_log(at);
        self.nodes[at].disk.log.clear();
        if let Some(memory) = self.nodes[at].memory.as_mut() {
            memory.wanted = None;
        }
    }

    /// Starts the height above the head, unless it is running.
    fn start_next(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let height = Height(node.disk.head().0 + 1);
        let validators = node.disk.next_set().clone();
        let memory = node.memory.as_mut().expect("checked by the caller");
        if memory.machine.status().height >= height {
            return;
        }
        memory.announced.clear();
        let early = std::mem::take(&mut memory.early);
        self.step(at, Input::StartHeight { height, validators, log: Vec::new() });
        for (block, round, valid) in early {
            if self.nodes[at].memory.is_some() {
                self.receive_block(at, at, block, round, valid);
            }
        }
    }

    /// Once a second: tell where we are, ask for what is missing.
    fn tick(&mut self, node: usize) {
        let life = self.nodes[node].life;
        self.agenda.after(1000, Event::Tick { node, life });
        let head = self.nodes[node].disk.head();
        self.broadcast(node, Packet::Status(head));
        let memory = self.nodes[node].memory.as_ref().expect("checked by the caller");
        let wanted = memory.wanted.as_ref().map(|certificate| certificate.block_hash);
        if let Some(hash) = wanted {
            self.broadcast(node, Packet::AskBlock(hash));
        }
        let memory = self.nodes[node].memory.as_ref().expect("nothing crashed it");
        if memory.highest_heard > head {
            let peer = self.rng.random_range(0..self.nodes.len());
            if peer != node {
                self.send(node, &[peer], Packet::AskDecided(Height(head.0 + 1)));
            }
        }
    }
}
