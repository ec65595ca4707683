//! An account in one answer.

use crate::{
    context::Context,
    error::RpcError,
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
};
use alloy_primitives::{B256, Bytes, U256};
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

const INFO: Method = Method {
    name: "eth_getAccountInfo",
    summary: "Balance, nonce and code of an account.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "AccountInfo",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","latest"]"#,
};

const ACCOUNT: Method = Method {
    name: "eth_getAccount",
    summary: "An account as the state trie has it; null where there is none.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "Account|null",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","latest"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&INFO, info)?;
    registry.inline(&ACCOUNT, account)
}

/// As reth has it; an account that does not exist is an empty one.
#[derive(Clone, Serialize)]
struct AccountInfo {
    balance: Quantity<U256>,
    nonce: Quantity<u64>,
    code: Bytes,
}

fn info(context: &Context, args: &Args<'_>) -> Result<AccountInfo, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    let state = block.state(&reader)?;
    let account = state.account(address)?.unwrap_or_default();
    Ok(AccountInfo {
        balance: Quantity(account.balance),
        nonce: Quantity(account.nonce),
        code: state.code(address)?,
    })
}

/// As reth and Nethermind have it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    balance: Quantity<U256>,
    nonce: Quantity<u64>,
    code_hash: B256,
    storage_root: B256,
}

fn account(context: &Context, args: &Args<'_>) -> Result<Option<Account>, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    let leaf = block.state(&reader)?.account_with_storage_root(address)?;
    Ok(leaf.map(|(account, storage_root)| Account {
        balance: Quantity(account.balance),
        nonce: Quantity(account.nonce),
        code_hash: account.code_hash,
        storage_root,
    }))
}
