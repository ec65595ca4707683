//! What Otterscan asks of accounts that needs no execution.

use super::{history, number};
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, KECCAK256_EMPTY};
use jsonrpsee::core::RegisterMethodError;

/// The version of Otterscan's interface that is spoken here.
const LEVEL: u64 = 8;

const API_LEVEL: Method = Method {
    name: "ots_getApiLevel",
    summary: "The version of Otterscan's interface.",
    params: &[],
    result: "Number",
    example: "[]",
};

const HAS_CODE: Method = Method {
    name: "ots_hasCode",
    summary: "Whether an account has code.",
    params: &[Param::required("address", "Address"), Param::optional("block", "BlockId")],
    result: "Boolean",
    example: r#"["0x5fbdb2315678afecb367f032d93f642f64180aa3","latest"]"#,
};

const BY_SENDER_AND_NONCE: Method = Method {
    name: "ots_getTransactionBySenderAndNonce",
    summary: "The hash of the transaction that an account sent with a nonce.",
    params: &[Param::required("sender", "Address"), Param::required("nonce", "Number")],
    result: "Hash32|null",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",2]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&API_LEVEL, |_, _| Ok(LEVEL))?;
    registry.inline(&HAS_CODE, has_code)?;
    registry.work(Class::Reads, &BY_SENDER_AND_NONCE, by_sender_and_nonce)
}

fn has_code(context: &Context, args: &Args<'_>) -> Result<bool, RpcError> {
    let address = args.address(0)?;
    let block = match args.json(1) {
        None => args.block_or_latest(1)?,
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => number::block(args, 1)?,
        Some(_) => args.block(1)?,
    };
    let reader = context.store.reader()?;
    let account = block.state(&reader)?.account(address)?;
    Ok(account.is_some_and(|account| account.code_hash != KECCAK256_EMPTY))
}

fn by_sender_and_nonce(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<B256>, RpcError> {
    let (sender, nonce) = (args.address(0)?, number::plain(args, 1)?);
    let reader = context.store.reader()?;
    let found = history::transaction_with_nonce(context, &reader, sender, nonce)?;
    let Some(place) = found else { return Ok(None) };
    let transaction = reader.transaction(place.block_number, place.index)?;
    Ok(transaction.map(|transaction| *transaction.inner().tx_hash()))
}
