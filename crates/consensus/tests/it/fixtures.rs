//! Authorities made from numbers.

use alloy_primitives::{Address, B256};
use mfenx_consensus::{ConsensusKey, Domain, Operator, ValidatorSet};
use mfenx_primitives::{Authority, Quorum};

/// The chain of the tests.
pub(crate) const DOMAIN: Domain =
    Domain { chain_id: 177_155, genesis_hash: B256::repeat_byte(0x67) };

/// A node's keys and account.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) operator: Operator,
    pub(crate) key: ConsensusKey,
    pub(crate) vrf: std::rc::Rc<mfenx_vrf::SecretKey>,
}

fn derive(purpose: &str, number: usize) -> [u8; 32] {
    *blake3::hash(format!("{purpose} {number}").as_bytes()).as_bytes()
}

impl Identity {
    /// The identity of a number, always the same.
    pub(crate) fn new(number: usize) -> Self {
        Self {
            operator: Operator(Address::from_slice(&derive("operator", number)[..20])),
            key: ConsensusKey::from_seed(&derive("consensus", number)),
            vrf: std::rc::Rc::new(mfenx_vrf::SecretKey::from_seed(derive("vrf", number))),
        }
    }

    pub(crate) fn authority(&self, power: u64) -> Authority {
        Authority {
            operator: self.operator.0,
            consensus_key: self.key.public_key().to_bytes(),
            vrf_key: *self.vrf.public_key().as_bytes(),
            peer_id: Vec::new(),
            power,
        }
    }
}

/// The first `count` identities and their set, of power 1 each.
pub(crate) fn authorities(count: usize, quorum: Quorum) -> (Vec<Identity>, ValidatorSet) {
    let identities: Vec<_> = (0..count).map(Identity::new).collect();
    let authorities: Vec<_> = identities.iter().map(|identity| identity.authority(1)).collect();
    let set = ValidatorSet::new(&authorities, quorum, B256::repeat_byte(0x5e)).unwrap();
    (identities, set)
}

/// The seed to repeat a random test with: `MFENX_SEED`, or one that is printed when the test fails.
pub(crate) fn random_seed(test: &str) -> u64 {
    let seed = match std::env::var("MFENX_SEED") {
        Ok(seed) => seed.parse().expect("MFENX_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("{test}: MFENX_SEED={seed}");
    seed
}
