//! The types that Malachite's core runs on.

use alloy_primitives::B256;
use malachite_core_types::{Context, LinearTimeouts, NilOrVal, Round, VoteType};

use crate::signing::Ed25519;
use crate::types::NoPart;
use crate::{Height, Operator, Proposal, Validator, ValidatorSet, Value, Vote};

/// Binds the core's generics to this chain's types. It carries nothing: what differs between
/// chains is in [`Domain`](crate::Domain), what differs between heights in [`ValidatorSet`].
#[derive(Clone, Copy, Debug)]
pub struct ChainContext;

impl Context for ChainContext {
    type Address = Operator;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = ValidatorSet;
    type Timeouts = LinearTimeouts;
    type Value = Value;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(
        &self,
        validators: &'a ValidatorSet,
        _: Height,
        round: Round,
    ) -> &'a Validator {
        validators.proposer(round.as_u32().unwrap_or(0))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Value,
        valid_round: Round,
        operator: Operator,
    ) -> Proposal {
        Proposal { height, round, value, valid_round, operator }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<B256>,
        operator: Operator,
    ) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, operator }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<B256>,
        operator: Operator,
    ) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, operator }
    }
}
