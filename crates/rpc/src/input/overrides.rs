//! Overrides of accounts and of the block.

use super::{
    hexadecimal::{Data, Fixed, Number, Number64},
    object::Object,
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{B256, map::B256HashMap};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use mfenx_execution::BlockOverrides;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Account {
    balance: Option<Number>,
    nonce: Option<Number64>,
    code: Option<Data>,
    state: Option<HashMap<Fixed<32>, Fixed<32>>>,
    state_diff: Option<HashMap<Fixed<32>, Fixed<32>>>,
    #[serde(alias = "MovePrecompileToAddress")]
    move_precompile_to_address: Option<Fixed<20>>,
}

impl From<Account> for AccountOverride {
    fn from(account: Account) -> Self {
        let slots = |slots: HashMap<Fixed<32>, Fixed<32>>| -> B256HashMap<B256> {
            slots.into_iter().map(|(slot, value)| (slot.0.into(), value.0.into())).collect()
        };
        Self {
            balance: account.balance.map(|balance| balance.0),
            nonce: account.nonce.map(|nonce| nonce.0),
            code: account.code.map(|code| code.0.into()),
            state: account.state.map(slots),
            state_diff: account.state_diff.map(slots),
            move_precompile_to: account.move_precompile_to_address.map(|to| to.0.into()),
        }
    }
}

/// Reads the overrides of accounts.
///
/// # Errors
/// A field has no value of its kind.
pub(crate) fn state_overrides<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<StateOverride>, D::Error> {
    let accounts =
        Option::<HashMap<Fixed<20>, Option<Object<Account>>>>::deserialize(deserializer)?;
    let accounts = accounts.map(|accounts| {
        let accounts = accounts.into_iter();
        accounts
            .map(|(address, account)| {
                let account = account.map(|account| account.0).unwrap_or_default();
                (address.0.into(), account.into())
            })
            .collect()
    });
    Ok(accounts)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Block {
    #[serde(alias = "blockNumber")]
    number: Option<Number>,
    difficulty: Option<Number>,
    #[serde(alias = "timestamp")]
    time: Option<Number64>,
    gas_limit: Option<Number64>,
    #[serde(alias = "coinbase")]
    fee_recipient: Option<Fixed<20>>,
    #[serde(alias = "random")]
    prev_randao: Option<Fixed<32>>,
    #[serde(alias = "baseFee")]
    base_fee_per_gas: Option<Number>,
    blob_base_fee: Option<Number>,
    #[serde(alias = "parentBeaconBlockRoot")]
    beacon_root: Option<Fixed<32>>,
    withdrawals: Option<Vec<Object<Withdrawal>>>,
    block_hash: Option<BTreeMap<u64, B256>>,
}

/// Reads the overrides of a block. Prices higher than the EVM can count are the highest it can.
///
/// # Errors
/// A field has no value of its kind.
pub(crate) fn block_overrides<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BlockOverrides>, D::Error> {
    let block = Option::<Object<Block>>::deserialize(deserializer)?;
    Ok(block.map(|Object(block)| BlockOverrides {
        number: block.number.map(|number| number.0),
        difficulty: block.difficulty.map(|difficulty| difficulty.0),
        time: block.time.map(|time| time.0),
        gas_limit: block.gas_limit.map(|limit| limit.0),
        fee_recipient: block.fee_recipient.map(|address| address.0.into()),
        prev_randao: block.prev_randao.map(|randao| randao.0.into()),
        base_fee_per_gas: block.base_fee_per_gas.map(Number::saturating),
        blob_base_fee: block.blob_base_fee.map(Number::saturating),
        beacon_root: block.beacon_root.map(|root| root.0.into()),
        withdrawals: block
            .withdrawals
            .map(|withdrawals| withdrawals.into_iter().map(|withdrawal| withdrawal.0).collect()),
        block_hash: block.block_hash,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};

    fn accounts(json: &str) -> Result<Option<StateOverride>, serde_json::Error> {
        state_overrides(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn null_and_unknown_fields_are_nothing() {
        let address = Address::repeat_byte(7);
        let json = format!(r#"{{"{address}":{{"balance":"0x5","code":null,"colour":[1]}}}}"#);
        let read = accounts(&json).unwrap().unwrap();
        let balance = Some(U256::from(5));
        assert_eq!(read[&address], AccountOverride { balance, ..Default::default() });
        let json = format!(r#"{{"{address}":null}}"#);
        assert_eq!(accounts(&json).unwrap().unwrap()[&address], AccountOverride::default());
        assert_eq!(accounts("null").unwrap(), None);
        for bad in [
            r#"{"0x07":{}}"#.to_owned(),
            format!(r#"{{"{address}":{{"balance":5}}}}"#),
            format!(r#"{{"{address}":[]}}"#),
            "[]".to_owned(),
            format!(r#"{{"{address}":{{"state":{{"0x1":"0x2"}}}}}}"#),
        ] {
            assert!(accounts(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn blocks_are_strict_too() {
        let read = |json: &str| block_overrides(&mut serde_json::Deserializer::from_str(json));
        let json = format!(r#"{{"number":"0X7","baseFee":"0x{}","x":1}}"#, "f".repeat(64));
        let block = read(&json).unwrap().unwrap();
        assert_eq!(block.number, Some(U256::from(7)));
        assert_eq!(block.base_fee_per_gas, Some(u64::MAX));
        for bad in [
            "[]",
            r#"{"number":55}"#,
            r#"{"time":"0x"}"#,
            r#"{"time":5}"#,
            r#"{"prevRandao":"0x1"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
