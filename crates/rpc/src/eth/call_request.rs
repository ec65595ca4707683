//! From the fields of a call to what the EVM runs, with go-ethereum's defaults.

use crate::error::RpcError;
use alloy_primitives::TxKind;
use alloy_rpc_types_eth::TransactionRequest;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_primitives::Header;
use revm::context::TxEnv;

/// EIP-2718 types.
mod kind {
    pub(super) const LEGACY: u8 = 0;
    pub(super) const ACCESS_LIST: u8 = 1;
    pub(super) const DYNAMIC_FEE: u8 = 2;
    pub(super) const BLOB: u8 = 3;
    pub(super) const SET_CODE: u8 = 4;
}

/// The call as the EVM takes it. The type follows from the fields, whatever `type` says; a missing
/// gas limit is `default_gas`.
///
/// # Errors
/// Fields contradict each other, or belong to a fork that is not active at `header`.
pub(crate) fn tx_env(
    request: TransactionRequest,
    spec: &ChainSpec,
    header: &Header,
    default_gas: u64,
) -> Result<TxEnv, RpcError> {
    check(&request, spec, header)?;
    let tx_type = tx_type(&request);
    let gas_priority_fee = request.max_priority_fee_per_gas.or_else(|| {
        let has_tip = matches!(tx_type, kind::DYNAMIC_FEE | kind::BLOB | kind::SET_CODE);
        // With a gas price, all of it above the base fee is the tip.
        has_tip.then(|| request.gas_price.unwrap_or_default())
    });
    // Of two different ones `input` counts.
    let data = request.input.into_input().unwrap_or_default();
    let mut tx = TxEnv {
        tx_type,
        caller: request.from.unwrap_or_default(),
        gas_limit: request.gas.unwrap_or(default_gas),
        gas_price: request.gas_price.or(request.max_fee_per_gas).unwrap_or_default(),
        kind: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        data,
        nonce: request.nonce.unwrap_or_default(),
        chain_id: Some(spec.chain_id()),
        access_list: request.access_list.unwrap_or_default(),
        gas_priority_fee,
        blob_hashes: request.blob_versioned_hashes.unwrap_or_default(),
        max_fee_per_blob_gas: request.max_fee_per_blob_gas.unwrap_or_default(),
        authorization_list: Vec::new(),
    };
    tx.set_signed_authorization(request.authorization_list.unwrap_or_default());
    Ok(tx)
}

fn check(request: &TransactionRequest, spec: &ChainSpec, header: &Header) -> Result<(), RpcError> {
    let refuse = |reason: &str| Err(RpcError::CallRefused(reason.to_owned()));
    let has_fees = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    if request.gas_price.is_some() && has_fees {
        return refuse("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
    }
    if has_fees && !spec.is_london_active_at_block(header.number) {
        return refuse(
            "maxFeePerGas and maxPriorityFeePerGas are not valid before London is active",
        );
    }
    let is_cancun = spec.is_cancun_active_at_timestamp(header.timestamp);
    if request.max_fee_per_blob_gas.is_some() && !is_cancun {
        return refuse("transaction type not supported: blob tx");
    }
    if let Some(hashes) = &request.blob_versioned_hashes {
        if request.to.is_none_or(|to| to.is_create()) {
            return refuse("blob transaction of type create");
        }
        if hashes.is_empty() {
            return refuse("blob transaction missing blob hashes");
        }
    }
    match request.chain_id {
        Some(have) if have != spec.chain_id() => {
            let want = spec.chain_id();
            refuse(&format!("chainId does not match node's (have={have}, want={want})"))
        }
        _ => Ok(()),
    }
}

fn tx_type(request: &TransactionRequest) -> u8 {
    if request.authorization_list.is_some() {
        kind::SET_CODE
    } else if request.blob_versioned_hashes.is_some() {
        kind::BLOB
    } else if request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some() {
        kind::DYNAMIC_FEE
    } else if request.access_list.is_some() {
        kind::ACCESS_LIST
    } else {
        kind::LEGACY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::CallRequest;
    use serde_json::{Value, json};

    const TO: alloy_primitives::Address = alloy_primitives::Address::ZERO;

    fn env(request: Value) -> Result<TxEnv, RpcError> {
        let spec = ChainSpec::dev().unwrap();
        let CallRequest(request) = serde_json::from_value(request).unwrap();
        tx_env(request, &spec, spec.genesis_header(), 77)
    }

    #[test]
    fn the_type_follows_from_the_fields() {
        let authorization = json!([{
            "chainId": "0x1", "address": "0x00000000000000000000000000000000000000aa",
            "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x2",
        }]);
        for (request, expected) in [
            (json!({}), kind::LEGACY),
            (json!({"type": "0x7f"}), kind::LEGACY),
            (json!({"gasPrice": "0x1", "type": "0x2"}), kind::LEGACY),
            (json!({"accessList": []}), kind::ACCESS_LIST),
            (json!({"maxFeePerGas": "0x1", "accessList": []}), kind::DYNAMIC_FEE),
            (json!({"maxPriorityFeePerGas": "0x0"}), kind::DYNAMIC_FEE),
            (json!({"maxFeePerBlobGas": "0x1"}), kind::LEGACY),
            (json!({"to": TO, "blobVersionedHashes": [alloy_primitives::B256::ZERO]}), kind::BLOB),
            (json!({"authorizationList": authorization}), kind::SET_CODE),
        ] {
            assert_eq!(env(request.clone()).unwrap().tx_type, expected, "{request}");
        }
    }

    #[test]
    fn defaults_and_both_names_of_the_data() {
        let tx = env(json!({"data": "0x01", "input": "0x01"})).unwrap();
        assert_eq!((tx.gas_limit, tx.data.as_ref(), tx.kind), (77, [1].as_slice(), TxKind::Create));
        assert_eq!(env(json!({"data": "0x02"})).unwrap().data.as_ref(), [2]);
        let both = env(json!({"data": "0x01", "input": "0x02"})).unwrap();
        assert_eq!(both.data.as_ref(), [2]);
    }

    #[test]
    fn contradictions_are_refused() {
        for request in [
            json!({"gasPrice": "0x1", "maxFeePerGas": "0x1"}),
            json!({"chainId": "0x1"}),
            json!({"to": TO, "blobVersionedHashes": []}),
            json!({"blobVersionedHashes": [alloy_primitives::B256::ZERO]}),
        ] {
            assert_eq!(env(request.clone()).unwrap_err().code(), -32000, "{request}");
        }
    }
}
