//! Signatures, certificates and evidence: what verifies, and what must not.

use alloy_primitives::B256;
use mfenx_consensus::{
    Certificate, CertificateError, Domain, Evidence, EvidenceError, Height, NilOrVal, Proposal,
    PublicKey, Round, SignedProposal, SignedVote, ValidatorSet, Value, Vote, VoteType, thresholds,
    verify_certificate,
};
use mfenx_primitives::Quorum;

use crate::fixtures::{DOMAIN, Identity, authorities};

const HASH: B256 = B256::repeat_byte(0xab);

fn vote(identity: &Identity, kind: VoteType, value: NilOrVal<B256>) -> SignedVote {
    let (height, round) = (Height(7), Round::new(3));
    let vote = Vote { kind, height, round, value, operator: identity.operator };
    identity.key.sign_vote(&DOMAIN, vote)
}

fn proposal(identity: &Identity, hash: u8, valid_round: Round) -> SignedProposal {
    let proposal = Proposal {
        height: Height(7),
        round: Round::new(3),
        value: Value(B256::repeat_byte(hash)),
        valid_round,
        operator: identity.operator,
    };
    identity.key.sign_proposal(&DOMAIN, proposal)
}

/// The precommits of the first `signers` identities.
fn certificate(identities: &[Identity], set: &ValidatorSet, signers: usize) -> Certificate {
    let mut signatures: Vec<_> = identities
        .iter()
        .take(signers)
        .map(|identity| {
            let vote = vote(identity, VoteType::Precommit, NilOrVal::Val(HASH));
            (set.index_of(&identity.operator).unwrap(), vote.signature)
        })
        .collect();
    signatures.sort_by_key(|(index, _)| *index);
    Certificate { height: Height(7), round: 3, block_hash: HASH, signatures }
}

#[test]
fn a_signature_holds_for_exactly_one_message_on_one_chain() {
    let identity = Identity::new(0);
    let key = identity.key.public_key();
    let signed = vote(&identity, VoteType::Prevote, NilOrVal::Val(HASH));
    let verifies =
        |domain: &Domain, vote: &Vote| key.verifies_vote(domain, vote, &signed.signature);
    assert!(verifies(&DOMAIN, &signed.message));
    let original = &signed.message;
    let others = [
        Vote { kind: VoteType::Precommit, ..original.clone() },
        Vote { height: Height(8), ..original.clone() },
        Vote { round: Round::new(4), ..original.clone() },
        Vote { value: NilOrVal::Nil, ..original.clone() },
        Vote { value: NilOrVal::Val(B256::ZERO), ..original.clone() },
        Vote { operator: Identity::new(1).operator, ..original.clone() },
    ];
    for other in others {
        assert!(!verifies(&DOMAIN, &other), "{other:?}");
    }
    assert!(!verifies(&Domain { chain_id: 1, ..DOMAIN }, original));
    assert!(!verifies(&Domain { genesis_hash: B256::ZERO, ..DOMAIN }, original));

    let signed = proposal(&identity, 1, Round::new(2));
    let original = &signed.message;
    let verifies = |domain: &Domain, proposal: &Proposal| {
        key.verifies_proposal(domain, proposal, &signed.signature)
    };
    assert!(verifies(&DOMAIN, original));
    let others = [
        Proposal { height: Height(8), ..original.clone() },
        Proposal { round: Round::new(4), ..original.clone() },
        Proposal { value: Value(B256::ZERO), ..original.clone() },
        Proposal { valid_round: Round::new(1), ..original.clone() },
        Proposal { valid_round: Round::Nil, ..original.clone() },
        Proposal { operator: Identity::new(1).operator, ..original.clone() },
    ];
    for other in others {
        assert!(!verifies(&DOMAIN, &other), "{other:?}");
    }
    assert!(!verifies(&Domain { chain_id: 1, ..DOMAIN }, original));
    assert!(!verifies(&Domain { genesis_hash: B256::ZERO, ..DOMAIN }, original));
}

