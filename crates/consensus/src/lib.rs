//! PoA/VRF consensus with Tendermint's rules: a pure machine over Malachite's core, input in,
//! effects out.
//!
//! Invariants: [`Machine::step`] reads no clock and no socket, and equal inputs give equal effects;
//! a signature of ours leaves only behind the [`WalEntry`] that records it; whatever decodes is
//! canonical, so encoding it gives the same bytes; no message of another chain, by ID or genesis
//! hash, ever verifies.
//!
//! Deliberately absent: a consensus algorithm (it is Malachite's), a clock, a socket, a log on disk,
//! blocks and their rules (a value is a block's hash), sync (a follower needs [`verify_certificate`]
//! and nothing else from here), vote extensions.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod certificate;
mod codec;
mod context;
mod decision;
mod domain;
mod election;
mod evidence;
pub mod fuzz;
mod machine;
mod message;
mod quorum;
mod signing;
mod types;
mod validators;
mod wal;

pub use certificate::{Certificate, CertificateError, verify_certificate};
pub use codec::{
    DecodeError, MAX_CERTIFICATE_BYTES, MAX_MESSAGE_BYTES, decode_polka, decode_proposal,
    decode_round_certificate, decode_vote, encode_polka, encode_proposal, encode_round_certificate,
    encode_vote,
};
pub use context::ChainContext;
pub use decision::Decision;
pub use domain::Domain;
pub use election::{
    EXTRA_DATA_BYTES, ExtraData, ExtraDataError, VrfCheckError, alpha, mix_hash, next_seed,
    permutation, verify_vrf,
};
pub use evidence::{Evidence, EvidenceError};
pub use machine::{
    Config, Effect, Error, Input, Machine, QueueCounts, Reason, Role, Status, Verdict,
};
pub use malachite_core_types::{
    LinearTimeouts as Timeouts, NilOrVal, Round, RoundCertificateType, Timeout, TimeoutKind,
    Validity, VoteType,
};
pub use message::{
    Message, PolkaCertificate, Proposal, RoundCertificate, SignedProposal, SignedVote, Vote,
};
pub use quorum::thresholds;
pub use signing::{ConsensusKey, KeyError, PublicKey, Signature};
pub use types::{Height, MAX_ROUND, Operator, Value};
pub use validators::{
    MAX_AUTHORITIES, MAX_TOTAL_POWER, Validator, ValidatorSet, ValidatorSetError,
};
pub use wal::{LoggedValue, WalEntry};
