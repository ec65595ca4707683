//! Who the machine is.

use crate::{ConsensusKey, Domain, Operator, Timeouts, ValidatorSet};

use super::Error;

/// What does not change from height to height.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain that messages belong to.
    pub domain: Domain,
    /// The account this node is registered under. Any account will do for a node that only watches.
    pub operator: Operator,
    /// Signs votes and proposals; without it the machine follows and stays silent.
    pub key: Option<ConsensusKey>,
    /// How long steps last. The core computes them per round; the machine hands them out as hints.
    pub timeouts: Timeouts,
}

impl Config {
    /// An authority must hold the key it is registered with; anybody else may hold any.
    pub(super) fn check_key(&self, validators: &ValidatorSet) -> Result<(), Error> {
        let Some(key) = &self.key else { return Ok(()) };
        match validators.by_operator(&self.operator) {
            Some(registered) if registered.key != key.public_key() => Err(Error::Key),
            _ => Ok(()),
        }
    }
}
