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
    fn a_chain_without_the_contract_stays_without() {
        let mut genesis = Genesis::default();
        link_registry(&mut genesis);
        assert!(genesis.alloc.is_empty());
        assert!(asks_registry(&genesis));
    }
}
