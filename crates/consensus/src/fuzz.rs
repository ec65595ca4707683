//! Entry points for fuzzing: any bytes may be given, and nothing may panic except on a bug.

use crate::{
    Certificate, Evidence, ExtraData, Message, WalEntry, decode_polka, decode_proposal,
    decode_round_certificate, decode_vote, encode_polka, encode_proposal, encode_round_certificate,
    encode_vote,
};

/// Decodes `bytes` as everything that has an encoding. Returns how many of them they are.
///
/// # Panics
/// When something decodes and does not encode to the same bytes: the format is then not canonical.
pub fn decode_all(bytes: &[u8]) -> usize {
    let encodings = [
        decode_vote(bytes).ok().map(|value| encode_vote(&value)),
        decode_proposal(bytes).ok().map(|value| encode_proposal(&value)),
        decode_polka(bytes).ok().map(|value| encode_polka(&value)),
        decode_round_certificate(bytes).ok().map(|value| encode_round_certificate(&value)),
        Message::decode(bytes).ok().map(|value| value.encode()),
        Certificate::decode(bytes).ok().map(|value| value.encode()),
        Evidence::decode(bytes).ok().map(|value| value.encode()),
        WalEntry::decode(bytes).ok().map(|value| value.encode()),
        ExtraData::decode(bytes).ok().map(|value| value.encode().to_vec()),
    ];
    encodings
        .into_iter()
        .flatten()
        .inspect(|encoding| assert_eq!(encoding, bytes, "an encoding is not canonical"))
        .count()
}
