//! Frozen bytes, and what else must hold for every encoding.

use std::fmt::Debug;

use alloy_primitives::B256;
use malachite_core_types::{PolkaSignature, RoundSignature};
use mfenx_consensus::{
    Certificate, DecodeError, Evidence, Height, LoggedValue, MAX_CERTIFICATE_BYTES,
    MAX_MESSAGE_BYTES, MAX_ROUND, Message, NilOrVal, PolkaCertificate, Proposal, Round,
    RoundCertificate, RoundCertificateType, Signature, SignedProposal, SignedVote, Timeout,
    Validity, Value, Vote, VoteType, WalEntry, decode_polka, decode_proposal,
    decode_round_certificate, decode_vote, encode_polka, encode_proposal, encode_round_certificate,
    encode_vote, fuzz,
};
use proptest::prelude::*;

use crate::fixtures::{DOMAIN, Identity};

fn vote(kind: VoteType, value: NilOrVal<B256>) -> SignedVote {
    let identity = Identity::new(0);
    let vote =
        Vote { kind, height: Height(7), round: Round::new(3), value, operator: identity.operator };
    identity.key.sign_vote(&DOMAIN, vote)
}

fn proposal(valid_round: Round, hash: u8) -> SignedProposal {
    let identity = Identity::new(0);
    let proposal = Proposal {
        height: Height(7),
        round: Round::new(3),
        value: Value(B256::repeat_byte(hash)),
        valid_round,
        operator: identity.operator,
    };
    identity.key.sign_proposal(&DOMAIN, proposal)
}

fn hash(byte: u8) -> NilOrVal<B256> {
    NilOrVal::Val(B256::repeat_byte(byte))
}

fn certificate() -> Certificate {
    Certificate {
        height: Height(7),
        round: 3,
        block_hash: B256::repeat_byte(0xab),
        signatures: vec![(0, Signature([1; 64])), (2, Signature([2; 64]))],
    }
}

fn operators() -> Vec<mfenx_consensus::Operator> {
    let mut operators: Vec<_> = (0..3).map(|number| Identity::new(number).operator).collect();
    operators.sort();
    operators
}

fn polka() -> PolkaCertificate {
    PolkaCertificate {
        height: Height(7),
        round: Round::new(3),
        value_id: B256::repeat_byte(0xab),
        polka_signatures: operators()
            .into_iter()
            .map(|operator| PolkaSignature::new(operator, Signature([3; 64])))
            .collect(),
    }
}

fn round_certificate(cert_type: RoundCertificateType) -> RoundCertificate {
    RoundCertificate {
        height: Height(7),
        round: Round::new(3),
        cert_type,
        round_signatures: operators()
            .into_iter()
            .zip([NilOrVal::Nil, hash(1), NilOrVal::Nil])
            .map(|(operator, value)| {
                RoundSignature::new(VoteType::Precommit, value, operator, Signature([4; 64]))
            })
            .collect(),
    }
}

fn votes_evidence() -> Evidence {
    let (one, other) = (vote(VoteType::Prevote, hash(1)), vote(VoteType::Prevote, NilOrVal::Nil));
    Evidence::of_votes(one, other).unwrap()
}

fn logged_value() -> LoggedValue {
    LoggedValue {
        height: Height(7),
        round: Round::new(3),
        valid_round: Round::new(1),
        proposer: Identity::new(0).operator,
        value: Value(B256::repeat_byte(0xab)),
        validity: Validity::Valid,
    }
}

/// Everything that has an encoding, by name.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let proposals = Evidence::of_proposals(proposal(Round::Nil, 1), proposal(Round::Nil, 2));
    let timeout = WalEntry::Timeout(Timeout::prevote(Round::new(3)));
    vec![
        ("prevote", encode_vote(&vote(VoteType::Prevote, hash(0xab)))),
        ("nil precommit", encode_vote(&vote(VoteType::Precommit, NilOrVal::Nil))),
        ("proposal", encode_proposal(&proposal(Round::Nil, 0xab))),
        ("proposal again", encode_proposal(&proposal(Round::new(1), 0xab))),
        ("certificate", certificate().encode()),
        ("polka", encode_polka(&polka())),
        ("skip", encode_round_certificate(&round_certificate(RoundCertificateType::Skip))),
        ("round", encode_round_certificate(&round_certificate(RoundCertificateType::Precommit))),
        ("message vote", Message::Vote(vote(VoteType::Prevote, hash(0xab))).encode()),
        ("message proposal", Message::Proposal(proposal(Round::Nil, 0xab)).encode()),
        ("message polka", Message::Polka(polka()).encode()),
        ("message round", Message::Round(round_certificate(RoundCertificateType::Skip)).encode()),
        ("evidence of votes", votes_evidence().encode()),
        ("evidence of proposals", proposals.unwrap().encode()),
        ("log vote", WalEntry::Vote(vote(VoteType::Precommit, hash(0xab))).encode()),
        ("log proposal", WalEntry::Proposal(proposal(Round::Nil, 0xab)).encode()),
        ("log value", WalEntry::Value(logged_value()).encode()),
        ("log timeout", timeout.encode()),
        ("log polka", WalEntry::Polka(polka()).encode()),
    ]
}

