//! Reads fixed parts from the front of a value.

use crate::error::StoreError;
use alloy_primitives::B256;

/// The rest of a value of `table`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a> {
    table: &'static str,
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) const fn new(table: &'static str, bytes: &'a [u8]) -> Self {
        Self { table, bytes }
    }

    pub(crate) const fn corrupt(&self, reason: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, reason }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], StoreError> {
        let (head, rest) =
            self.bytes.split_at_checked(len).ok_or(self.corrupt("a value is too short"))?;
        self.bytes = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (head, rest) =
            self.bytes.split_first_chunk::<N>().ok_or(self.corrupt("a value is too short"))?;
        self.bytes = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, StoreError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, StoreError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StoreError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StoreError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn b256(&mut self) -> Result<B256, StoreError> {
        Ok(B256::from(self.array::<32>()?))
    }

    /// Everything that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Decodes an RLP item from the front.
    pub(crate) fn rlp<T: alloy_rlp::Decodable>(&mut self) -> Result<T, StoreError> {
        T::decode(&mut self.bytes).map_err(|_| self.corrupt("RLP does not decode"))
    }

    /// Fails unless everything was read.
    pub(crate) const fn finish(self) -> Result<(), StoreError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.corrupt("a value is too long")) }
    }
}
