//! A block that its proposer has to propose again, in a round of its own, after a crash: the block
//! was built by another authority, and stays that one's.
//!
//! One engine runs; everything that the other three authorities say is made here.

use super::super::{
    blocks::Blocks,
    wire::{Frame, Part, encode_message, encode_payload_request},
};
use super::support::{
    DEADLINE, Node, authority, directory, identity, keys, network, open_chain, operator, spec_with,
};
use crate::{
    Chain,
    candidate::{BuildRequest, Candidate, payload},
    sets::Sets,
};
use bytes::Bytes;
use mfenx_chainspec::{ChainSpec, ConsensusParams, ConsensusTimeouts};
use mfenx_consensus::{
    Decision, Domain, Height, Message, NilOrVal, Operator, Proposal, Round, SignedProposal,
    ValidatorSet, Validity, Value, Vote, VoteType,
};
use mfenx_network::{
    NetworkEvent, NetworkHandle, PeerAddress, Protocol, Target, Topic, Verdict as Opinion,
};
use mfenx_primitives::{B256, Quorum};
use mfenx_txpool::{PoolConfig, PoolHandle};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

const AUTHORITIES: u8 = 4;

/// The voices of all authorities but one.
struct Voices {
    handle: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    domain: Domain,
    victim: u8,
    block: B256,
}

impl Voices {
    fn votes(&self, kind: VoteType, round: u32, value: NilOrVal<B256>) -> Vec<Bytes> {
        let others = (0..AUTHORITIES).filter(|index| *index != self.victim);
        let vote = |index| {
            let (round, operator) = (Round::new(round), Operator(operator(index)));
            let vote = Vote { kind, height: Height(1), round, value, operator };
            let signed = keys(index).consensus.sign_vote(&self.domain, vote);
            encode_message(&Message::Vote(signed))
        };
        others.map(vote).collect()
    }

    /// Says `said` again and again until the engine says what is wanted.
    async fn until<T>(
        &mut self,
        what: &str,
        said: &[Bytes],
        wanted: impl Fn(&Message) -> Option<T>,
    ) -> T {
        let search = async {
            let mut again = interval(Duration::from_millis(100));
            loop {
                let event = tokio::select! {
                    event = self.events.recv() => event.unwrap(),
                    _ = again.tick() => {
                        for bytes in said {
                            let _ = self.handle.publish(Topic::Consensus, bytes.clone());
                        }
                        continue;
                    }
                };
                let NetworkEvent::Gossip(message) = event else { continue };
                self.handle.report(message.receipt.clone(), Opinion::Accept);
                let Ok(Frame::Message(inner)) = Frame::decode(message.data.clone()) else {
                    continue;
                };
                if let Message::Proposal(proposal) = &inner {
                    assert_eq!(proposal.value.0, self.block, "{what}: it proposed another block");
                }
                if let Some(found) = wanted(&inner) {
                    return found;
                }
            }
        };
        timeout(DEADLINE, search).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// The engine's proposal of round 1.
    async fn proposal(&mut self, what: &str, said: &[Bytes]) -> SignedProposal {
        let ours = Operator(operator(self.victim));
        self.until(what, said, |message| match message {
            Message::Proposal(one) if one.operator == ours && one.round == Round::new(1) => {
                Some(one.clone())
            }
            _ => None,
        })
        .await
    }
}

/// The engine with the record that it has, told that its keys are new.
fn start(path: &Path, spec: &Arc<ChainSpec>, who: u8, to: &PeerAddress) -> Node {
    Node::start_at_once(path, spec, who, std::slice::from_ref(to), true)
}

/// The first height of a chain that nobody has begun.
struct Scene {
    spec: Arc<ChainSpec>,
    chain: Chain,
    set: ValidatorSet,
    _scratch: tempfile::TempDir,
}

impl Scene {
    /// Nobody's patience ends before the engine has looked at a block.
    fn new() -> Self {
        let timeouts = ConsensusTimeouts {
            propose_ms: 20_000,
            prevote_ms: 200,
            precommit_ms: 200,
            delta_ms: 200,
        };
        let authorities = (0..AUTHORITIES).map(|index| authority(index, &keys(index))).collect();
        let (quorum, epoch_blocks) = (Quorum::Bft, 1_000);
        let spec = spec_with(ConsensusParams { quorum, epoch_blocks, authorities, timeouts }, 100);
        let scratch = directory();
        let chain = open_chain(scratch.path(), &spec);
        let reader = chain.store().reader().unwrap();
        let authorities = Sets::new(Arc::clone(&spec)).unwrap().after_head(&reader).unwrap();
        drop(reader);
        Self { spec, chain, set: authorities.set().clone(), _scratch: scratch }
    }

    /// Whose turn a round is.
    fn turn(&self, round: u32) -> u8 {
        let operator_of_turn = self.set.proposer(round).operator.0;
        (0..AUTHORITIES).find(|index| operator(*index) == operator_of_turn).unwrap()
    }