/// Bytes written in full; the signatures among them are checked by [`digests_are_frozen`].
#[test]
fn layouts_are_frozen() {
    let operator = hex::encode(Identity::new(0).operator.0);
    let vote = hex::encode(encode_vote(&vote(VoteType::Prevote, hash(0xab))));
    let ab = "ab".repeat(32);
    assert_eq!(
        vote[..2 * 67],
        format!("0101000000000000000700000003 01{ab}{operator}").replace(' ', "")
    );
    let again = hex::encode(encode_proposal(&proposal(Round::new(1), 0xab)));
    assert_eq!(again[..2 * 69], format!("01000000000000000700000003{ab}00000001{operator}"));
    let fresh = hex::encode(encode_proposal(&proposal(Round::Nil, 0xab)));
    assert_eq!(fresh[..2 * 69], format!("01000000000000000700000003{ab}ffffffff{operator}"));
    let (ones, twos) = ("01".repeat(64), "02".repeat(64));
    assert_eq!(
        hex::encode(certificate().encode()),
        format!("01000000000000000700000003{ab}0200{ones}02{twos}")
    );
    assert_eq!(
        hex::encode(WalEntry::Timeout(Timeout::prevote(Round::new(3))).encode()),
        "01040200000003"
    );
    assert_eq!(
        hex::encode(WalEntry::Value(logged_value()).encode()),
        format!("0103000000000000000700000003 00000001{operator}{ab}01").replace(' ', "")
    );
}

/// One digest over every sample: any change of a format or of the signed bytes shows.
#[test]
fn digests_are_frozen() {
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in samples() {
        hasher.update(&(bytes.len() as u64).to_be_bytes()).update(&bytes);
        println!("{name}: {} bytes, {}", bytes.len(), blake3::hash(&bytes).to_hex());
    }
    assert_eq!(hasher.finalize().to_hex().as_str(), GOLDEN);
}

const GOLDEN: &str = "704b6b56c4f7b2c04ccedb954060539fb38e9016a18baf7d83b80a5a52f9f19b";

fn round_trip<T: PartialEq + Debug>(
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    assert_eq!(decode(&encode(value)).as_ref(), Ok(value));
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    round_trip(&vote(VoteType::Prevote, hash(1)), encode_vote, decode_vote);
    round_trip(&proposal(Round::new(2), 1), encode_proposal, decode_proposal);
    round_trip(&polka(), encode_polka, decode_polka);
    for cert_type in [RoundCertificateType::Skip, RoundCertificateType::Precommit] {
        round_trip(
            &round_certificate(cert_type),
            encode_round_certificate,
            decode_round_certificate,
        );
    }
    round_trip(&certificate(), Certificate::encode, Certificate::decode);
    round_trip(&votes_evidence(), Evidence::encode, Evidence::decode);
    round_trip(&WalEntry::Value(logged_value()), WalEntry::encode, WalEntry::decode);
    round_trip(&Message::Polka(polka()), Message::encode, Message::decode);
}

/// Decoders by the samples they are for, each giving back the bytes it understood.
fn decode_again(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match name.split_once(' ').map_or(name, |(first, _)| first) {
        "message" => Message::decode(bytes).ok().map(|value| value.encode()),
        "evidence" => Evidence::decode(bytes).ok().map(|value| value.encode()),
        "log" => WalEntry::decode(bytes).ok().map(|value| value.encode()),
        "certificate" => Certificate::decode(bytes).ok().map(|value| value.encode()),
        "polka" => decode_polka(bytes).ok().map(|value| encode_polka(&value)),
        "skip" | "round" => {
            decode_round_certificate(bytes).ok().map(|value| encode_round_certificate(&value))
        }
        "proposal" => decode_proposal(bytes).ok().map(|value| encode_proposal(&value)),
        _ => decode_vote(bytes).ok().map(|value| encode_vote(&value)),
    }
}

