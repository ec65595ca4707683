//! What nodes send each other, and what they do with it.

use std::rc::Rc;

use mfenx_consensus::{
    Certificate, Height, Input, LoggedValue, Message, Round, Validity, Verdict, verify_certificate,
};
use rand::Rng;

use super::World;
use crate::fixtures::DOMAIN;
use crate::simulation::application::Block;
use crate::simulation::network::{Event, Packet};
use crate::simulation::node::Decided;

impl World {
    pub(super) fn broadcast(&mut self, from: usize, packet: Packet) {
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

    pub(super) fn deliver(&mut self, from: usize, to: usize, packet: &Packet) {
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
    pub(super) fn found(&mut self, node: usize, block: Block) {
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

    pub(super) fn commit(&mut self, at: usize, block: Block, certificate: Certificate) {
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
    pub(super) fn start_next(&mut self, at: usize) {
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
    pub(super) fn tick(&mut self, node: usize) {
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