#[test]
fn signatures_are_verified_strictly() {
    let identity = Identity::new(0);
    let key = identity.key.public_key();
    let signed = vote(&identity, VoteType::Prevote, NilOrVal::Nil);
    // s + q is the same scalar in another encoding: the classic malleability.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        .expect("the group's order");
    let mut malleable = signed.signature;
    let mut carry = 0u16;
    for (byte, add) in malleable.0[32..].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(key.verifies_vote(&DOMAIN, &signed.message, &signed.signature));
    assert!(!key.verifies_vote(&DOMAIN, &signed.message, &malleable));

    // The identity, and y = 1 written as the field's prime plus one.
    let mut identity_point = [0; 32];
    identity_point[0] = 1;
    assert!(PublicKey::from_bytes(&identity_point).is_err());
    let mut high = [0xff; 32];
    (high[0], high[31]) = (0xee, 0x7f);
    assert!(PublicKey::from_bytes(&high).is_err());
    assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key));
}

#[test]
fn quorums_are_strictly_more_than_their_share() {
    let least = |quorum, total| thresholds(quorum).quorum.min_expected(total);
    for (total, bft, majority) in [(1, 1, 1), (2, 2, 2), (3, 3, 2), (4, 3, 3), (6, 5, 4), (7, 5, 4)]
    {
        assert_eq!(least(Quorum::Bft, total), bft, "{total}");
        assert_eq!(least(Quorum::Majority, total), majority, "{total}");
    }
    assert_eq!(thresholds(Quorum::Bft).honest.min_expected(4), 2);
    assert_eq!(thresholds(Quorum::Majority).honest.min_expected(3), 1);
    assert!(!thresholds(Quorum::Majority).honest.is_met(0, 3), "nobody is not enough");
    // Products must not overflow, or the core panics.
    let most = mfenx_consensus::MAX_TOTAL_POWER;
    assert!(thresholds(Quorum::Bft).quorum.is_met(most, most));
}

#[test]
fn a_certificate_needs_a_quorum_of_its_set() {
    for (quorum, size, enough) in [
        (Quorum::Bft, 4, 3),
        (Quorum::Bft, 7, 5),
        (Quorum::Majority, 3, 2),
        (Quorum::Majority, 4, 3),
    ] {
        let (identities, set) = authorities(size, quorum);
        for signers in 1..=size {
            let outcome =
                verify_certificate(&DOMAIN, &set, &certificate(&identities, &set, signers));
            let (signed, total) = (signers as u64, size as u64);
            let expected = if signers >= enough {
                Ok(())
            } else {
                Err(CertificateError::Power { signed, total })
            };
            assert_eq!(outcome, expected, "{quorum:?}, {signers} of {size}");
        }
    }
}

#[test]
fn power_counts_and_not_heads() {
    let identities: Vec<_> = (0..4).map(Identity::new).collect();
    let powers = [10, 1, 1, 1];
    let list: Vec<_> =
        identities.iter().zip(powers).map(|(identity, power)| identity.authority(power)).collect();
    let set = ValidatorSet::new(&list, Quorum::Bft, B256::ZERO).unwrap();
    assert_eq!(verify_certificate(&DOMAIN, &set, &certificate(&identities, &set, 1)), Ok(()));
    let weak = certificate(&identities[1..], &set, 3);
    assert_eq!(
        verify_certificate(&DOMAIN, &set, &weak),
        Err(CertificateError::Power { signed: 3, total: 13 })
    );
}