    /// A block of the authority whose turn it is.
    fn build(&self, round: u32) -> Candidate {
        let (builder, head) = (self.turn(round), self.chain.head().unwrap());
        let pool = PoolHandle::new(Arc::clone(&self.spec), PoolConfig::default(), &head);
        let request = BuildRequest {
            set: self.set.clone(),
            height: 1,
            round,
            operator: operator(builder),
            time_max: Duration::from_secs(1),
        };
        self.chain.build_candidate(&pool, &keys(builder).vrf, &request).unwrap()
    }

    /// A proposal of a block by the authority whose turn it is.
    fn propose(&self, round: u32, block: B256) -> SignedProposal {
        let proposer = self.turn(round);
        let proposal = Proposal {
            height: Height(1),
            round: Round::new(round),
            value: Value(block),
            valid_round: Round::Nil,
            operator: Operator(operator(proposer)),
        };
        keys(proposer).consensus.sign_proposal(&self.chain.domain(), proposal)
    }
}

/// A liar may propose now what it built for a turn to come, with a header that speaks of rounds that
/// never were; or what somebody else builds for a later round, to spoil it.
#[tokio::test]
async fn a_block_is_not_known_by_proposals_of_rounds_before_its_own() {
    let scene = Scene::new();
    let candidate = scene.build(1);
    let hash = candidate.hash();
    let mut blocks = Blocks::default();
    blocks.start_height(1);
    blocks.insert(1, hash, candidate.payload(), None);
    blocks.proposed(scene.propose(0, hash));
    blocks.set_valid(candidate);
    assert_eq!(blocks.verdict(hash), None);
    blocks.proposed(scene.propose(1, hash));
    let verdict = blocks.verdict(hash).unwrap();
    assert_eq!((verdict.round, verdict.validity), (Round::new(1), Validity::Valid));
    assert_eq!(blocks.verdict(hash), None, "it is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposer_that_crashed_proposes_the_block_again_that_it_is_locked_on() {
    let scene = Scene::new();
    let (builder, victim) = (scene.turn(0), scene.turn(1));
    let (spec, chain, path) = (&scene.spec, &scene.chain, directory());
    let candidate = scene.build(0);
    let (block, sent) = (candidate.hash(), candidate.payload());
    let (handle, events, task) = network(chain, identity(builder), true, &[]);
    let stop = CancellationToken::new();
    tokio::spawn(task.run(stop.clone()));
    let addresses = handle.listening().await.to_vec();
    let here = PeerAddress { peer: handle.local_peer_id(), addresses };
    let mut voices = Voices { handle, events, domain: chain.domain(), victim, block };

    // Round 0: all vote for the block, and the engine is locked on it.
    let node = start(path.path(), spec, victim, &here);
    let mut said = vec![encode_message(&Message::Proposal(scene.propose(0, block)))];
    said.extend(Part::all(1, block, &sent).iter().map(Part::encode));
    let voted = |kind: VoteType, round: u32| {
        move |message: &Message| match message {
            Message::Vote(vote) if vote.operator.0 == operator(victim) => {
                let here = vote.kind == kind && vote.round == Round::new(round);
                here.then_some(vote.value)
            }
            _ => None,
        }
    };
    let value = voices.until("a prevote", &said, voted(VoteType::Prevote, 0)).await;
    assert_eq!(value, NilOrVal::Val(block));
    let prevotes = voices.votes(VoteType::Prevote, 0, NilOrVal::Val(block));
    let value = voices.until("a precommit", &prevotes, voted(VoteType::Precommit, 0)).await;
    assert_eq!(value, NilOrVal::Val(block));
    node.kill().await;

    // The others never saw the polka. It is the engine's turn, and its log says what it proposes.
    let node = start(path.path(), spec, victim, &here);
    let nothing = voices.votes(VoteType::Precommit, 0, NilOrVal::Nil);
    let first = voices.proposal("the block again", &nothing).await;
    assert_eq!(first.valid_round, Round::new(0));
    node.kill().await;

    // Once more: it stands by it, and serves the block as its builder made it.
    let node = start(path.path(), spec, victim, &here);
    let value = voices.until("its vote for it", &[], voted(VoteType::Prevote, 1)).await;
    assert_eq!(value, NilOrVal::Val(block));
    let target = Target::Peer(identity(victim).peer_id());
    let request = encode_payload_request(block);
    let answer = voices.handle.request(target, Protocol::Parts, request).await.unwrap();
    assert_eq!(answer.data, sent);
    let mut said = voices.votes(VoteType::Prevote, 1, NilOrVal::Val(block));
    said.extend(voices.votes(VoteType::Precommit, 1, NilOrVal::Val(block)));
    let value = voices.until("its last word", &said, voted(VoteType::Precommit, 1)).await;
    assert_eq!(value, NilOrVal::Val(block));
    let decided = async {
        while node.height() < 1 {
            for bytes in &said {
                let _ = voices.handle.publish(Topic::Consensus, bytes.clone());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, decided).await.unwrap();
    assert_eq!(node.hash(1), block);
    let reader = node.chain.store().reader().unwrap();
    let decision = Decision::decode(&reader.certificate(1).unwrap().unwrap()).unwrap();
    let held = reader.block(1).unwrap().unwrap().into_block();
    assert_eq!(held.header.beneficiary, operator(builder));
    assert_eq!((decision.certificate.round, payload(&decision.proof, &held)), (1, sent.to_vec()));
    stop.cancel();
}
