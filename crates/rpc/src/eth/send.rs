//! `eth_sendRawTransaction`.

use crate::{
    context::Context,
    error::RpcError,
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::transaction::SignerRecoverable;
use alloy_eips::{Decodable2718, eip2718::EIP4844_TX_TYPE_ID};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY};
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::{RecoveredTransaction, Transaction};
use mfenx_txpool::{PoolError, SenderState};

/// How often the sender's account is read before the transaction is given up.
const READS_MAX: u32 = 16;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Transactions, "eth_sendRawTransaction", 1, send_raw)
}

fn send_raw(context: &Context, args: &Args<'_>, _: &Cancel) -> Result<B256, RpcError> {
    let limit = context.limits.transaction_bytes_max;
    // Before anything is copied. A blob transaction is long only because of its sidecar, so its
    // size is not what is wrong with it.
    let digits = args.hex_digits(0)?;
    if digits.starts_with("03") {
        return Err(PoolError::UnsupportedType { ty: EIP4844_TX_TYPE_ID }.into());
    }
    let size = digits.len() / 2;
    if size > limit {
        return Err(PoolError::Oversized { size, limit }.into());
    }
    let transaction = decode(&args.data(0)?)?;
    if context.pool.contains(transaction.tx_hash()) {
        return Err(PoolError::AlreadyKnown.into());
    }
    let sender = transaction.recover_signer().map_err(|_| PoolError::InvalidSignature)?;
    let transaction = RecoveredTransaction::new_unchecked(transaction, sender);
    // A block may come between reading the account and bringing the transaction; that it happens
    // every time is possible only on a chain that makes blocks faster than it reads one account.
    for _ in 1..READS_MAX {
        match context.pool.add(transaction.clone(), sender_state(context, sender)?) {
            Err(PoolError::StaleAccount { .. }) => {}
            added => return Ok(added?),
        }
    }
    Ok(context.pool.add(transaction, sender_state(context, sender)?)?)
}

/// Strict: nothing may follow the transaction, and blobs are refused before their sidecar is read.
fn decode(bytes: &Bytes) -> Result<Transaction, RpcError> {
    let undecodable = |reason: &str| {
        RpcError::UndecodableTransaction(format!("transaction could not be decoded: {reason}"))
    };
    match bytes.first() {
        None => return Err(undecodable("it is empty")),
        Some(&EIP4844_TX_TYPE_ID) => {
            return Err(PoolError::UnsupportedType { ty: EIP4844_TX_TYPE_ID }.into());
        }
        Some(_) => {}
    }
    let mut rest = bytes.as_ref();
    let transaction =
        Transaction::decode_2718(&mut rest).map_err(|error| undecodable(&error.to_string()))?;
    if !rest.is_empty() {
        return Err(undecodable("bytes follow it"));
    }
    Ok(transaction)
}

/// The sender's account at the head, and whether it has code that is no delegation (EIP-7702).
fn sender_state(context: &Context, sender: Address) -> Result<SenderState, RpcError> {
    let reader = context.store.reader()?;
    let head_number = reader.head()?.number;
    let state = reader.latest_state();
    let account = state.account(sender)?.unwrap_or_default();
    let has_foreign_code = account.code_hash != KECCAK256_EMPTY && {
        let code = state.code(sender)?;
        code.len() != 23 || !code.starts_with(&[0xef, 0x01, 0x00])
    };
    Ok(SenderState { account, has_foreign_code, head_number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::{Signed, TxLegacy};
    use alloy_eips::Encodable2718;
    use alloy_primitives::{Signature, U256};

    fn encoded() -> Vec<u8> {
        let signature = Signature::new(U256::from(1), U256::from(2), false);
        Transaction::Legacy(Signed::new_unhashed(TxLegacy::default(), signature)).encoded_2718()
    }

    fn refusal(bytes: Vec<u8>) -> RpcError {
        decode(&bytes.into()).unwrap_err()
    }

    #[test]
    fn decoding_is_strict() {
        assert!(decode(&encoded().into()).is_ok());
        let mut longer = encoded();
        longer.push(0);
        assert!(refusal(longer).to_string().contains("bytes follow it"));
        let mut shorter = encoded();
        shorter.pop();
        for bytes in [vec![], vec![0x02], vec![0x7f, 0xc0], vec![0x80], shorter] {
            assert_eq!(refusal(bytes.clone()).code(), -32000, "{bytes:?}");
        }
        // Wrapped in an RLP string, as transactions stand in blocks.
        let mut typed = vec![0x82, 0x02];
        typed.push(0xc0);
        assert!(decode(&typed.into()).is_err());
    }

    #[test]
    fn blobs_are_refused_in_words() {
        let error = refusal(vec![3, 0xff]);
        assert!(error.to_string().starts_with("transaction type not supported"), "{error}");
    }
}
