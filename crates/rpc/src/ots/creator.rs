//! `ots_getContractCreator`: the transaction that created a contract, and who did it in there.

use super::{candidates::Candidates, history, parties::Parties};
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    recording::{TraceTime, block_after_parent},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY};
use jsonrpsee::core::RegisterMethodError;
use mfenx_execution::Replay;
use mfenx_primitives::AccountState;
use mfenx_storage::{Order, Reader};
use revm::bytecode::eip7702::EIP7702_MAGIC_BYTES;
use serde::Serialize;

const CREATOR: Method = Method {
    name: "ots_getContractCreator",
    summary: "The transaction that created a contract, and the account that did it in there.",
    params: &[Param::required("address", "Address")],
    result: "ContractCreator|null",
    example: r#"["0x5fbdb2315678afecb367f032d93f642f64180aa3"]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Traces, &CREATOR, creator)
}

#[derive(Serialize)]
struct ContractCreator {
    hash: B256,
    creator: Address,
}

/// Null for accounts without code, for those that only delegate theirs (EIP-7702), and for
/// contracts of the genesis block.
fn creator(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Option<ContractCreator>, RpcError> {
    let contract = args.address(0)?;
    let time = TraceTime::starting(&context.limits, None, cancel);
    let reader = context.store.reader()?;
    if reader.latest_state().code(contract)?.starts_with(EIP7702_MAGIC_BYTES) {
        return Ok(None);
    }
    let has_code = |account: AccountState| account.code_hash != KECCAK256_EMPTY;
    let created =
        history::first_block(&reader, |state| Ok(state.account(contract)?.is_some_and(has_code)))?;
    match created {
        None | Some(0) => Ok(None),
        Some(number) => search(context, &reader, contract, number, &time),
    }
}

/// Looks at the transactions of block `number` that touched the contract.
fn search(
    context: &Context,
    reader: &Reader,
    contract: Address,
    number: u64,
    time: &TraceTime<'_>,
) -> Result<Option<ContractCreator>, RpcError> {
    let mut candidates = Candidates::new(reader, contract, number..=number, Order::Ascending);
    let Some((_, places)) = candidates.next_block()? else { return Ok(None) };
    let (block, state) = block_after_parent(context, reader, number)?;
    let block = &block.block;
    let mut interrupt = || time.is_up();
    let parties = Parties::new(contract);
    let replay = Replay::of_block(&context.spec, state, block.header(), parties, &mut interrupt);
    let mut replay = replay.map_err(|error| time.error(error))?;
    for (index, (transaction, sender)) in block.transactions_with_sender().enumerate() {
        if places.binary_search(&index).is_err() {
            replay.skip(transaction, sender).map_err(|error| time.error(error))?;
            continue;
        }
        let changes = replay.inspect(transaction, sender).map_err(|error| time.error(error))?.state;
        // A creation may have succeeded inside of a call that reverted.
        let stays =
            changes.get(&contract).is_some_and(|account| !account.info.is_empty_code_hash());
        let creator = replay.inspector_mut().creator.take();
        if let (Some(creator), true) = (creator, stays) {
            return Ok(Some(ContractCreator { hash: *transaction.tx_hash(), creator }));
        }
        replay.keep(changes);
    }
    Ok(None)
}