#[test]
fn a_certificate_proves_nothing_else() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let good = certificate(&identities, &set, 3);
    let check = |certificate: &Certificate| verify_certificate(&DOMAIN, &set, certificate);
    assert_eq!(check(&good), Ok(()));
    let invalid = Err(CertificateError::Signature);
    assert_eq!(check(&Certificate { height: Height(8), ..good.clone() }), invalid);
    assert_eq!(check(&Certificate { round: 4, ..good.clone() }), invalid);
    assert_eq!(check(&Certificate { block_hash: B256::ZERO, ..good.clone() }), invalid);
    let mut damaged = good.clone();
    damaged.signatures[2].1.0[5] ^= 1;
    assert_eq!(check(&damaged), invalid);

    let mut twice = good.clone();
    twice.signatures[2] = twice.signatures[1];
    assert_eq!(check(&twice), Err(CertificateError::Order));
    let mut swapped = good.clone();
    swapped.signatures.swap(0, 1);
    assert_eq!(check(&swapped), Err(CertificateError::Order));
    let mut stranger = good.clone();
    stranger.signatures[2].0 = 4;
    assert_eq!(check(&stranger), Err(CertificateError::UnknownSigner));

    let other = Domain { genesis_hash: B256::ZERO, ..DOMAIN };
    assert_eq!(verify_certificate(&other, &set, &good), invalid);
    let prevotes = Certificate {
        signatures: good
            .signatures
            .iter()
            .map(|(index, _)| {
                let operator = set.get(*index).unwrap().operator;
                let signer = identities.iter().find(|one| one.operator == operator).unwrap();
                (*index, vote(signer, VoteType::Prevote, NilOrVal::Val(HASH)).signature)
            })
            .collect(),
        ..good
    };
    assert_eq!(check(&prevotes), invalid, "prevotes decide nothing");
}

#[test]
fn evidence_convicts_the_guilty_only() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let (liar, other) = (&identities[0], &identities[1]);
    let yes = vote(liar, VoteType::Prevote, NilOrVal::Val(HASH));
    let no = vote(liar, VoteType::Prevote, NilOrVal::Nil);

    let evidence = Evidence::of_votes(yes.clone(), no.clone()).unwrap();
    assert_eq!(evidence, Evidence::of_votes(no.clone(), yes.clone()).unwrap(), "order is one");
    assert_eq!(evidence.verify(&DOMAIN, &set), Ok(()));
    assert_eq!((evidence.operator(), evidence.height()), (liar.operator, Height(7)));

    let innocent = [
        (yes.clone(), yes.clone()),
        (yes.clone(), vote(liar, VoteType::Precommit, NilOrVal::Nil)),
        (yes.clone(), vote(other, VoteType::Prevote, NilOrVal::Nil)),
    ];
    for (one, two) in innocent {
        assert_eq!(Evidence::of_votes(one, two), Err(EvidenceError::NoConflict));
    }
    let mut later = no.message.clone();
    later.round = Round::new(4);
    let later = liar.key.sign_vote(&DOMAIN, later);
    assert_eq!(Evidence::of_votes(yes.clone(), later), Err(EvidenceError::NoConflict));

    // A vote that somebody else signed in the liar's name proves nothing.
    let forged = SignedVote::new(
        no.message.clone(),
        other.key.sign_vote(&DOMAIN, no.message.clone()).signature,
    );
    let slander = Evidence::of_votes(yes.clone(), forged).unwrap();
    assert_eq!(slander.verify(&DOMAIN, &set), Err(EvidenceError::Signature));
    let elsewhere = Domain { chain_id: 1, ..DOMAIN };
    assert_eq!(evidence.verify(&elsewhere, &set), Err(EvidenceError::Signature));
    let (_, smaller) = authorities(1, Quorum::Bft);
    let strangers = Evidence::of_votes(
        vote(other, VoteType::Prevote, NilOrVal::Nil),
        vote(other, VoteType::Prevote, NilOrVal::Val(HASH)),
    );
    assert_eq!(strangers.unwrap().verify(&DOMAIN, &smaller), Err(EvidenceError::UnknownSigner));
    let Evidence::Votes(pair) = evidence else { panic!("votes") };
    let reversed = Evidence::Votes(Box::new((pair.1, pair.0)));
    assert_eq!(reversed.verify(&DOMAIN, &set), Err(EvidenceError::Order));
    assert!(Evidence::decode(&reversed.encode()).is_err());
}

