//! `eth_sendRawTransaction`.

use super::blob_transaction;
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::{
    TxLegacy,
    transaction::{RlpEcdsaDecodableTx, SignerRecoverable},
};
use alloy_eips::{
    Decodable2718,
    eip2718::{EIP4844_TX_TYPE_ID, Eip2718Error},
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY};
use alloy_rlp::Error as RlpError;
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::{RecoveredTransaction, Transaction};
use mfenx_txpool::{PoolError, SenderState, Sidecar};
use std::sync::Arc;

/// How often the sender's account is read before the transaction is given up.
const READS_MAX: u32 = 16;

const SEND_RAW: Method = Method {
    name: "eth_sendRawTransaction",
    summary: "Puts a signed transaction into the pool; its hash. Blob transactions, where the chain takes them, come with their sidecar.",
    params: &[Param::required("transaction", "Bytes")],
    result: "Hash32",
    example: r#"["0xf8678085012a05f20082520894f39fd6e51aad88f6f4ce6ab8827279cfffb9226601808305682aa0f7eff483068d5998d16ac2643bed6fedbf0a0783bc1b876ffb47dd923ec4c03ca0706efde21ebb2166cfd62496d5e1e5639ae90caf766640f0f351ec8989d85abf"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry
        .work(Class::Transactions, &SEND_RAW, |context, args, _: &Cancel| send_raw(context, args))
}

/// Takes the transaction that is the first parameter into the pool.
pub(super) fn send_raw(context: &Context, args: &Args<'_>) -> Result<B256, RpcError> {
    // Before anything is copied. A blob transaction is long only because of its sidecar, so where
    // there are none its size is not what is wrong with it.
    let digits = args.hex_digits(0)?;
    let is_blob = digits.starts_with("03");
    if is_blob && !context.spec.accepts_blobs() {
        return Err(PoolError::UnsupportedType { ty: EIP4844_TX_TYPE_ID }.into());
    }
    let limits = &context.limits;
    let limit =
        if is_blob { limits.blob_transaction_bytes_max } else { limits.transaction_bytes_max };
    let size = digits.len() / 2;
    if size > limit {
        return Err(PoolError::Oversized { size, limit }.into());
    }
    let Decoded { transaction, sidecar } = decode(&args.data(0)?)?;
    if context.pool.contains(transaction.tx_hash()) {
        return Err(PoolError::AlreadyKnown.into());
    }
    let sender = transaction.recover_signer().map_err(|_| PoolError::InvalidSignature)?;
    let transaction = RecoveredTransaction::new_unchecked(transaction, sender);
    // A block may come between reading the account and bringing the transaction; that it happens
    // every time is possible only on a chain that makes blocks faster than it reads one account.
    for _ in 1..READS_MAX {
        let state = sender_state(context, sender)?;
        match context.pool.add_with_sidecar(transaction.clone(), sidecar.clone(), state) {
            Err(PoolError::StaleAccount { .. }) => {}
            added => return Ok(added?),
        }
    }
    let state = sender_state(context, sender)?;
    Ok(context.pool.add_with_sidecar(transaction, sidecar, state)?)
}

/// A transaction as it will stand in a block, and what it brings along.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) transaction: Transaction,
    pub(crate) sidecar: Option<Arc<Sidecar>>,
}

/// Strict: nothing may follow the transaction. The words are go-ethereum's.
pub(crate) fn decode(bytes: &Bytes) -> Result<Decoded, RpcError> {
    let undecodable = |reason: &str| RpcError::UndecodableTransaction(reason.to_owned());
    match bytes.as_ref() {
        [] | [..=0x7f] => return Err(undecodable("typed transaction too short")),
        [0x03, ..] => return decode_blob(bytes),
        [0x01 | 0x02 | 0x04 | 0xc0.., ..] => {}
        [ty @ ..=0x7f, ..] => return Err(PoolError::UnsupportedType { ty: *ty }.into()),
        [0x80..=0xbf, ..] => {
            return Err(undecodable("rlp: expected input list for types.LegacyTx"));
        }
    }
    let mut rest = bytes.as_ref();
    let transaction = Transaction::decode_2718(&mut rest)
        .map_err(|error| undecodable(&format!("rlp: {}", rlp_words(&error, bytes))))?;
    if !rest.is_empty() {
        return Err(undecodable("rlp: input contains more than one value"));
    }
    Ok(Decoded { transaction, sidecar: None })
}

