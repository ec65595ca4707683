//! The registry of authorities as it stands in a genesis file: its address, its code, and the
//! storage that makes it know the first set (`chainspec/contracts/Authorities.sol` has the layout).
//!
//! Because it is part of the allocation, the genesis hash commits to the first authorities, to the
//! length of an epoch and to the rule of the quorum.

use crate::{
    compute,
    consensus::ConsensusParams,
    error::ChainSpecError,
    genesis::{CONSENSUS_KEY, PARAMS_KEY},
    params::ChainParams,
    peer_id::peer_key,
};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use mfenx_primitives::{Authority, Quorum};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the registry of authorities is: "MFENX" in ASCII, and the number of the contract.
pub const REGISTRY_ADDRESS: Address = address!("4d46454e58000000000000000000000000000001");

const ARTIFACT: &str = include_str!("../../../chainspec/contracts/artifacts/Authorities.json");

/// Slots of the contract's variables.
const CONFIG_SLOT: u64 = 0;
const SEATS_SLOT: u64 = 1;
const SETS_SLOT: u64 = 2;
const KEYS_SLOT: u64 = 3;

/// Slots of one seat.
const SEAT_SLOTS: usize = 4;
/// Numbers of seats in one slot of a set.
const SEATS_PER_SLOT: usize = 8;

/// Roles of keys, as the contract numbers them.
const CONSENSUS_ROLE: u8 = 1;
const VRF_ROLE: u8 = 2;
const PEER_ROLE: u8 = 3;

type Storage = BTreeMap<B256, B256>;

/// The code of the registry.
///
/// # Errors
/// None for a build that passes its tests: the artifact is part of the program.
pub fn registry_code() -> Result<Bytes, ChainSpecError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Artifact {
        runtime_bytecode: Bytes,
    }
    Ok(serde_json::from_str::<Artifact>(ARTIFACT)?.runtime_bytecode)
}

impl ConsensusParams {
    /// Makes `genesis` the chain of these authorities: their section in `config.mfenx`, the
    /// registry in the allocation. What stood in either place is replaced.
    ///
    /// # Errors
    /// A parameter is out of range, or `config.mfenx` of `genesis` is not an object.
    pub fn install(&self, genesis: &mut Genesis) -> Result<(), ChainSpecError> {
        self.check()?;
        let section = genesis.config.extra_fields.entry(PARAMS_KEY.to_owned());
        let section = section.or_insert(serde_json::to_value(ChainParams::default())?);
        let Value::Object(fields) = section else {
            return Err(ChainSpecError::Invalid("`config.mfenx` is not a JSON object".into()));
        };
        fields.insert(CONSENSUS_KEY.to_owned(), self.to_json());
        let account = GenesisAccount {
            nonce: Some(1),
            code: Some(registry_code()?),
            storage: Some(self.storage()),
            ..Default::default()
        };
        genesis.alloc.insert(REGISTRY_ADDRESS, account);
        compute::link_registry(genesis);
        Ok(())
    }

    /// Checks that the registry of `genesis` knows these authorities and no others, and that the
    /// Compute contract asks it.
    pub(crate) fn check_registry(&self, genesis: &Genesis) -> Result<(), ChainSpecError> {
        let account = genesis.alloc.get(&REGISTRY_ADDRESS);
        let agrees = account.is_some_and(|account| {
            account.storage.as_ref() == Some(&self.storage())
                && account
                    .code
                    .as_ref()
                    .is_some_and(|code| registry_code().ok().as_ref() == Some(code))
        });
        let reason = if !agrees {
            format!(
                "does not agree with the registry of authorities in `alloc` ({REGISTRY_ADDRESS}); \
                 make both with `mfenx genesis`"
            )
        } else if !compute::asks_registry(genesis) {
            let address = compute::COMPUTE_ADDRESS;
            format!(
                "the Compute contract in `alloc` ({address}) asks other authorities; make the file \
                 with `mfenx genesis`"
            )
        } else {
            return Ok(());
        };
        let field = format!("config.{PARAMS_KEY}.{CONSENSUS_KEY}");
        Err(ChainSpecError::Consensus { field, reason })
    }

    /// The first storage of the registry: slots that are not zero.
    fn storage(&self) -> Storage {
        let mut storage = Storage::new();
        let rule = match self.quorum {
            Quorum::Bft => 0_u8,
            Quorum::Majority => 1,
        };
        let config = B256::from(U256::from(self.epoch_blocks) | U256::from(rule) << 64);
        storage.insert(slot(CONFIG_SLOT), config);
        let count = U256::from(self.authorities.len());
        storage.insert(slot(SEATS_SLOT), count.into());
        for (index, authority) in self.authorities.iter().enumerate() {
            put_seat(&mut storage, index, authority);
        }
        // One set, of all seats, from epoch 0 on: its first slot is all zeros.
        storage.insert(slot(SETS_SLOT), U256::ONE.into());
        let length_slot = offset(keccak256(slot(SETS_SLOT)), 1);
        storage.insert(length_slot, count.into());
        let numbers: Vec<U256> = (0..self.authorities.len()).map(U256::from).collect();
        for (index, numbers) in numbers.chunks(SEATS_PER_SLOT).enumerate() {
            let word = numbers.iter().rev().fold(U256::ZERO, |word, number| word << 32 | *number);
            storage.insert(offset(keccak256(length_slot), index), word.into());
        }
        storage.retain(|_, value| !value.is_zero());
        storage
    }
}

fn put_seat(storage: &mut Storage, index: usize, authority: &Authority) {
    let first = offset(keccak256(slot(SEATS_SLOT)), index * SEAT_SLOTS);
    let operator = U256::from_be_bytes(authority.operator.into_word().0);
    let power = U256::from(authority.power) << 160;
    // Checked before: the peer ID holds a key.
    let peer = peer_key(&authority.peer_id).unwrap_or_default();
    storage.insert(first, B256::from(operator | power));
    for (index, (key, role)) in [
        (authority.consensus_key, CONSENSUS_ROLE),
        (authority.vrf_key, VRF_ROLE),
        (peer, PEER_ROLE),
    ]
    .into_iter()
    .enumerate()
    {
        storage.insert(offset(first, index + 1), key.into());
        let used = keccak256([key, slot(KEYS_SLOT).0].concat());
        storage.insert(used, B256::from(operator | U256::from(role) << 160));
    }
}

fn slot(number: u64) -> B256 {
    U256::from(number).into()
}

fn offset(slot: B256, by: usize) -> B256 {
    U256::from_be_bytes(slot.0).wrapping_add(U256::from(by)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_stand_where_the_compiler_puts_them() {
        let artifact: Value = serde_json::from_str(ARTIFACT).unwrap();
        let layout = artifact["storageLayout"].as_array().unwrap().iter().take(5);
        let layout: Vec<_> = layout
            .map(|entry| {
                let slot: u64 = entry["slot"].as_str().unwrap().parse().unwrap();
                json!([entry["label"], slot, entry["offset"]])
            })
            .collect();
        let written = json!([
            ["epochBlocks", CONFIG_SLOT, 0],
            ["quorum", CONFIG_SLOT, 8],
            ["_seats", SEATS_SLOT, 0],
            ["_sets", SETS_SLOT, 0],
            ["_keys", KEYS_SLOT, 0],
        ]);
        assert_eq!(Value::from(layout), written);
    }

    #[test]
    fn the_code_has_a_size_that_could_be_deployed() {
        assert!((1_000..24_576).contains(&registry_code().unwrap().len()));
    }
}
