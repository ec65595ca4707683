//! The transactions of a block that is built for a test.

use crate::{
    error::RpcError,
    eth::send::{self, Decoded},
};
use alloy_consensus::{Transaction as _, Typed2718, transaction::SignerRecoverable};
use alloy_eips::eip7594::CELLS_PER_EXT_BLOB;
use alloy_primitives::{B256, Bytes};
use mfenx_execution::{Rejection, TransactionSource};
use mfenx_primitives::{Block, RecoveredTransaction, Transaction};
use mfenx_txpool::{BestTransactions, PoolHandle, Sidecar};
use std::{collections::HashMap, sync::Arc, vec};

/// The pool's best; what does not fit is left out.
pub(super) struct Pooled<'a> {
    best: BestTransactions,
    pool: &'a PoolHandle,
    /// By the hash of the transaction; taken with it, for it may leave the pool meanwhile.
    sidecars: HashMap<B256, Arc<Sidecar>>,
}

impl<'a> Pooled<'a> {
    pub(super) fn new(pool: &'a PoolHandle, base_fee: u64) -> Self {
        Self { best: pool.best(base_fee), pool, sidecars: HashMap::new() }
    }

    /// The blobs of the transactions of a block that was built of these.
    pub(super) fn into_sidecars(mut self, block: &Block) -> Vec<Arc<Sidecar>> {
        let transactions = block.body.transactions.iter();
        transactions.filter_map(|tx| self.sidecars.remove(tx.tx_hash())).collect()
    }
}

impl TransactionSource for Pooled<'_> {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        loop {
            let transaction = self.best.next()?;
            if transaction.is_eip4844() {
                let hash = transaction.inner().tx_hash();
                let Some(sidecar) = self.pool.sidecar(hash) else {
                    self.best.skip_sender(transaction.signer());
                    continue;
                };
                self.sidecars.insert(*hash, sidecar);
            }
            return Some(transaction.as_ref().clone());
        }
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, _: Rejection) {
        self.best.skip_sender(transaction.signer());
    }
}

/// Signed transactions of which each must be in the block. They are decoded one by one, so that no
/// more are than fit.
pub(super) struct Given {
    raw: std::iter::Enumerate<vec::IntoIter<Bytes>>,
    sidecars: Vec<Arc<Sidecar>>,
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
    pub(super) fn into_sidecars(mut self) -> Result<Vec<Arc<Sidecar>>, RpcError> {
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
        let Decoded { transaction, sidecar } =
            send::decode(bytes).map_err(|error| undecodable(error.to_string()))?;
        if let Some(sidecar) = &sidecar {
            check_sidecar(&transaction, sidecar).map_err(undecodable)?;
        }
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

/// Whether the blobs are as many as, and have the commitments that, the transaction names. The
/// proofs are counted and not verified: whoever builds a block for a test may want wrong ones.
fn check_sidecar(transaction: &Transaction, sidecar: &Sidecar) -> Result<(), String> {
    let hashes = transaction.blob_versioned_hashes().unwrap_or_default();
    let (proofs, proofs_each) = match sidecar {
        Sidecar::Eip4844(sidecar) => (sidecar.proofs.len(), 1),
        Sidecar::Eip7594(sidecar) => (sidecar.cell_proofs.len(), CELLS_PER_EXT_BLOB),
    };
    if sidecar.blobs().len() != hashes.len() || proofs != hashes.len() * proofs_each {
        return Err("blobs, proofs and blob hashes are not of the same number".into());
    }
    if !sidecar.versioned_hashes().eq(hashes.iter().copied()) {
        return Err("the blobs are not those that the transaction names".into());
    }
    Ok(())
}
