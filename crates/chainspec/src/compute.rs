//! The Compute contract as it stands in a genesis file: its address, its code, and the link to the
//! registry of authorities. `chainspec/contracts/genesis.mjs` writes the rest of its storage.

use crate::{error::ChainSpecError, registry::REGISTRY_ADDRESS};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use serde::Deserialize;

/// Where the market of proof-of-compute is.
pub const COMPUTE_ADDRESS: Address = address!("000000000000000000000000000000002b403c01");

const ARTIFACT: &str = include_str!("../../../chainspec/contracts/artifacts/Compute.json");

/// Slot of the parameters; the registry is in its lowest 20 bytes.
const PARAMS_SLOT: B256 = B256::ZERO;
/// Slot of the length of the council, which judges where there is no registry.
const COUNCIL_SLOT: B256 = B256::with_last_byte(2);
/// Bits of an address.
const ADDRESS_BITS: usize = 160;
/// In the slot of the parameters, above the registry: the points that a worker needs, 8 bits.
const SCORE_MIN_AT: usize = ADDRESS_BITS;
const SCORE_MIN_BITS: usize = 8;
/// The slot after it has the least stake, 128 bits, and then the least memory, 64 bits of bytes.
const STAKE_SLOT: B256 = B256::with_last_byte(1);
const MEMORY_MIN_AT: usize = 128;
const MEMORY_MIN_BITS: usize = 64;

/// What a worker must have to be drawn, as the genesis file sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Points of attestation.
    pub score_min: u8,
    /// Bytes of memory.
    pub memory_min: u64,
}

impl Admission {
    /// For a network with something at stake.
    pub const MAINNET: Self = Self { score_min: 70, memory_min: 16_000_000_000 };
    /// For a network of tests: smaller cards, and one level of attestation less.
    pub const TESTNET: Self = Self { score_min: 60, memory_min: 12_000_000_000 };

    /// What the genesis file says; none without the contract.
    pub fn of(genesis: &Genesis) -> Option<Self> {
        let storage = genesis.alloc.get(&COMPUTE_ADDRESS)?.storage.as_ref()?;
        let bits = |slot, at, bits| word(storage.get(slot)) >> at & low(bits);
        Some(Self {
            score_min: bits(&PARAMS_SLOT, SCORE_MIN_AT, SCORE_MIN_BITS).saturating_to(),
            memory_min: bits(&STAKE_SLOT, MEMORY_MIN_AT, MEMORY_MIN_BITS).saturating_to(),
        })
    }

    /// Makes it what the genesis file says; false, and nothing is done, without the contract.
    pub fn install(self, genesis: &mut Genesis) -> bool {
        let Some(account) = genesis.alloc.get_mut(&COMPUTE_ADDRESS) else { return false };
        let storage = account.storage.get_or_insert_default();
        for (slot, at, bits, value) in [
            (PARAMS_SLOT, SCORE_MIN_AT, SCORE_MIN_BITS, U256::from(self.score_min)),
            (STAKE_SLOT, MEMORY_MIN_AT, MEMORY_MIN_BITS, U256::from(self.memory_min)),
        ] {
            let others = word(storage.get(&slot)) & !(low(bits) << at);
            storage.insert(slot, (others | value << at).into());
        }
        true
    }
}

/// So many ones.
fn low(bits: usize) -> U256 {
    (U256::ONE << bits) - U256::ONE
}

/// The code of the Compute contract.
///
/// # Errors
/// None for a build that passes its tests: the artifact is part of the program.
pub fn compute_code() -> Result<Bytes, ChainSpecError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Artifact {
        runtime_bytecode: Bytes,
    }
    Ok(serde_json::from_str::<Artifact>(ARTIFACT)?.runtime_bytecode)
}

