//! The record of what was signed, beyond what the core would ever ask of it.

use alloy_primitives::B256;
use malachite_core_types::{NilOrVal, Round, VoteType};

use super::record::Record;
use crate::{
    ConsensusKey, Domain, Error, Height, Operator, Proposal, SignedProposal, SignedVote, Value,
    Vote,
};

const DOMAIN: Domain = Domain { chain_id: 1, genesis_hash: B256::ZERO };

fn key() -> ConsensusKey {
    ConsensusKey::from_seed(&[7; 32])
}

fn vote(kind: VoteType, round: u32, hash: Option<u8>) -> Vote {
    Vote {
        kind,
        height: Height(3),
        round: Round::new(round),
        value: hash.map_or(NilOrVal::Nil, |byte| NilOrVal::Val(B256::repeat_byte(byte))),
        operator: Operator::default(),
    }
}

fn proposal(round: u32, hash: u8) -> Proposal {
    Proposal {
        height: Height(3),
        round: Round::new(round),
        value: Value(B256::repeat_byte(hash)),
        valid_round: Round::Nil,
        operator: Operator::default(),
    }
}

fn sign_vote(vote: Vote) -> SignedVote {
    key().sign_vote(&DOMAIN, vote)
}

fn sign_proposal(proposal: Proposal) -> SignedProposal {
    key().sign_proposal(&DOMAIN, proposal)
}

#[test]
fn a_second_message_is_not_signed() {
    let mut record = Record::default();
    let first = record.vote(vote(VoteType::Prevote, 0, Some(1)), sign_vote).unwrap();
    assert_eq!(record.vote(vote(VoteType::Prevote, 0, Some(1)), |_| panic!("again")), Ok(first));
    for hash in [None, Some(2)] {
        let outcome = record.vote(vote(VoteType::Prevote, 0, hash), |_| panic!("signed"));
        assert_eq!(outcome, Err(Error::DoubleSign(Height(3), 0)));
    }
    assert!(record.vote(vote(VoteType::Precommit, 0, None), sign_vote).is_ok());
    assert!(record.vote(vote(VoteType::Prevote, 1, None), sign_vote).is_ok());

    record.proposal(proposal(0, 1), sign_proposal).unwrap();
    let outcome = record.proposal(proposal(0, 2), |_| panic!("signed"));
    assert_eq!(outcome, Err(Error::DoubleSign(Height(3), 0)));
    assert!(record.proposal(proposal(1, 2), sign_proposal).is_ok());
}

#[test]
fn the_log_binds_like_a_signature() {
    let mut record = Record::default();
    let signed = sign_vote(vote(VoteType::Precommit, 2, Some(1)));
    record.recover_vote(&signed).unwrap();
    let outcome = record.vote(vote(VoteType::Precommit, 2, None), |_| panic!("signed"));
    assert_eq!(outcome, Err(Error::DoubleSign(Height(3), 2)));
    assert_eq!(
        record.recover_vote(&sign_vote(vote(VoteType::Precommit, 2, None))),
        Err(Error::LogConflict(Height(3), 2))
    );
    assert!(!record.log_vote(&signed), "it is in the log already");
    assert!(
        !record.signed_vote(&signed.message, &signed.signature),
        "what the log says is verified before it is believed"
    );
    record.recover_proposal(&sign_proposal(proposal(1, 1))).unwrap();
    assert!(record.has_proposal(1) && !record.has_proposal(0));
    assert_eq!(
        record.recover_proposal(&sign_proposal(proposal(1, 2))),
        Err(Error::LogConflict(Height(3), 1))
    );
}

#[test]
fn every_message_goes_to_the_log_once() {
    let mut record = Record::default();
    let signed = record.vote(vote(VoteType::Prevote, 0, None), sign_vote).unwrap();
    assert!(record.signed_vote(&signed.message, &signed.signature));
    assert!(record.log_vote(&signed));
    assert!(!record.log_vote(&signed));
    let foreign =
        ConsensusKey::from_seed(&[8; 32]).sign_vote(&DOMAIN, vote(VoteType::Prevote, 1, None));
    assert!(!record.log_vote(&foreign), "not ours");
    record.clear();
    assert!(record.vote(vote(VoteType::Prevote, 0, Some(1)), sign_vote).is_ok(), "a new height");
}
