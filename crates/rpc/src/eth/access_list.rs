//! `eth_createAccessList`.

use super::{
    call::{self, Time},
    call_request,
};
use crate::{
    context::Context,
    error::{RpcError, halt},
    input::CallRequest,
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_eips::eip2930::AccessList;
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::{CallError, CallOutcome, create_access_list, evm_env};
use serde::Serialize;

const CREATE_ACCESS_LIST: Method = Method {
    name: "eth_createAccessList",
    summary: "The accounts and slots that a transaction uses, as an access list, and the gas that \
              it uses with this list.",
    params: &[
        Param::required("call", "CallRequest"),
        Param::optional("block", "BlockId"),
        Param::optional("stateOverride", "StateOverride"),
    ],
    result: "AccessListResult",
    example: r#"[{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"0x5fbdb2315678afecb367f032d93f642f64180aa3","input":"0xa9059cbb00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c80000000000000000000000000000000000000000000000000000000000000001"},"latest"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &CREATE_ACCESS_LIST, access_list)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessListResult {
    access_list: AccessList,
    gas_used: Quantity<u64>,
    /// Why the transaction fails, with this list too.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn access_list(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<AccessListResult, RpcError> {
    let CallRequest(request) = args.value(0)?;
    let (block, options) = (args.block_or_latest(1)?, call::options(context, args)?);
    let reader = context.store.reader()?;
    let (header, state) = context.header_and_state(block, &reader)?;
    let tx = call_request::tx_env(request, &context.spec, &header, options.gas_cap)?;
    let time = Time::starting(context, cancel);
    let env = evm_env(&context.spec, &header);
    let found = match create_access_list(state, env, tx, &options, &mut || time.is_up()) {
        Ok(found) => found,
        Err(CallError::Interrupted) => return Err(time.error()),
        Err(error) => return Err(error.into()),
    };
    let (gas_used, error) = match found.outcome {
        CallOutcome::Success { gas_used, .. } => (gas_used, None),
        CallOutcome::Revert { gas_used, .. } => (gas_used, Some("execution reverted".to_owned())),
        CallOutcome::Halt { gas_used, reason } => (gas_used, Some(halt(&reason))),
    };
    Ok(AccessListResult { access_list: found.access_list, gas_used: Quantity(gas_used), error })
}