/// Makes the registry the authorities of the Compute contract, in the place of a council. A chain
/// without the contract stays without.
pub(crate) fn link_registry(genesis: &mut Genesis) {
    let Some(account) = genesis.alloc.get_mut(&COMPUTE_ADDRESS) else { return };
    let storage = account.storage.get_or_insert_default();
    let params = word(storage.get(&PARAMS_SLOT));
    let registry = U256::from_be_bytes(REGISTRY_ADDRESS.into_word().0);
    let params = params >> ADDRESS_BITS << ADDRESS_BITS | registry;
    storage.insert(PARAMS_SLOT, params.into());
    let members = word(storage.remove(&COUNCIL_SLOT).as_ref());
    let first = U256::from_be_bytes(keccak256(COUNCIL_SLOT).0);
    storage.retain(|slot, _| {
        let index = U256::from_be_bytes(slot.0).wrapping_sub(first);
        index >= members
    });
}

/// Whether the Compute contract, if there is one, asks the registry who the authorities are.
pub(crate) fn asks_registry(genesis: &Genesis) -> bool {
    let registry = |account: &GenesisAccount| {
        let params = account.storage.as_ref().and_then(|storage| storage.get(&PARAMS_SLOT));
        Address::from_word(word(params).into()) == REGISTRY_ADDRESS
    };
    genesis.alloc.get(&COMPUTE_ADDRESS).is_none_or(registry)
}

fn word(value: Option<&B256>) -> U256 {
    value.map_or(U256::ZERO, |value| U256::from_be_bytes(value.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChainSpec;

    #[test]
    fn embedded_chains_hold_the_code_that_the_source_compiles_to() {
        for spec in [ChainSpec::mfenx().unwrap(), ChainSpec::dev().unwrap()] {
            let account = &spec.alloc()[&COMPUTE_ADDRESS];
            assert_eq!(account.code, Some(compute_code().unwrap()));
            assert_eq!(account.nonce, Some(1));
            assert_eq!(account.balance, U256::ZERO);
        }
    }

    #[test]
    fn the_code_could_be_deployed() {
        assert!((1_000..=24_576).contains(&compute_code().unwrap().len()));
    }

    #[test]
    fn the_registry_takes_the_place_of_the_council() {
        let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
        let before = genesis.alloc[&COMPUTE_ADDRESS].storage.clone().unwrap();
        assert!(!asks_registry(&genesis));
        link_registry(&mut genesis);
        assert!(asks_registry(&genesis));
        let after = genesis.alloc[&COMPUTE_ADDRESS].storage.clone().unwrap();
        // The length of the council and its one member.
        assert_eq!(after.len(), before.len() - 2);
        assert_eq!(after[&PARAMS_SLOT].0[..12], before[&PARAMS_SLOT].0[..12]);
        for (slot, value) in &after {
            assert!(*slot == PARAMS_SLOT || before[slot] == *value);
        }
    }

    #[test]
    fn admission_is_read_and_written_where_the_contract_has_it() {
        let mut genesis = ChainSpec::mfenx().unwrap().genesis().clone();
        assert_eq!(Admission::of(&genesis), Some(Admission::MAINNET));
        let before = genesis.clone();
        assert!(Admission::TESTNET.install(&mut genesis));
        assert_eq!(Admission::of(&genesis), Some(Admission::TESTNET));
        let storage = |genesis: &Genesis| genesis.alloc[&COMPUTE_ADDRESS].storage.clone().unwrap();
        let differ = |slot: &B256| {
            storage(&genesis)[slot]
                .0
                .iter()
                .zip(storage(&before)[slot].0)
                .filter(|(one, other)| **one != *other)
                .count()
        };
        // One byte of points; 16 and 12 * 10^9 differ in four.
        assert_eq!([&PARAMS_SLOT, &STAKE_SLOT].map(differ), [1, 4]);
        assert!(Admission::MAINNET.install(&mut genesis));
        assert_eq!(genesis, before, "nothing else changes");
        let dev = ChainSpec::dev().unwrap();
        let free = Admission { score_min: 60, memory_min: 0 };
        assert_eq!(Admission::of(dev.genesis()), Some(free));
        assert!(!Admission::TESTNET.install(&mut Genesis::default()));
    }

    #[test]
    fn a_chain_without_the_contract_stays_without() {
        let mut genesis = Genesis::default();
        link_registry(&mut genesis);
        assert!(genesis.alloc.is_empty());
        assert!(asks_registry(&genesis));
    }
}
