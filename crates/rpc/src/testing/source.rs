//! The transactions of a block that is built for a test.

use crate::error::RpcError;
use alloy_consensus::{
    EthereumTxEnvelope, Signed, TxEip4844Variant, transaction::SignerRecoverable,
};
use alloy_eips::{Decodable2718, eip7594::BlobTransactionSidecarVariant};
use alloy_primitives::Bytes;
use mfenx_execution::{Rejection, TransactionSource};
use mfenx_primitives::{RecoveredTransaction, Transaction};
use mfenx_txpool::BestTransactions;
use std::vec;

/// The blobs of a transaction with commitments and proofs.
pub(super) type Sidecar = BlobTransactionSidecarVariant;

/// The pool's best; what does not fit is left out.
pub(super) struct Pooled(pub(super) BestTransactions);

impl TransactionSource for Pooled {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.0.next().map(|transaction| transaction.as_ref().clone())
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, _: Rejection) {
        self.0.skip_sender(transaction.signer());
    }
}

/// Signed transactions of which each must be in the block. They are decoded one by one, so that no
/// more are than fit.
pub(super) struct Given {
    raw: std::iter::Enumerate<vec::IntoIter<Bytes>>,
    sidecars: Vec<Sidecar>,
    failure: Option<RpcError>,
}

impl Given {
    pub(super) fn new(raw: Vec<Bytes>) -> Self {
        Self { raw: raw.into_iter().enumerate(), sidecars: Vec::new(), failure: None }
    }

    /// The blobs that came along.
    ///
    /// # Errors
    /// A transaction is not in the block.
    pub(super) fn into_sidecars(mut self) -> Result<Vec<Sidecar>, RpcError> {
        match (self.failure, self.raw.next()) {
            (Some(failure), _) => Err(failure),
            (None, Some((index, _))) => {
                let reason = format!("transaction {index}: there is no room left in the block");
                Err(RpcError::BlockNotBuilt(reason))
            }
            (None, None) => Ok(self.sidecars),
        }
    }

    fn decode(&mut self, index: usize, bytes: &Bytes) -> Result<RecoveredTransaction, RpcError> {
        let undecodable = |reason: String| {
            RpcError::UndecodableTransaction(format!("invalid transaction {index}: {reason}"))
        };
        let (transaction, sidecar) = decode(bytes).map_err(undecodable)?;
        let sender = transaction.recover_signer();
        let sender = sender.map_err(|_| undecodable("invalid sender".into()))?;
        self.sidecars.extend(sidecar);
        Ok(RecoveredTransaction::new_unchecked(transaction, sender))
    }
}

impl TransactionSource for Given {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        if self.failure.is_some() {
            return None;
        }
        let (index, bytes) = self.raw.next()?;
        self.decode(index, &bytes).map_err(|error| self.failure = Some(error)).ok()
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, reason: Rejection) {
        let (Rejection::DoesNotFit(reason) | Rejection::Invalid(reason)) = reason;
        let hash = transaction.inner().tx_hash();
        self.failure = Some(RpcError::BlockNotBuilt(format!("transaction {hash}: {reason}")));
    }
}

/// A transaction as blocks have it, and its blobs when they came along (EIP-4844's network form).
/// Of these it is checked that they are those which the transaction names; their proofs are taken
/// as they are.
fn decode(bytes: &[u8]) -> Result<(Transaction, Option<Sidecar>), String> {
    type Envelope = EthereumTxEnvelope<TxEip4844Variant<Sidecar>>;
    let envelope = Envelope::decode_2718_exact(bytes).map_err(|error| error.to_string())?;
    let transaction = match envelope {
        Envelope::Eip4844(signed) => {
            let (tx, signature, hash) = signed.into_parts();
            let (tx, sidecar) = match tx {
                TxEip4844Variant::TxEip4844(tx) => (tx, None),
                TxEip4844Variant::TxEip4844WithSidecar(tx) => {
                    let (tx, sidecar) = tx.into_parts();
                    (tx, Some(sidecar))
                }
            };
            if let Some(sidecar) = &sidecar
                && !sidecar.versioned_hashes().eq(tx.blob_versioned_hashes.iter().copied())
            {
                return Err("the blobs are not those that the transaction names".into());
            }
            let signed = Signed::new_unchecked(tx, signature, hash);
            return Ok((Transaction::Eip4844(signed), sidecar));
        }
        Envelope::Legacy(tx) => Transaction::Legacy(tx),
        Envelope::Eip2930(tx) => Transaction::Eip2930(tx),
        Envelope::Eip1559(tx) => Transaction::Eip1559(tx),
        Envelope::Eip7702(tx) => Transaction::Eip7702(tx),
    };
    Ok((transaction, None))
}
