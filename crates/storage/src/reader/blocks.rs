//! Blocks, receipts and their indices.

use super::{Reader, StoredReceipt, TransactionLocation};
use crate::{
    codec::{
        Body, Decoder, Receipts, decode_header, decode_senders, header_hash, transaction_location,
    },
    error::StoreError,
    tables::Table,
    txn::Slice,
};
use alloy_primitives::{Address, B256};
use mfenx_primitives::{
    Block, BlockBody, Receipt, RecoveredBlock, RecoveredTransaction, SealedHeader, Transaction,
};

/// Every method fails when the database fails or is corrupt; what is not there is `None`.
impl Reader {
    fn numbered(&self, table: Table, number: u64) -> Result<Option<Slice<'_>>, StoreError> {
        self.txn().get(table, &number.to_be_bytes())
    }

    /// The header with its hash.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn header(&self, number: u64) -> Result<Option<SealedHeader>, StoreError> {
        let latest = self.latest()?;
        if number == latest.head.number {
            return Ok(Some(latest.header.clone()));
        }
        self.stored_header(number)
    }

    pub(super) fn stored_header(&self, number: u64) -> Result<Option<SealedHeader>, StoreError> {
        let bytes = self.numbered(self.txn().tables.headers, number)?;
        bytes.map(|bytes| decode_header(&bytes)).transpose()
    }

    /// The hash of a block, without decoding its header.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn block_hash(&self, number: u64) -> Result<Option<B256>, StoreError> {
        let bytes = self.numbered(self.txn().tables.headers, number)?;
        bytes.map(|bytes| header_hash(&bytes)).transpose()
    }

    /// The number of the block with this hash.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn block_number(&self, hash: B256) -> Result<Option<u64>, StoreError> {
        let table = self.txn().tables.hash_to_number;
        let bytes = self.txn().get(table, hash.as_slice())?;
        bytes.map(|bytes| Decoder::new(table.name, &bytes).u64()).transpose()
    }

    /// Transactions, ommers and withdrawals.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn body(&self, number: u64) -> Result<Option<BlockBody>, StoreError> {
        let bytes = self.numbered(self.txn().tables.bodies, number)?;
        bytes.map(|bytes| Body::new(&bytes)?.decode()).transpose()
    }

    /// The block with the senders of its transactions.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn block(&self, number: u64) -> Result<Option<RecoveredBlock>, StoreError> {
        let Some(header) = self.header(number)? else { return Ok(None) };
        let tables = self.txn().tables;
        let body = self.body(number)?.ok_or(tables.bodies.corrupt("a body is missing"))?;
        let senders = self.senders(number)?.ok_or(tables.senders.corrupt("senders are missing"))?;
        let (header, hash) = header.into_parts();
        let block = RecoveredBlock::from_parts(Block::new(header, body), hash, senders);
        block.map(Some).ok_or(tables.senders.corrupt("not one sender per transaction"))
    }

    /// The senders of the transactions, in order.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn senders(&self, number: u64) -> Result<Option<Vec<Address>>, StoreError> {
        let bytes = self.numbered(self.txn().tables.senders, number)?;
        bytes.map(|bytes| decode_senders(&bytes)).transpose()
    }

    /// How many transactions a block has, without decoding them.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transaction_count(&self, number: u64) -> Result<Option<usize>, StoreError> {
        let bytes = self.numbered(self.txn().tables.bodies, number)?;
        bytes.map(|bytes| Ok(Body::new(&bytes)?.transaction_count())).transpose()
    }

    /// The hashes of the transactions, in order, without decoding them.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transaction_hashes(&self, number: u64) -> Result<Option<Vec<B256>>, StoreError> {
        let bytes = self.numbered(self.txn().tables.bodies, number)?;
        bytes.map(|bytes| Body::new(&bytes)?.transaction_hashes()).transpose()
    }

    /// The transactions alone, in order.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transactions(&self, number: u64) -> Result<Option<Vec<Transaction>>, StoreError> {
        let bytes = self.numbered(self.txn().tables.bodies, number)?;
        bytes.map(|bytes| Body::new(&bytes)?.transactions()).transpose()
    }

    /// One transaction with its sender, without decoding the others.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transaction(
        &self,
        number: u64,
        index: u64,
    ) -> Result<Option<RecoveredTransaction>, StoreError> {
        let tables = self.txn().tables;
        let Ok(index) = usize::try_from(index) else { return Ok(None) };
        let Some(body) = self.numbered(tables.bodies, number)? else { return Ok(None) };
        let Some(transaction) = Body::new(&body)?.transaction(index)? else { return Ok(None) };
        let senders = self.numbered(tables.senders, number)?.unwrap_or_default();
        let sender = senders.as_chunks::<20>().0.get(index).map(Address::from);
        let sender = sender.ok_or(tables.senders.corrupt("not one sender per transaction"))?;
        Ok(Some(RecoveredTransaction::new_unchecked(transaction, sender)))
    }

    /// Where a transaction stands, by its hash.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transaction_location(
        &self,
        hash: B256,
    ) -> Result<Option<TransactionLocation>, StoreError> {
        let bytes = self.txn().get(self.txn().tables.transaction_index, hash.as_slice())?;
        bytes.map(|bytes| transaction_location(&bytes)).transpose()
    }

    /// The receipts of a block, in the order of its transactions.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StoreError> {
        let bytes = self.numbered(self.txn().tables.receipts, number)?;
        bytes.map(|bytes| Receipts::new(&bytes)?.decode()).transpose()
    }

    /// The gas that the block had used after each of its transactions, in order. Neither logs are
    /// decoded nor blooms made.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn cumulative_gas(&self, number: u64) -> Result<Option<Vec<u64>>, StoreError> {
        let bytes = self.numbered(self.txn().tables.receipts, number)?;
        bytes.map(|bytes| Receipts::new(&bytes)?.cumulative_gas()).transpose()
    }

    /// One receipt, without decoding the others.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn receipt(&self, number: u64, index: u64) -> Result<Option<StoredReceipt>, StoreError> {
        let Ok(index) = usize::try_from(index) else { return Ok(None) };
        let bytes = self.numbered(self.txn().tables.receipts, number)?;
        bytes.map_or(Ok(None), |bytes| Receipts::new(&bytes)?.get(index))
    }

    /// Length in bytes of one receipt as it is stored, to tell long ones before they are decoded.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn receipt_length(&self, number: u64, index: u64) -> Result<Option<usize>, StoreError> {
        let Ok(index) = usize::try_from(index) else { return Ok(None) };
        let bytes = self.numbered(self.txn().tables.receipts, number)?;
        bytes.map_or(Ok(None), |bytes| Receipts::new(&bytes)?.length(index))
    }

    /// The commit certificate of a block, as it was given.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn certificate(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.numbered(self.txn().tables.certificates, number)?.map(Slice::into_owned))
    }

    /// What `look` finds in the commit certificate of a block, without copying it.
    pub(crate) fn with_certificate<T>(
        &self,
        number: u64,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        let record = self.numbered(self.txn().tables.certificates, number)?;
        Ok(record.map(|record| look(&record)))
    }
}
