//! Reading a blob transaction as it is sent: a list of the transaction, the version of its sidecar
//! from EIP-7594 on, its blobs, their commitments and the proofs (EIP-4844).
//!
//! By hand, because the general decoder takes every blob through the stack several times, and a
//! blob is 128 KiB.

use alloy_consensus::{Signed, TxEip4844, transaction::RlpEcdsaDecodableTx};
use alloy_eips::{
    eip4844::{BYTES_PER_BLOB, Blob, BlobTransactionSidecar, Bytes48},
    eip7594::{BlobTransactionSidecarEip7594, EIP_7594_WRAPPER_VERSION},
};
use alloy_rlp::{Decodable, Error, Header};
use mfenx_txpool::Sidecar;

/// The transaction, and its sidecar unless it has the form in which it stands in a block. `bytes`
/// are those after the type; nothing may follow.
pub(super) fn decode(bytes: &[u8]) -> Result<(Signed<TxEip4844>, Option<Sidecar>), Error> {
    let mut rest = bytes;
    let list = Header::decode(&mut rest)?;
    if !list.list {
        return Err(Error::UnexpectedString);
    }
    let (content, after) =
        rest.split_at_checked(list.payload_length).ok_or(Error::InputTooShort)?;
    if !after.is_empty() {
        return Err(MORE_THAN_ONE);
    }
    // The first field is a number, or the list of the transaction's fields.
    if content.first().is_none_or(|byte| *byte < LIST) {
        return Ok((TxEip4844::rlp_decode_signed(&mut &*bytes)?, None));
    }
    let mut content = content;
    let transaction = TxEip4844::rlp_decode_signed(&mut content)?;
    let with_cells = content.first().is_some_and(|byte| *byte < LIST);
    if with_cells && u8::decode(&mut content)? != EIP_7594_WRAPPER_VERSION {
        return Err(Error::Custom("unknown version of the sidecar"));
    }
    let blobs = blobs(&mut content)?;
    let commitments = Vec::<Bytes48>::decode(&mut content)?;
    let proofs = Vec::<Bytes48>::decode(&mut content)?;
    if !content.is_empty() {
        return Err(Error::ListLengthMismatch {
            expected: list.payload_length - content.len(),
            got: list.payload_length,
        });
    }
    let sidecar = if with_cells {
        let cell_proofs = proofs;
        Sidecar::Eip7594(BlobTransactionSidecarEip7594 { blobs, commitments, cell_proofs })
    } else {
        Sidecar::Eip4844(BlobTransactionSidecar { blobs, commitments, proofs })
    };
    Ok((transaction, Some(sidecar)))
}

/// What is said when something follows.
pub(super) const MORE_THAN_ONE: Error = Error::Custom("input contains more than one value");

/// The least first byte of a list.
const LIST: u8 = 0xc0;

fn blobs(buf: &mut &[u8]) -> Result<Vec<Blob>, Error> {
    let mut list = Header::decode_bytes(buf, true)?;
    let mut blobs = Vec::with_capacity(list.len() / BYTES_PER_BLOB);
    while !list.is_empty() {
        let bytes = Header::decode_bytes(&mut list, false)?;
        if bytes.len() != BYTES_PER_BLOB {
            return Err(Error::UnexpectedLength);
        }
        blobs.push(Blob::from_slice(bytes));
    }
    Ok(blobs)
}
