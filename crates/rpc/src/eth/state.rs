//! Accounts as they were after a block, or would be after the pending one.

use crate::{
    block_id::BlockId,
    context::Context,
    error::RpcError,
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, Bytes, U256};
use jsonrpsee::core::RegisterMethodError;

const BALANCE: Method = Method {
    name: "eth_getBalance",
    summary: "The balance of an account in wei.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "Quantity",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","latest"]"#,
};

const CODE: Method = Method {
    name: "eth_getCode",
    summary: "The code of an account; of one that has delegated (EIP-7702), the delegation.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "Bytes",
    example: r#"["0x15d34aaf54267db7d7c367839aaf71a00a2c6a65","latest"]"#,
};

const STORAGE_AT: Method = Method {
    name: "eth_getStorageAt",
    summary: "The value of a storage slot.",
    params: &[
        Param::required("address", "Address"),
        Param::required("slot", "StorageSlot"),
        Param::optional("block", "BlockId"),
    ],
    result: "Data32",
    example: r#"["0x5fbdb2315678afecb367f032d93f642f64180aa3","0x1","latest"]"#,
};

const TRANSACTION_COUNT: Method = Method {
    name: "eth_getTransactionCount",
    summary: "The nonce of an account; with `pending`, that of its next transaction, those in the pool counted.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "Quantity",
    example: r#"["0x976ea74026e726554db657fa54763abd0c3a0aa9","pending"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline_or_work(Class::Calls, &BALANCE, stored_balance, balance)?;
    registry.inline_or_work(Class::Calls, &CODE, stored_code, code)?;
    registry.inline_or_work(Class::Calls, &STORAGE_AT, stored_slot, slot)?;
    registry.inline(&TRANSACTION_COUNT, transaction_count)
}

/// Asks `then` inline unless it is about the pending block, which may have to be built.
fn unless_pending<T>(
    (context, args): (&Context, &Args<'_>),
    block: usize,
    then: fn(&Context, &Args<'_>, &Cancel) -> Result<T, RpcError>,
) -> Result<Option<T>, RpcError> {
    match args.block_or_latest(block)? {
        BlockId::Pending => Ok(None),
        BlockId::Latest | BlockId::Earliest | BlockId::Number(_) | BlockId::Hash(_) => {
            then(context, args, &Cancel::default()).map(Some)
        }
    }
}

fn stored_balance(context: &Context, args: &Args<'_>) -> Result<Option<Quantity<U256>>, RpcError> {
    unless_pending((context, args), 1, balance)
}

fn balance(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Quantity<U256>, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    let account = context.state(block, &reader)?.account(address)?;
    Ok(Quantity(account.map_or(U256::ZERO, |account| account.balance)))
}

fn stored_code(context: &Context, args: &Args<'_>) -> Result<Option<Bytes>, RpcError> {
    unless_pending((context, args), 1, code)
}

fn code(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<Bytes, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    Ok(context.state(block, &reader)?.code(address)?)
}

fn stored_slot(context: &Context, args: &Args<'_>) -> Result<Option<B256>, RpcError> {
    unless_pending((context, args), 2, slot)
}

fn slot(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<B256, RpcError> {
    let (address, slot, block) = (args.address(0)?, args.slot(1)?, args.block_or_latest(2)?);
    let reader = context.store.reader()?;
    Ok(B256::from(context.state(block, &reader)?.storage(address, slot)?))
}

/// `pending` counts the executable transactions of the pool, also those for which the pending block
/// has no room.
fn transaction_count(context: &Context, args: &Args<'_>) -> Result<Quantity<u64>, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    // The pool first: what leaves it for a block between the two looks is then counted twice at
    // worst, which the maximum forgives, and never lost.
    let pooled = match block {
        BlockId::Pending => context.pool.pending_nonce(address),
        BlockId::Latest | BlockId::Earliest | BlockId::Number(_) | BlockId::Hash(_) => None,
    };
    let reader = context.store.reader()?;
    let account = block.state(&reader)?.account(address)?;
    let nonce = account.map_or(0, |account| account.nonce);
    Ok(Quantity(pooled.map_or(nonce, |pooled| pooled.max(nonce))))
}
