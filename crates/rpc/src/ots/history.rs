//! When something about an account became true: looked for by halves in the history of the state.

use crate::{block_id::state_after, context::Context, error::RpcError};
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use mfenx_storage::{Reader, StateView, TransactionLocation};

/// The first block after which `holds`, which stays true once it is; none while it is not.
///
/// # Errors
/// It was true before the first block whose state is kept.
pub(super) fn first_block(
    reader: &Reader,
    mut holds: impl FnMut(StateView<'_>) -> Result<bool, RpcError>,
) -> Result<Option<u64>, RpcError> {
    let (earliest, head) = (reader.earliest_history()?, reader.head()?.number);
    let mut holds_after = |number| holds(state_after(reader, number)?);
    if !holds_after(head)? {
        return Ok(None);
    }
    if earliest > 0 && holds_after(earliest)? {
        return Err(RpcError::PrunedHistory { earliest });
    }
    let (mut low, mut high) = (earliest, head);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds_after(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(high))
}

/// Where the transaction of `sender` with this nonce stands. A nonce that no transaction used
/// (an authorization of EIP-7702 raises it, too) has none.
///
/// # Errors
/// It lies before the first block whose state is kept.
pub(crate) fn transaction_with_nonce(
    context: &Context,
    reader: &Reader,
    sender: Address,
    nonce: u64,
) -> Result<Option<TransactionLocation>, RpcError> {
    let used = |state: StateView<'_>| {
        Ok(state.account(sender)?.is_some_and(|account| account.nonce > nonce))
    };
    let Some(number) = first_block(reader, used)? else { return Ok(None) };
    let Some(block) = context.blocks.get(reader, number)? else { return Ok(None) };
    let index = block
        .block
        .transactions_with_sender()
        .position(|(transaction, from)| from == sender && transaction.nonce() == nonce);
    Ok(index.map(|index| TransactionLocation { block_number: number, index: index as u64 }))
}
