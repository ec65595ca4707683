//! Gossip that is lost. Two of three authorities live, so that every vote and every proposal counts.
//!
//! | lost | what makes up for it |
//! |---|---|
//! | proposal | the next round has another |
//! | part of a block | the block is asked for by its hash |
//! | prevote, precommit | said again every two seconds |
//! | polka, round certificate | votes; a vote of a later round leads there |
//! | head | the status that peers ask each other for |

use super::super::wire::Frame;
use super::support::{Node, Sieve, addresses, agree, all_vote, directory, spec};
use mfenx_consensus::{Certificate, Message, VoteType};
use mfenx_network::{GossipMessage, PeerId, Topic};
use mfenx_primitives::Quorum;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const BLOCK_MS: u64 = 100;
/// One of three has a turn within so many heights: else the chance is one in a million.
const TURNS_MAX: u64 = 35;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Proposal,
    Part,
    Prevote,
    Precommit,
    Certificate,
    Head,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Proposal, Self::Part, Self::Prevote, Self::Precommit, Self::Certificate, Self::Head];

    /// With the height that it is about.
    fn of(message: &GossipMessage) -> Option<(Self, u64)> {
        match message.topic {
            Topic::Transactions => None,
            Topic::Heads => Some((Self::Head, Certificate::decode(&message.data).ok()?.height.0)),
            Topic::Consensus => Some(match Frame::decode(message.data.clone()).ok()? {
                Frame::Part(part) => (Self::Part, part.height),
                Frame::Evidence(_) => return None,
                Frame::Message(inner) => {
                    let height = inner.height().0;
                    match inner {
                        Message::Proposal(_) => (Self::Proposal, height),
                        Message::Vote(vote) if vote.kind == VoteType::Prevote => {
                            (Self::Prevote, height)
                        }
                        Message::Vote(_) => (Self::Precommit, height),
                        Message::Polka(_) | Message::Round(_) => (Self::Certificate, height),
                    }
                }
            }),
        }
    }

    /// Whether all of its kind may be lost. What is said more than once is lost the first time.
    const fn is_spare(self) -> bool {
        matches!(self, Self::Part | Self::Certificate | Self::Head)
    }
}

/// Loses messages of one kind at a time: that of the index, and how many were lost.
fn without(kind: &Arc<AtomicUsize>, lost: &Arc<AtomicUsize>) -> Sieve {
    let (kind, lost) = (Arc::clone(kind), Arc::clone(lost));
    let mut seen: HashSet<(Kind, u64, PeerId)> = HashSet::new();
    Box::new(move |message| {
        let unwanted = Kind::ALL.get(kind.load(Ordering::SeqCst)).copied();
        let Some((found, height)) = Kind::of(message).filter(|(found, _)| Some(*found) == unwanted)
        else {
            return true;
        };
        let heard = !found.is_spare() && !seen.insert((found, height, message.source));
        lost.fetch_add(usize::from(!heard), Ordering::SeqCst);
        heard
    })
}

/// The first two of three authorities, behind sieves; the third was there for the first block.
async fn two_of_three(sieve: impl Fn(u8) -> Sieve) -> (Vec<Node>, [tempfile::TempDir; 3]) {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let mut nodes: Vec<Node> = Vec::new();
    for index in 0..3 {
        let others = addresses(&nodes).await;
        let path = directories[usize::from(index)].path();
        nodes.push(Node::start_behind(path, &spec, index, &others, sieve(index)));
    }
    all_vote(&nodes).await;
    nodes[0].reach(1).await;
    nodes.pop().unwrap().kill().await;
    (nodes, directories)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_message_may_be_lost() {
    let (kind, lost) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::<AtomicUsize>::default());
    let (nodes, _directories) = two_of_three(|_| without(&kind, &lost)).await;
    for (index, name) in Kind::ALL.iter().enumerate() {
        lost.store(0, Ordering::SeqCst);
        kind.store(index, Ordering::SeqCst);
        let first = nodes[0].height() + 3;
        // Certificates are said only when it is the dead one's turn, and whose turn it is is chance.
        for height in first..first + TURNS_MAX {
            for node in &nodes {
                node.reach(height).await;
            }
            if lost.load(Ordering::SeqCst) > 0 {
                break;
            }
        }
        assert!(lost.load(Ordering::SeqCst) > 0, "no {name:?} was lost");
    }
    agree(&nodes, nodes[0].height().min(nodes[1].height()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_come_while_a_quarter_of_all_gossip_is_lost() {
    let seed: u64 = match std::env::var("MFENX_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => rand::random(),
    };
    println!("MFENX_SEED={seed}");
    let sieve = |index: u8| -> Sieve {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ u64::from(index));
        Box::new(move |_| !rng.random_ratio(1, 4))
    };
    let (nodes, _directories) = two_of_three(sieve).await;
    // Every other round fails: the deadline is for each height.
    let first = nodes[0].height() + 1;
    for height in first..first + 6 {
        for node in &nodes {
            node.reach(height).await;
        }
    }
    agree(&nodes, first + 5);
}
