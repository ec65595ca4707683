//! What liars do at the edge of their machines.

use mfenx_consensus::{Height, Message, NilOrVal, Proposal, Round, SignedVote, Value, Vote};
use rand::Rng;

use super::application::Block;
use super::network::Packet;
use super::scenario::Lie;
use super::world::World;
use crate::fixtures::DOMAIN;

impl World {
    /// A liar's turn to propose.
    pub(crate) fn propose_as_liar(&mut self, liar: usize, height: Height, round: u32, lie: Lie) {
        match lie {
            Lie::NoProposal => {}
            Lie::WrongProof => {
                let block = self.make_block(liar, height, round, Height(height.0 + 1));
                self.offer_block(liar, block, height, round);
            }
            Lie::DoubleVotes => {
                let block = self.make_block(liar, height, round, height);
                self.offer_block(liar, block, height, round);
            }
            Lie::TwoProposals | Lie::Everything => {
                let one = self.make_block(liar, height, round, height);
                let other = self.make_block(liar, height, round, height);
                let half = self.some_nodes(liar);
                self.nodes[liar].disk.blocks.insert(other.hash(), other.clone());
                self.show_to(liar, &half, &other, height, round);
                self.offer_block(liar, one, height, round);
            }
        }
    }

    /// Sends some nodes a proposal that the liar's machine knows nothing of.
    fn show_to(&mut self, liar: usize, to: &[usize], block: &Block, height: Height, round: u32) {
        let identity = &self.nodes[liar].identity;
        let proposal = Proposal {
            height,
            round: Round::new(round),
            value: Value(block.hash()),
            valid_round: Round::Nil,
            operator: identity.operator,
        };
        let signed = identity.key.sign_proposal(&DOMAIN, proposal);
        let packet = Packet::Block { block: block.clone(), round, valid_round: Round::Nil };
        self.send(liar, to, packet);
        self.send(liar, to, Packet::Message(Message::Proposal(signed).encode()));
    }

    /// What a liar adds to a message of its own.
    pub(crate) fn lie_beside(&mut self, liar: usize, message: &Message, lie: Lie) {
        if lie == Lie::Everything && self.rng.random_ratio(1, 4) {
            self.make_noise(liar, message);
        }
        if !matches!(lie, Lie::DoubleVotes | Lie::Everything) {
            return;
        }
        let Message::Vote(vote) = message else { return };
        if vote.operator != self.nodes[liar].identity.operator {
            return;
        }
        let double = self.contradict(liar, vote);
        let half = self.some_nodes(liar);
        let set = self.nodes[liar].memory.as_ref().map(|m| m.machine.validators().clone());
        if let Some(set) = set {
            self.checks.sent(&set, &Message::Vote(double.clone()));
        }
        self.send(liar, &half, Packet::Message(Message::Vote(double).encode()));
    }

    fn contradict(&mut self, liar: usize, vote: &SignedVote) -> SignedVote {
        let node = &self.nodes[liar];
        let of_height = node.disk.blocks.iter().filter(|(_, block)| block.height == vote.height);
        let other =
            of_height.map(|(hash, _)| *hash).find(|hash| vote.value != NilOrVal::Val(*hash));
        let value = match (vote.value, other) {
            (NilOrVal::Val(_), _) if self.rng.random_ratio(1, 4) => NilOrVal::Nil,
            (_, Some(hash)) => NilOrVal::Val(hash),
            (NilOrVal::Val(_), None) => NilOrVal::Nil,
            (NilOrVal::Nil, None) => NilOrVal::Val(self.rng.random::<[u8; 32]>().into()),
        };
        node.identity.key.sign_vote(&DOMAIN, Vote { value, ..vote.message.clone() })
    }

    /// Bytes that are nothing, or a message with one bit flipped.
    fn make_noise(&mut self, liar: usize, message: &Message) {
        let bytes = if self.rng.random_ratio(1, 2) {
            (0..self.rng.random_range(0..200)).map(|_| self.rng.random()).collect()
        } else {
            let mut bytes = message.encode();
            let bit = self.rng.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        let to = self.some_nodes(liar);
        self.send(liar, &to, Packet::Message(bytes));
    }

    /// A random half of the others.
    fn some_nodes(&mut self, except: usize) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|node| *node != except && self.rng.random_ratio(1, 2))
            .collect()
    }
}
