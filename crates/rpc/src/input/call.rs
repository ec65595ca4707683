//! A call.

use super::{
    hexadecimal::{Data, Fixed, Number, Number64},
    object::Object,
};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::SignedAuthorization,
};
use alloy_primitives::Address;
use alloy_rpc_types_eth::{TransactionInput, TransactionRequest};
use serde::{Deserialize, Deserializer};

/// A call as a parameter. Prices above 128 bits, which nobody can pay, are the highest there is.
#[derive(Debug)]
pub(crate) struct CallRequest(pub(crate) TransactionRequest);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    from: Option<Fixed<20>>,
    to: Option<Fixed<20>>,
    gas: Option<Number64>,
    gas_price: Option<Number>,
    max_fee_per_gas: Option<Number>,
    max_priority_fee_per_gas: Option<Number>,
    max_fee_per_blob_gas: Option<Number>,
    value: Option<Number>,
    nonce: Option<Number64>,
    data: Option<Data>,
    input: Option<Data>,
    access_list: Option<Vec<Object<AccessListEntry>>>,
    chain_id: Option<Number>,
    blob_versioned_hashes: Option<Vec<Fixed<32>>>,
    authorization_list: Option<Vec<SignedAuthorization>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessListEntry {
    address: Fixed<20>,
    storage_keys: Vec<Fixed<32>>,
}

impl<'de> Deserialize<'de> for CallRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(fields) = Object::<Fields>::deserialize(deserializer)?;
        let price = |number: Option<Number>| number.map(Number::saturating::<u128>);
        Ok(Self(TransactionRequest {
            from: fields.from.map(|from| from.0.into()),
            to: fields.to.map(|to| Address::from(to.0).into()),
            gas: fields.gas.map(|gas| gas.0),
            gas_price: price(fields.gas_price),
            max_fee_per_gas: price(fields.max_fee_per_gas),
            max_priority_fee_per_gas: price(fields.max_priority_fee_per_gas),
            max_fee_per_blob_gas: price(fields.max_fee_per_blob_gas),
            value: fields.value.map(|value| value.0),
            nonce: fields.nonce.map(|nonce| nonce.0),
            input: TransactionInput {
                input: fields.input.map(|data| data.0.into()),
                data: fields.data.map(|data| data.0.into()),
            },
            access_list: fields.access_list.map(access_list),
            chain_id: fields.chain_id.map(Number::saturating),
            blob_versioned_hashes: fields
                .blob_versioned_hashes
                .map(|hashes| hashes.into_iter().map(|hash| hash.0.into()).collect()),
            authorization_list: fields.authorization_list,
            transaction_type: None,
            sidecar: None,
        }))
    }
}

fn access_list(entries: Vec<Object<AccessListEntry>>) -> AccessList {
    let entries = entries.into_iter().map(|Object(entry)| AccessListItem {
        address: entry.address.0.into(),
        storage_keys: entry.storage_keys.into_iter().map(|key| key.0.into()).collect(),
    });
    AccessList(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    fn read(json: &str) -> Result<TransactionRequest, serde_json::Error> {
        serde_json::from_str::<CallRequest>(json).map(|call| call.0)
    }

    #[test]
    fn null_and_unknown_fields_are_nothing() {
        let call = read(r#"{"value":null,"to":null,"type":"0x7f","colour":1,"gas":"0X10"}"#);
        let call = call.unwrap();
        assert_eq!((call.value, call.to, call.gas), (None, None, Some(16)));
        let high = format!(r#"{{"gasPrice":"0x{}"}}"#, "f".repeat(64));
        assert_eq!(read(&high).unwrap().gas_price, Some(u128::MAX));
        let value = read(r#"{"value":"","input":"0x01"}"#).unwrap();
        assert_eq!(value.value, Some(U256::ZERO));
        for bad in [
            r#"{"value":"0x"}"#,
            r#"{"value":1}"#,
            r#"{"value":"0x0001"}"#,
            r#"{"nonce":0}"#,
            r#"{"input":"0x1"}"#,
            r#"{"to":"0x01"}"#,
            r#"{"accessList":[{"storageKeys":[]}]}"#,
            r#"{"accessList":[["0x0000000000000000000000000000000000000007",[]]]}"#,
            "[]",
            r#"{"blobVersionedHashes":["0x01"]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
