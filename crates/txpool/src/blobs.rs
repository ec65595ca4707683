//! Sidecars of blob transactions: what is cheap to check, and the proofs.
//!
//! Source: EIP-4844 (one proof a blob, version 0), EIP-7594 (one proof a cell from Osaka on,
//! version 1, and at most so many blobs a transaction).

use crate::error::PoolError;
use alloy_consensus::TxEip4844;
use alloy_eips::{
    eip4844::BLOB_TX_MIN_BLOB_GASPRICE,
    eip7594::{BlobTransactionSidecarVariant, CELLS_PER_EXT_BLOB},
};
use alloy_primitives::B256;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};

/// Blobs, commitments and proofs of a transaction, in the form of either fork.
pub type Sidecar = BlobTransactionSidecarVariant;

/// What the fork in force says about blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobRules {
    version: u8,
    max_per_transaction: usize,
}

impl BlobRules {
    /// The rules at `timestamp` (seconds); none before Cancun.
    pub(crate) fn at(spec: &ChainSpec, timestamp: u64) -> Option<Self> {
        let params = spec.blob_params_at(timestamp)?;
        let most = params.max_blobs_per_tx.min(params.max_blob_count);
        Some(Self {
            version: u8::from(spec.is_osaka_active_at_timestamp(timestamp)),
            max_per_transaction: usize::try_from(most).unwrap_or(usize::MAX),
        })
    }

    /// Everything but the proofs, in go-ethereum's order.
    pub(crate) fn check(self, tx: &TxEip4844, sidecar: Option<&Sidecar>) -> Result<(), PoolError> {
        let sidecar = sidecar.ok_or(PoolError::MissingSidecar)?;
        let (want, got) = (self.version, u8::from(sidecar.is_eip7594()));
        if want != got {
            return Err(PoolError::SidecarVersion { want, got });
        }
        let (fee, needed) = (tx.max_fee_per_blob_gas, BLOB_TX_MIN_BLOB_GASPRICE);
        if fee < needed {
            return Err(PoolError::BlobFeeTooLow { fee, needed });
        }
        let (have, limit) = (tx.blob_versioned_hashes.len(), self.max_per_transaction);
        if have == 0 {
            return Err(PoolError::NoBlobs);
        }
        if have > limit {
            return Err(PoolError::TooManyBlobs { have, limit });
        }
        check_lengths(have, sidecar)?;
        check_hashes(&tx.blob_versioned_hashes, sidecar)
    }
}

/// One blob and one commitment for each hash, and the proofs that belong to them.
fn check_lengths(hashes: usize, sidecar: &Sidecar) -> Result<(), PoolError> {
    let invalid = |text| Err(PoolError::InvalidSidecar(text));
    let (proofs, proofs_each) = match sidecar {
        Sidecar::Eip4844(sidecar) => (sidecar.proofs.len(), 1),
        Sidecar::Eip7594(sidecar) => (sidecar.cell_proofs.len(), CELLS_PER_EXT_BLOB),
    };
    let (blobs, commitments) = (sidecar.blobs().len(), sidecar.commitments().len());
    if blobs != hashes {
        return invalid(format!(
            "invalid number of {blobs} blobs compared to {hashes} blob hashes"
        ));
    }
    if commitments != hashes {
        let text =
            format!("invalid number of {commitments} blob commitments compared to {hashes} hashes");
        return invalid(text);
    }
    let wanted = hashes * proofs_each;
    if proofs != wanted {
        return invalid(format!("invalid number of {proofs} blob proofs, expected {wanted}"));
    }
    Ok(())
}

fn check_hashes(hashes: &[B256], sidecar: &Sidecar) -> Result<(), PoolError> {
    let computed = sidecar.versioned_hashes();
    for (index, (hash, computed)) in hashes.iter().zip(computed).enumerate() {
        if *hash != computed {
            return Err(PoolError::InvalidSidecar(format!(
                "blob {index}: computed hash {computed} mismatches transaction one {hash}"
            )));
        }
    }
    Ok(())
}

/// Length of the fields of a sidecar, in bytes.
pub(crate) fn sidecar_bytes(sidecar: &Sidecar) -> usize {
    sidecar.rlp_encoded_fields_length()
}

/// How much to compute beforehand for making proofs. Verifying them takes none of it, and it costs
/// seconds and 96 MiB.
const PRECOMPUTE: u64 = 0;

/// Unpacks the trusted setup, a second's work, so that the first blob need not wait for it.
pub fn load_trusted_setup() {
    c_kzg::ethereum_kzg_settings(PRECOMPUTE);
}

/// Verifies every proof. Some milliseconds a blob, and longer the first time, when the trusted setup,
/// which is part of the program, is unpacked.
pub(crate) fn verify(hashes: &[B256], sidecar: &Sidecar) -> Result<(), PoolError> {
    sidecar
        .validate(hashes, c_kzg::ethereum_kzg_settings(PRECOMPUTE))
        .map_err(|error| PoolError::InvalidSidecar(format!("invalid blob proof: {error}")))
}