/// The precommits of these identities for a block in a round.
fn precommits(
    identities: &[Identity],
    set: &ValidatorSet,
    (round, hash): (u32, B256),
) -> Certificate {
    let sign = |identity: &Identity| {
        let mut vote = vote(identity, VoteType::Precommit, NilOrVal::Val(hash)).message;
        vote.round = Round::new(round);
        let signed = identity.key.sign_vote(&DOMAIN, vote);
        (set.index_of(&identity.operator).unwrap(), signed.signature)
    };
    let mut signatures: Vec<_> = identities.iter().map(sign).collect();
    signatures.sort_by_key(|(index, _)| *index);
    Certificate { height: Height(7), round, block_hash: hash, signatures }
}

#[test]
fn two_certificates_of_a_round_convict_who_signed_both() {
    let (identities, set) = authorities(5, Quorum::Majority);
    let other = B256::repeat_byte(0xcd);
    let one = precommits(&identities[..3], &set, (3, HASH));
    let two = precommits(&identities[1..], &set, (3, other));
    let found = Evidence::of_certificates(&set, &one, &two);
    let mut guilty: Vec<_> = identities[1..3].iter().map(|one| one.operator).collect();
    guilty.sort();
    assert_eq!(found.iter().map(Evidence::operator).collect::<Vec<_>>(), guilty);
    for found in &found {
        assert_eq!((found.verify(&DOMAIN, &set), found.kind()), (Ok(()), "precommit"));
    }
    assert_eq!(Evidence::of_certificates(&set, &two, &one), found, "order is one");
    let innocent = [
        precommits(&identities[1..], &set, (3, HASH)),
        precommits(&identities[1..], &set, (4, other)),
        precommits(&identities[3..], &set, (3, other)),
        Certificate { height: Height(8), ..two.clone() },
    ];
    for two in innocent {
        assert_eq!(Evidence::of_certificates(&set, &one, &two), []);
    }
    // Of a signature that is another's it is found out later.
    let mut forged = two;
    forged.signatures.iter_mut().for_each(|(_, signature)| signature.0[9] ^= 1);
    for found in Evidence::of_certificates(&set, &one, &forged) {
        assert_eq!(found.verify(&DOMAIN, &set), Err(EvidenceError::Signature));
    }
}

#[test]
fn two_proposals_of_a_round_are_evidence() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let liar = &identities[0];
    let one = proposal(liar, 1, Round::Nil);
    for other in [proposal(liar, 2, Round::Nil), proposal(liar, 1, Round::new(0))] {
        let evidence = Evidence::of_proposals(one.clone(), other).unwrap();
        assert_eq!(evidence.verify(&DOMAIN, &set), Ok(()));
    }
    assert_eq!(Evidence::of_proposals(one.clone(), one), Err(EvidenceError::NoConflict));
}

/// The key of votes signs the audit log as well. Neither signature is ever one of the other kind.
#[test]
fn a_record_of_an_audit_log_is_never_a_vote() {
    let identity = Identity::new(0);
    let key = identity.key.public_key();
    let signed = vote(&identity, VoteType::Precommit, NilOrVal::Val(HASH));
    let record = DOMAIN.vote_bytes(&signed.message);
    let signature = identity.key.sign_audit_record(&record);
    assert!(key.verifies_audit_record(&record, &signature));
    assert!(!key.verifies_vote(&DOMAIN, &signed.message, &signature));
    assert!(!key.verifies_audit_record(&record, &signed.signature));
    // Bytes that a vote begins with, taken off, do not help either.
    let rest = record.strip_prefix(b"mfenx/").unwrap();
    let signature = identity.key.sign_audit_record(rest);
    assert!(!key.verifies_vote(&DOMAIN, &signed.message, &signature));
    assert!(!key.verifies_audit_record(&record, &signature));
    let proposed = proposal(&identity, 1, Round::Nil);
    let record = DOMAIN.proposal_bytes(&proposed.message);
    assert!(!key.verifies_audit_record(&record, &proposed.signature));
    assert!(!Identity::new(1).key.public_key().verifies_audit_record(rest, &signature));
}