/// Every truncation and every trailing byte is an error, every flipped bit an error or another value.
#[test]
fn damage_never_goes_unnoticed() {
    for (name, bytes) in samples() {
        assert_eq!(decode_again(name, &bytes).as_ref(), Some(&bytes), "{name}");
        for length in 0..bytes.len() {
            assert_eq!(decode_again(name, &bytes[..length]), None, "{name} cut to {length}");
        }
        for byte in [0, 1, 255] {
            let longer = [bytes.clone(), vec![byte]].concat();
            assert_eq!(decode_again(name, &longer), None, "{name} with {byte} behind it");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(understood) = decode_again(name, &flipped) {
                assert_eq!(understood, flipped, "{name} with bit {bit} flipped");
            }
            fuzz::decode_all(&flipped);
        }
    }
}

#[test]
fn bounds_are_kept() {
    let signatures = |count: u8| (0..count).map(|index| (index, Signature([0; 64]))).collect();
    let full = Certificate { signatures: signatures(128), ..certificate() };
    assert_eq!(full.encode().len(), MAX_CERTIFICATE_BYTES);
    assert_eq!(Certificate::decode(&full.encode()), Ok(full));
    let cases: [(Vec<(u8, Signature)>, &str); 4] = [
        (signatures(129), "too many"),
        (Vec::new(), "none"),
        (vec![(1, Signature([0; 64])), (0, Signature([0; 64]))], "out of order"),
        (vec![(1, Signature([0; 64])), (1, Signature([1; 64]))], "twice"),
    ];
    for (signatures, name) in cases {
        let bytes = Certificate { signatures, ..certificate() }.encode();
        assert_eq!(Certificate::decode(&bytes), Err(DecodeError::List), "{name}");
    }

    let mut late = vote(VoteType::Prevote, hash(1));
    late.message.round = Round::new(MAX_ROUND);
    assert!(decode_vote(&encode_vote(&late)).is_ok());
    late.message.round = Round::new(MAX_ROUND + 1);
    assert_eq!(decode_vote(&encode_vote(&late)), Err(DecodeError::Round));
    late.message.round = Round::Nil;
    assert_eq!(decode_vote(&encode_vote(&late)), Err(DecodeError::Round));

    let everybody: Vec<_> = (0..128).map(|number| Identity::new(number).operator).collect();
    let longest = RoundCertificate {
        round_signatures: everybody
            .into_iter()
            .map(|who| RoundSignature::new(VoteType::Prevote, hash(1), who, Signature([0; 64])))
            .collect(),
        ..round_certificate(RoundCertificateType::Skip)
    };
    let message = Message::Round(longest);
    assert_eq!(message.encode().len(), MAX_MESSAGE_BYTES);
    assert!(Message::decode(&message.encode()).is_ok());
}

#[test]
fn versions_and_tags_are_told_apart() {
    let bytes = Message::Vote(vote(VoteType::Prevote, NilOrVal::Nil)).encode();
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        Message::decode(&changed)
    };
    assert_eq!(with(0, 0), Err(DecodeError::Version(0)));
    assert_eq!(with(0, 2), Err(DecodeError::Version(2)));
    assert_eq!(with(1, 0), Err(DecodeError::Tag(0)));
    assert_eq!(with(1, 5), Err(DecodeError::Tag(5)));
    assert_eq!(with(2, 3), Err(DecodeError::Tag(3)), "neither prevote nor precommit");
    assert_eq!(with(15, 2), Err(DecodeError::Tag(2)), "neither nil nor a hash");
    assert_eq!(Message::decode(&[]), Err(DecodeError::Truncated));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz::decode_all(&bytes);
    }

    /// Bytes that look right at the front go deeper.
    #[test]
    fn plausible_bytes_never_panic(
        tag in 0u8..6,
        rest in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(2), any::<u8>()], 0..400),
    ) {
        fuzz::decode_all(&[vec![1, tag], rest].concat());
    }

    #[test]
    fn votes_of_any_content_round_trip(
        precommit: bool,
        height: u64,
        round in 0..=MAX_ROUND,
        value: Option<[u8; 32]>,
        operator: [u8; 20],
        signature in proptest::array::uniform32(any::<u8>()),
    ) {
        let vote = Vote {
            kind: if precommit { VoteType::Precommit } else { VoteType::Prevote },
            height: Height(height),
            round: Round::new(round),
            value: value.map_or(NilOrVal::Nil, |hash| NilOrVal::Val(hash.into())),
            operator: mfenx_consensus::Operator(operator.into()),
        };
        let signature = Signature([signature, signature].concat().try_into().unwrap());
        let signed = SignedVote::new(vote, signature);
        prop_assert_eq!(decode_vote(&encode_vote(&signed)), Ok(signed));
    }
}
