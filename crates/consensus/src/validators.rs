//! The authorities of one height, in canonical order, with the seed that orders their turns.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use malachite_core_types as core;
use mfenx_primitives::{Authority, Quorum};

use crate::election::permutation;
use crate::signing::KeyError;
use crate::{ChainContext, Operator, PublicKey};

/// The most authorities a set may have. An index fits a byte, a certificate 9 KiB.
pub const MAX_AUTHORITIES: usize = 128;

/// The most voting power a set may have together. The thresholds multiply it by three.
pub const MAX_TOTAL_POWER: u64 = 1 << 60;

/// Why authorities make no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// Nobody, or more than [`MAX_AUTHORITIES`].
    #[error("a set has 1 to {MAX_AUTHORITIES} authorities, not {0}")]
    Size(usize),
    /// Two authorities share an operator account or a key, or one uses a key for two purposes.
    #[error("authority {0} shares its account with another, or uses a key that is used elsewhere")]
    Duplicate(Address),
    /// The consensus key is no Ed25519 key.
    #[error("consensus key of authority {0}: {1}")]
    ConsensusKey(Address, KeyError),
    /// The VRF key is none.
    #[error("VRF key of authority {0} is not valid")]
    VrfKey(Address),
    /// No power, or more than [`MAX_TOTAL_POWER`] together.
    #[error("voting power of authority {0} is zero or too much together with the others")]
    Power(Address),
}

/// An authority with its keys decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The operator account.
    pub operator: Operator,
    /// Verifies its votes and proposals.
    pub key: PublicKey,
    /// Verifies its randomness.
    pub vrf_key: mfenx_vrf::PublicKey,
    /// Voting power, at least 1.
    pub power: u64,
}

impl core::Validator<ChainContext> for Validator {
    fn address(&self) -> &Operator {
        &self.operator
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// The authorities of one height: ascending by operator account, whatever order they were given in.
///
/// An authority's index, in certificates and in extraData, is its place in that order. The set
/// carries the seed of its height and with it the order of proposers. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    seed: B256,
    quorum: Quorum,
    validators: Vec<Validator>,
    total_power: u64,
    /// `perm(seed)`: indices in the order of rounds.
    turns: Vec<u8>,
}

impl ValidatorSet {
    /// The set of a height.
    ///
    /// # Errors
    /// [`ValidatorSetError`] when the authorities cannot be told apart, have keys that are none, or
    /// are too many or too powerful. An owner of a chain file can act on each.
    pub fn new(
        authorities: &[Authority],
        quorum: Quorum,
        seed: B256,
    ) -> Result<Self, ValidatorSetError> {
        if authorities.is_empty() || authorities.len() > MAX_AUTHORITIES {
            return Err(ValidatorSetError::Size(authorities.len()));
        }
        let mut validators =
            authorities.iter().map(decode).collect::<Result<Vec<_>, ValidatorSetError>>()?;
        validators.sort_by_key(|validator| validator.operator);
        // A VRF and Ed25519 derive their nonces alike, so one key must never serve both, either.
        let mut operators = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for one in &validators {
            let new = operators.insert(one.operator)
                && keys.insert(one.key.to_bytes())
                && keys.insert(*one.vrf_key.as_bytes());
            if !new {
                return Err(ValidatorSetError::Duplicate(one.operator.0));
            }
        }
        let mut total_power = 0u64;
        for validator in &validators {
            total_power = total_power
                .checked_add(validator.power)
                .filter(|total| validator.power > 0 && *total <= MAX_TOTAL_POWER)
                .ok_or(ValidatorSetError::Power(validator.operator.0))?;
        }
        Ok(Self::ordered(validators, total_power, quorum, seed))
    }

    /// The same authorities at a height with another seed.
    pub fn with_seed(&self, seed: B256) -> Self {
        Self::ordered(self.0.validators.clone(), self.0.total_power, self.0.quorum, seed)
    }

    fn ordered(validators: Vec<Validator>, total_power: u64, quorum: Quorum, seed: B256) -> Self {
        let powers: Vec<u64> = validators.iter().map(|validator| validator.power).collect();
        let turns = permutation(seed, &powers);
        Self(Arc::new(Inner { seed, quorum, validators, total_power, turns }))
    }

    /// The seed of the height.
    pub fn seed(&self) -> B256 {
        self.0.seed
    }

    /// The quorum rule of the chain.
    pub fn quorum(&self) -> Quorum {
        self.0.quorum
    }

    /// The authorities, ascending by operator account.
    pub fn validators(&self) -> &[Validator] {
        &self.0.validators
    }

    /// The power of all together.
    pub fn total_power(&self) -> u64 {
        self.0.total_power
    }

    /// Who proposes in a round: `perm(seed)[round mod n]`.
    pub fn proposer(&self, round: u32) -> &Validator {
        self.proposer_at(round).1
    }

    /// The index of the proposer of a round.
    pub fn proposer_index(&self, round: u32) -> u8 {
        self.proposer_at(round).0
    }

    #[allow(clippy::indexing_slicing)] // the turns are a permutation of the indices, never empty
    fn proposer_at(&self, round: u32) -> (u8, &Validator) {
        let turns = &self.0.turns;
        let index = turns[round as usize % turns.len()];
        (index, &self.0.validators[usize::from(index)])
    }

    /// The authority at an index.
    pub fn get(&self, index: u8) -> Option<&Validator> {
        self.0.validators.get(usize::from(index))
    }

    /// The index of an authority.
    pub fn index_of(&self, operator: &Operator) -> Option<u8> {
        let found = self.0.validators.binary_search_by_key(operator, |v| v.operator).ok()?;
        u8::try_from(found).ok()
    }

    /// An authority by its account.
    pub fn by_operator(&self, operator: &Operator) -> Option<&Validator> {
        self.get(self.index_of(operator)?)
    }
}

fn decode(authority: &Authority) -> Result<Validator, ValidatorSetError> {
    let operator = authority.operator;
    Ok(Validator {
        operator: Operator(operator),
        key: PublicKey::from_bytes(&authority.consensus_key)
            .map_err(|error| ValidatorSetError::ConsensusKey(operator, error))?,
        vrf_key: mfenx_vrf::PublicKey::from_bytes(&authority.vrf_key)
            .map_err(|_| ValidatorSetError::VrfKey(operator))?,
        power: authority.power,
    })
}

impl core::ValidatorSet<ChainContext> for ValidatorSet {
    fn count(&self) -> usize {
        self.0.validators.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.total_power
    }

    fn get_by_address(&self, operator: &Operator) -> Option<&Validator> {
        self.by_operator(operator)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.0.validators.get(index)
    }
}