/// A blob transaction, with its sidecar or as it stands in a block.
fn decode_blob(bytes: &[u8]) -> Result<Decoded, RpcError> {
    let (signed, sidecar) = blob_transaction::decode(bytes.get(1..).unwrap_or_default())
        .map_err(|error| RpcError::UndecodableTransaction(format!("rlp: {}", words(error))))?;
    let transaction = Transaction::Eip4844(signed);
    Ok(Decoded { transaction, sidecar: sidecar.map(Arc::new) })
}

/// What is wrong with the RLP of a transaction.
fn rlp_words(error: &Eip2718Error, bytes: &[u8]) -> String {
    let error = match error {
        Eip2718Error::RlpError(error) => *error,
        // Of a legacy transaction the decoder says only that it is none of the typed ones.
        _ => match TxLegacy::rlp_decode_signed(&mut &*bytes) {
            Err(error) => error,
            Ok(_) => return error.to_string(),
        },
    };
    words(error)
}

fn words(error: RlpError) -> String {
    match error {
        RlpError::InputTooShort => "value size exceeds available input length".into(),
        RlpError::Overflow => "input string too long".into(),
        RlpError::LeadingZero | RlpError::NonCanonicalSingleByte => {
            "non-canonical integer (leading zero bytes)".into()
        }
        RlpError::NonCanonicalSize => "non-canonical size information".into(),
        RlpError::UnexpectedString => "expected list".into(),
        RlpError::UnexpectedList => "expected string or byte".into(),
        RlpError::UnexpectedLength => "input string has the wrong length".into(),
        RlpError::ListLengthMismatch { .. } => "input list has the wrong number of elements".into(),
        RlpError::Custom(reason) => reason.into(),
    }
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
    use alloy_consensus::{EthereumTxEnvelope, Signed, TxEip4844, TxEip4844WithSidecar, TxLegacy};
    use alloy_eips::{
        Encodable2718, eip4844::BlobTransactionSidecar, eip7594::BlobTransactionSidecarEip7594,
    };
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
        let words = |bytes: &[u8]| refusal(bytes.to_vec()).to_string();
        let mut longer = encoded();
        longer.push(0);
        assert_eq!(words(&longer), "rlp: input contains more than one value");
        let mut shorter = encoded();
        shorter.pop();
        assert_eq!(words(&shorter), "rlp: value size exceeds available input length");
        assert_eq!(words(&[]), "typed transaction too short");
        assert_eq!(words(&[0x02]), "typed transaction too short");
        assert!(words(&[0x02, 0xc1]).starts_with("rlp: "));
        assert!(words(&[0x7f, 0xc0]).starts_with("transaction type not supported"));
        // Wrapped in an RLP string, as typed transactions stand in blocks.
        assert_eq!(words(&[0x82, 0x02, 0xc0]), "rlp: expected input list for types.LegacyTx");
    }

    #[test]
    fn blobs_are_decoded_in_either_form() {
        assert!(refusal(vec![3, 0xff]).to_string().starts_with("rlp: "));
        assert!(refusal(vec![3, 0xc1, 0xc0]).to_string().starts_with("rlp: "));
        let signature = Signature::new(U256::from(1), U256::from(2), false);
        let tx = TxEip4844 { blob_versioned_hashes: vec![B256::ZERO], ..TxEip4844::default() };
        let in_block = Transaction::Eip4844(Signed::new_unhashed(tx.clone(), signature));
        let decoded = decode(&in_block.encoded_2718().into()).unwrap();
        assert!(decoded.sidecar.is_none());
        for sidecar in [
            Sidecar::Eip4844(BlobTransactionSidecar::default()),
            Sidecar::Eip7594(BlobTransactionSidecarEip7594::default()),
        ] {
            let tx = TxEip4844WithSidecar::from_tx_and_sidecar(tx.clone(), sidecar.clone());
            let signed = Signed::new_unhashed(tx, signature);
            let mut bytes = EthereumTxEnvelope::Eip4844(signed).encoded_2718();
            let decoded = decode(&bytes.clone().into()).unwrap();
            assert_eq!(decoded.transaction, in_block);
            assert_eq!(decoded.transaction.tx_hash(), in_block.tx_hash());
            assert_eq!(decoded.sidecar.as_deref(), Some(&sidecar));
            for end in 1..bytes.len() {
                assert!(decode(&bytes[..end].to_vec().into()).is_err(), "{end}");
            }
            bytes.push(0);
            assert_eq!(refusal(bytes).to_string(), "rlp: input contains more than one value");
        }
    }
}
