//! What a genesis file that activates the chain's own precompiles has to say with it.

use crate::error::ChainSpecError;
use alloy_genesis::Genesis;
use mfenx_primitives::precompile::{PRECOMPILE_CODE, PRECOMPILES};

/// Checks that a byte of code stands where each precompile will be: a contract in Solidity calls no
/// address without.
pub(crate) fn check(genesis: &Genesis) -> Result<(), ChainSpecError> {
    for address in PRECOMPILES {
        let account = genesis.alloc.get(&address);
        let code = account.and_then(|account| account.code.as_ref());
        if code.is_none_or(|code| code[..] != PRECOMPILE_CODE) {
            return Err(ChainSpecError::Invalid(format!(
                "`config.mfenx.computeTime` is set, but `alloc` does not give {address:#x} the code \
                 0xfe; take the entries from `mfenx genesis` or chainspec/dev.json"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChainSpec;
    use serde_json::{Value, json};

    fn dev(change: impl FnOnce(&mut Value)) -> Result<ChainSpec, ChainSpecError> {
        let mut genesis = serde_json::to_value(ChainSpec::dev().unwrap().genesis()).unwrap();
        change(&mut genesis);
        ChainSpec::from_genesis_json(&genesis.to_string())
    }

    #[test]
    fn active_from_the_time_in_the_file_on() {
        let at = |time| dev(|genesis| genesis["config"]["mfenx"]["computeTime"] = time);
        let spec = at(json!(1_900_000_000)).unwrap();
        assert_eq!(spec.compute_time(), Some(1_900_000_000));
        assert!(!spec.has_precompiles_at(1_899_999_999));
        assert!(spec.has_precompiles_at(1_900_000_000));
        let without = dev(|genesis| {
            genesis["config"]["mfenx"].as_object_mut().unwrap().remove("computeTime");
        });
        assert!(!without.unwrap().has_precompiles_at(u64::MAX));
        for spec in [ChainSpec::dev().unwrap(), ChainSpec::mfenx().unwrap()] {
            assert!(spec.has_precompiles_at(0));
        }
        for wrong in [json!("0x0"), json!(-1), json!(1.5)] {
            at(wrong).unwrap_err();
        }
    }

    #[test]
    fn the_file_has_the_code() {
        for address in PRECOMPILES {
            let address = format!("{address:#x}");
            let error = dev(|genesis| {
                genesis["alloc"].as_object_mut().unwrap().remove(&address).unwrap();
            });
            let error = error.unwrap_err().to_string();
            assert!(error.contains(&address), "{error}");
        }
        let other = format!("{:#x}", PRECOMPILES[0]);
        dev(|genesis| genesis["alloc"][other]["code"] = json!("0x00")).unwrap_err();
    }
}
