//! `eth_fillTransaction`: what a transaction lacks before it can be signed.

use super::{block::blob_gas_price, call::Time, call_request};
use crate::{
    context::Context,
    error::RpcError,
    input::CallRequest,
    json::UnsignedJson,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::TransactionRequest;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{
    CallError, CallOptions, EstimateError, UnsignedTransaction, estimate_gas, evm_env,
    unsigned_transaction,
};
use mfenx_primitives::SealedHeader;
use mfenx_storage::Reader;
use serde::{Serialize, Serializer, ser::SerializeStruct};

const FILL_TRANSACTION: Method = Method {
    name: "eth_fillTransaction",
    summary: "The transaction with nonce, gas limit and fees filled in, ready to be signed.",
    params: &[Param::required("transaction", "CallRequest")],
    result: "FilledTransaction",
    example: r#"[{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"0x70997970c51812dc3a010c7d01b50e0d17dc79c8","value":"0x1"}]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &FILL_TRANSACTION, fill)
}

/// The transaction, and its encoding with zeros for a signature.
struct Filled(UnsignedTransaction);

impl Serialize for Filled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let UnsignedTransaction { transaction, encoded, .. } = &self.0;
        let mut filled = serializer.serialize_struct("Filled", 2)?;
        filled.serialize_field::<Bytes>("raw", encoded)?;
        filled.serialize_field("tx", &UnsignedJson::new(transaction))?;
        filled.end()
    }
}

fn fill(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Filled, RpcError> {
    let CallRequest(mut request) = args.value(0)?;
    let sender = request.from.unwrap_or_default();
    // The pool first, as for the count of transactions.
    let pooled = context.pool.pending_nonce(sender);
    let reader = context.store.reader()?;
    let head = reader.header(reader.head()?.number)?.ok_or(RpcError::HeaderNotFound)?;
    fill_fees(context, &reader, &head, &mut request)?;
    if request.nonce.is_none() {
        let account = reader.latest_state().account(sender)?;
        let nonce = account.map_or(0, |account| account.nonce);
        request.nonce = Some(pooled.map_or(nonce, |pooled| pooled.max(nonce)));
    }
    check(&request)?;
    let env = evm_env(&context.spec, &head);
    let fork = env.evm.cfg_env.spec;
    if request.gas.is_none() {
        let options = CallOptions {
            state_overrides: None,
            block_overrides: None,
            gas_cap: context.limits.call_gas_max,
            memory_bytes_max: context.limits.call_memory_bytes_max,
            brief: false,
        };
        let tx = call_request::tx_env(request.clone(), &context.spec, &head, 0)?;
        let time = Time::starting(context, cancel);
        let state = reader.latest_state();
        match estimate_gas(state, env, tx, &options, &mut || time.is_up()) {
            Ok(gas) => request.gas = Some(gas),
            Err(EstimateError::Call(CallError::Interrupted)) => return Err(time.error()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Filled(unsigned_transaction(&request, &context.spec, fork)?))
}

/// What go-ethereum refuses before it estimates.
fn check(request: &TransactionRequest) -> Result<(), RpcError> {
    let refuse = |reason: &str| Err(RpcError::CallRefused(reason.to_owned()));
    if let Err(error) = request.input.unique_input() {
        return Err(RpcError::argument(0, error.to_string()));
    }
    let to = request.to.and_then(|to| to.to().copied());
    if let Some(hashes) = &request.blob_versioned_hashes {
        if to.is_none() {
            return refuse("missing \"to\" in blob transaction");
        }
        if hashes.is_empty() {
            return refuse("need at least 1 blob for a blob transaction");
        }
    }
    if request.authorization_list.is_some() && to.is_none() {
        return refuse("missing \"to\" in setcode transaction");
    }
    if to.is_none() && request.input.input().is_none_or(|input| input.is_empty()) {
        return refuse("contract creation without any data provided");
    }
    Ok(())
}

/// Fees that are likely to hold for a few blocks: twice the base fee and the suggested tip.
fn fill_fees(
    context: &Context,
    reader: &Reader,
    head: &SealedHeader,
    request: &mut TransactionRequest,
) -> Result<(), RpcError> {
    let refuse = |reason: String| Err(RpcError::CallRefused(reason));
    if request.max_fee_per_blob_gas == Some(0) {
        return refuse("maxFeePerBlobGas, if specified, must be non-zero".to_owned());
    }
    if request.blob_versioned_hashes.is_some() && request.max_fee_per_blob_gas.is_none() {
        let price = blob_gas_price(&context.spec, head).unwrap_or_default();
        request.max_fee_per_blob_gas = Some(price.saturating_mul(2));
    }
    let has_fees = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    let Some(base_fee) = head.base_fee_per_gas else {
        if has_fees {
            let reason =
                "maxFeePerGas and maxPriorityFeePerGas are not valid before London is active";
            return refuse(reason.to_owned());
        }
        if request.gas_price.is_none() {
            request.gas_price = Some(context.fees.suggest(reader)?);
        }
        return Ok(());
    };
    match request.gas_price {
        Some(_) if has_fees => {
            let reason = "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified";
            return refuse(reason.to_owned());
        }
        Some(0) => return refuse("gasPrice must be non-zero after london fork".to_owned()),
        Some(_) => return Ok(()),
        None => {}
    }
    let tip = match request.max_priority_fee_per_gas {
        Some(tip) => tip,
        None => context.fees.suggest(reader)?,
    };
    let twice = u128::from(base_fee).saturating_mul(2);
    let most = request.max_fee_per_gas.unwrap_or_else(|| twice.saturating_add(tip));
    if most == 0 {
        return refuse("maxFeePerGas must be non-zero".to_owned());
    }
    if most < tip {
        return refuse(format!("maxFeePerGas ({most}) < maxPriorityFeePerGas ({tip})"));
    }
    request.max_priority_fee_per_gas = Some(tip);
    request.max_fee_per_gas = Some(most);
    Ok(())
}
