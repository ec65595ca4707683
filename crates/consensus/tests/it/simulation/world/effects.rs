//! Carrying out what machines ask for, with crashes in between.

use mfenx_consensus::{Effect, Error, Height, Input, Message, Round, Verdict, WalEntry};
use rand::Rng;

use super::World;
use crate::simulation::application::Block;
use crate::simulation::network::{Event, Packet};
use crate::simulation::node::Node;

impl World {
    /// Steps a machine and carries out its effects; a crash may come in between.
    pub(super) fn step(&mut self, node: usize, input: Input) -> Option<Verdict> {
        let memory = self.nodes[node].memory.as_mut()?;
        let effects = match memory.machine.step(input) {
            Ok(effects) => effects,
            // A liar's machine finds out that its key says other things elsewhere.
            Err(Error::DoubleSign(..) | Error::LogConflict(..))
                if self.scenario.lie_of(node).is_some() =>
            {
                self.give_up_log(node);
                return None;
            }
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

    /// A liar whose machine stopped starts again without its log.
    fn give_up_log(&mut self, liar: usize) {
        self.nodes[liar].crash(&mut self.rng);
        self.nodes[liar].disk.log.clear();
        self.restart_later(liar);
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
    pub(super) fn sync_log(&mut self, node: usize) {
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

    pub(super) fn build(&mut self, node: usize, height: Height, round: u32) {
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
}
