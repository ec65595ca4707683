//! Blocks, headers, transactions and receipts, exactly as Ethereum encodes and hashes them.

use alloy_consensus::{
    EthereumTxEnvelope, Header, ReceiptEnvelope, Sealed, TxEip4844,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_primitives::{Address, B256};
use rayon::prelude::*;
use std::sync::Arc;

/// A signed transaction as it stands in a block: blob transactions without their sidecar.
pub type Transaction = EthereumTxEnvelope<TxEip4844>;
/// A transaction with its recovered sender.
pub type RecoveredTransaction = Recovered<Transaction>;
/// A block as Ethereum encodes it in RLP.
pub type Block = alloy_consensus::Block<Transaction>;
/// Transactions, ommers and withdrawals of a block.
pub type BlockBody = alloy_consensus::BlockBody<Transaction>;
/// A receipt with its bloom. Before Byzantium its status is the state root after the transaction.
pub type Receipt = ReceiptEnvelope;
/// A header with its keccak-256 hash.
pub type SealedHeader = Sealed<Header>;

/// Below this many transactions, starting rayon's threads costs more than it saves.
const PARALLEL_RECOVERY_MIN: usize = 8;

/// A signature from which no sender can be recovered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transaction {index} ({hash}) has an invalid signature: no sender can be recovered")]
pub struct RecoverError {
    /// Position of the transaction in its block.
    pub index: usize,
    /// Hash of the transaction.
    pub hash: B256,
}

/// Recovers the sender of every transaction, on all cores.
///
/// Signatures with a high `s` are accepted, as they were before Homestead; whoever knows the fork
/// in force must refuse them from EIP-2 on.
///
/// # Errors
/// The first transaction in block order whose signature is invalid.
pub fn recover_senders(transactions: &[Transaction]) -> Result<Vec<Address>, RecoverError> {
    recover_unknown(transactions, &vec![None; transactions.len()])
}

/// The senders, of which those that are `known` are believed.
fn recover_unknown(
    transactions: &[Transaction],
    known: &[Option<Address>],
) -> Result<Vec<Address>, RecoverError> {
    let recover =
        |(index, (transaction, known)): (usize, (&Transaction, &Option<Address>))| match known {
            Some(sender) => Ok(*sender),
            None => transaction
                .recover_signer_unchecked()
                .map_err(|_| RecoverError { index, hash: *transaction.tx_hash() }),
        };
    let unknown = known.iter().filter(|known| known.is_none()).count();
    if unknown < PARALLEL_RECOVERY_MIN {
        return transactions.iter().zip(known).enumerate().map(recover).collect();
    }
    let senders = transactions.par_iter().zip(known).enumerate().map(recover);
    let senders: Vec<_> = senders.collect();
    senders.into_iter().collect()
}

/// A block with its hash and the sender of each of its transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredBlock {
    block: Block,
    hash: B256,
    senders: Vec<Address>,
}

impl RecoveredBlock {
    /// Hashes the header and recovers the senders.
    ///
    /// # Errors
    /// A transaction's signature is invalid.
    pub fn recover(block: Block) -> Result<Self, RecoverError> {
        Self::recover_unknown(block, |_| None)
    }

    /// [`Self::recover`] for a block of which `known` may name some senders. They are believed:
    /// whoever names one has recovered it from this very transaction, signature included.
    ///
    /// # Errors
    /// A transaction whose sender is not known has an invalid signature.
    pub fn recover_unknown(
        block: Block,
        known: impl FnMut(&Transaction) -> Option<Address>,
    ) -> Result<Self, RecoverError> {
        let known: Vec<_> = block.body.transactions.iter().map(known).collect();
        let senders = recover_unknown(&block.body.transactions, &known)?;
        let hash = block.header.hash_slow();
        Ok(Self { block, hash, senders })
    }

    /// Puts together what is already known, from the store or from building.
    ///
    /// Returns `None` when there is not exactly one sender per transaction. The hash is believed.
    pub fn from_parts(block: Block, hash: B256, senders: Vec<Address>) -> Option<Self> {
        (senders.len() == block.body.transactions.len()).then_some(Self { block, hash, senders })
    }

    /// The hash of the header.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The height of the block.
    pub const fn number(&self) -> u64 {
        self.block.header.number
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.block.header
    }

    /// The header together with its hash.
    pub fn sealed_header(&self) -> SealedHeader {
        Sealed::new_unchecked(self.block.header.clone(), self.hash)
    }

    /// Transactions, ommers and withdrawals.
    pub const fn body(&self) -> &BlockBody {
        &self.block.body
    }

    /// The block without senders and hash.
    pub const fn block(&self) -> &Block {
        &self.block
    }

    /// Gives the block back.
    pub fn into_block(self) -> Block {
        self.block
    }

    /// The transactions in order.
    pub fn transactions(&self) -> &[Transaction] {
        &self.block.body.transactions
    }

    /// The senders in the order of the transactions.
    pub fn senders(&self) -> &[Address] {
        &self.senders
    }

    /// The transactions in order, each with its sender.
    pub fn transactions_with_sender(
        &self,
    ) -> impl ExactSizeIterator<Item = (&Transaction, Address)> + '_ {
        self.block.body.transactions.iter().zip(self.senders.iter().copied())
    }
}

/// A block that is durable in the store, with its receipts: what subscribers are told of.
#[derive(Debug, Clone)]
pub struct CommittedBlock {
    /// The block.
    pub block: Arc<RecoveredBlock>,
    /// One receipt per transaction, in order.
    pub receipts: Arc<Vec<Receipt>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::{Signed, TxLegacy};
    use alloy_primitives::{Signature, U256};

    #[test]
    fn an_impossible_signature_is_named_by_its_position() {
        let signature = Signature::new(U256::ZERO, U256::ZERO, false);
        let transaction = Transaction::Legacy(Signed::new_unhashed(TxLegacy::default(), signature));
        let error = recover_senders(std::slice::from_ref(&transaction)).unwrap_err();
        assert_eq!(error, RecoverError { index: 0, hash: *transaction.tx_hash() });
    }

    #[test]
    fn only_unknown_senders_are_recovered() {
        let signature = Signature::new(U256::ZERO, U256::ZERO, false);
        let bad = |nonce| {
            let transaction = TxLegacy { nonce, ..TxLegacy::default() };
            Transaction::Legacy(Signed::new_unhashed(transaction, signature))
        };
        // More than are recovered one after the other.
        let transactions: Vec<_> = (0..2 * PARALLEL_RECOVERY_MIN as u64).map(bad).collect();
        let body = BlockBody { transactions: transactions.clone(), ..BlockBody::default() };
        let block = Block::new(Header::default(), body);
        let sender = Address::repeat_byte(7);
        let known = RecoveredBlock::recover_unknown(block.clone(), |_| Some(sender)).unwrap();
        assert_eq!(known.senders(), vec![sender; transactions.len()]);
        let hash = *transactions[3].tx_hash();
        let all_but_one = |it: &Transaction| (*it.tx_hash() != hash).then_some(sender);
        let error = RecoveredBlock::recover_unknown(block, all_but_one).unwrap_err();
        assert_eq!(error, RecoverError { index: 3, hash });
    }

    #[test]
    fn senders_must_match_transactions() {
        let block = Block::default();
        let hash = block.header.hash_slow();
        assert!(RecoveredBlock::from_parts(block.clone(), hash, vec![Address::ZERO]).is_none());
        assert!(RecoveredBlock::from_parts(block, hash, vec![]).is_some());
    }
}
