//! Blob transactions: their sidecars, their fees, and that a sender has one kind at a time.

use super::support::*;
use crate::{DropReason, PoolConfig, PoolError, Sidecar};
use alloy_consensus::Transaction as _;
use alloy_eips::{eip4844::Blob, eip7594::BlobTransactionSidecarEip7594};
use alloy_primitives::B256;
use mfenx_primitives::RecoveredTransaction;
use std::sync::Arc;

const FEE: u128 = 100;

fn osaka() -> Bench {
    Bench::on(blob_chain(0), PoolConfig::default())
}

/// With sidecars that nobody verifies.
fn send(bench: &Bench, tx: RecoveredTransaction) -> Result<B256, PoolError> {
    let blobs = tx.blob_versioned_hashes().map(|hashes| sidecar(hashes.len()));
    bench.pool.add_unverified(tx, blobs, seen(rich()))
}

fn words(result: Result<B256, PoolError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_chain_of_our_own_takes_none() {
    let bench = Bench::new(PoolConfig::default());
    let sent =
        bench.pool.add_with_sidecar(Draft::new(1, 0).blobs(1, FEE), Some(sidecar(1)), seen(rich()));
    assert_eq!(
        words(sent),
        "transaction type not supported: transaction type not valid on this chain: 3"
    );
}

#[test]
fn proofs_of_the_fork_in_force_are_verified() {
    let bench = osaka();
    let add = |nonce, sidecar: Sidecar| {
        let tx = Draft::new(1, nonce).blobs(sidecar.blobs().len(), FEE);
        bench.pool.add_with_sidecar(tx, Some(Arc::new(sidecar)), seen(rich()))
    };
    add(0, (*sidecar(2)).clone()).unwrap();
    let wrong = |change: fn(&mut BlobTransactionSidecarEip7594)| {
        let Sidecar::Eip7594(mut sidecar) = (*sidecar(1)).clone() else { unreachable!() };
        change(&mut sidecar);
        words(add(1, Sidecar::Eip7594(sidecar)))
    };
    // Another value in the blob, to which commitment and proofs do not belong.
    let other = wrong(|sidecar| sidecar.blobs = vec![Blob::with_last_byte(1)]);
    assert!(other.starts_with("invalid blob proof"), "{other}");
    let other = wrong(|sidecar| sidecar.cell_proofs[127] = Default::default());
    assert!(other.starts_with("invalid blob proof"), "{other}");
    assert!(wrong(|sidecar| sidecar.commitments = vec![Default::default()]).contains("mismatches"));
    let short = wrong(|sidecar| sidecar.cell_proofs.truncate(127));
    assert_eq!(short, "invalid number of 127 blob proofs, expected 128");
    let old = words(add(1, (*old_sidecar(1)).clone()));
    assert_eq!(old, "unexpected sidecar version, want: 1, got: 0");
    assert_eq!(bench.nonces(1), (vec![0], vec![]));
}

#[test]
fn a_real_blob_passes() {
    let mut blob = Blob::ZERO;
    for (index, byte) in blob.iter_mut().enumerate() {
        // Every field element stays below the modulus.
        *byte = if index % 32 == 0 { 0 } else { (index * 31) as u8 };
    }
    let sidecar = BlobTransactionSidecarEip7594::try_from_blobs(vec![blob]).unwrap();
    let hashes: Vec<_> = sidecar.versioned_hashes().collect();
    assert_eq!(crate::blobs::verify(&hashes, &Sidecar::Eip7594(sidecar.clone())), Ok(()));
    let mut swapped = sidecar;
    swapped.cell_proofs.swap(0, 1);
    assert!(crate::blobs::verify(&hashes, &Sidecar::Eip7594(swapped)).is_err());
}

#[test]
fn old_proofs_are_taken_before_osaka_and_dropped_with_it() {
    let mut bench = Bench::on(blob_chain(1), PoolConfig::default());
    let (old, new) = (Draft::new(1, 0).blobs(2, FEE), Draft::new(2, 0).blobs(1, FEE));
    let hash = bench.pool.add_with_sidecar(old, Some(old_sidecar(2)), seen(rich())).unwrap();
    let refused = bench.pool.add_with_sidecar(new, Some(sidecar(1)), seen(rich()));
    assert_eq!(words(refused), "unexpected sidecar version, want: 0, got: 1");
    bench.events();
    bench.commit(vec![], BASE_FEE, &[]);
    let reason = DropReason::Invalid("unexpected sidecar version, want: 1, got: 0".into());
    assert_eq!(bench.events(), [dropped(hash, reason)]);
}

#[test]
fn forms_and_fees_are_checked() {
    let bench = osaka();
    let tx = Draft::new(1, 0).blobs(1, FEE);
    let bare = bench.pool.add(tx.clone(), seen(rich()));
    assert_eq!(words(bare), "missing sidecar in blob transaction");
    let two = bench.pool.add_with_sidecar(tx, Some(sidecar(2)), seen(rich()));
    assert_eq!(words(two), "invalid number of 2 blobs compared to 1 blob hashes");
    assert_eq!(words(send(&bench, Draft::new(1, 0).blobs(0, FEE))), "blobless blob transaction");
    assert_eq!(
        words(send(&bench, Draft::new(1, 0).blobs(1, 0))),
        "transaction gas price below minimum: blob fee cap 0, minimum needed 1"
    );
    // EIP-7594: six, although a block may hold nine.
    send(&bench, Draft::new(1, 0).blobs(6, FEE)).unwrap();
    let seven = words(send(&bench, Draft::new(2, 0).blobs(7, FEE)));
    assert_eq!(seven, "too many blobs in transaction: have 7, permitted 6");
    let long = Draft::new(2, 0).calldata(1 << 20).with(|tx| tx.gas_limit = 16_000_000);
    assert!(words(send(&bench, long.blobs(1, FEE))).starts_with("oversized data"));
}

#[test]
fn the_sidecar_counts_and_leaves_with_its_transaction() {
    let mut bench = osaka();
    let tx = Draft::new(1, 0).blobs(3, FEE);
    let hash = send(&bench, tx.clone()).unwrap();
    let bytes = bench.pool.status().bytes;
    assert!((3 * 131_072 + 3 * 128 * 48..410_000 + 3 * 128 * 48).contains(&bytes), "{bytes}");
    assert_eq!(bench.pool.sidecar(&hash), Some(sidecar(3)));
    bench.commit(vec![tx], BASE_FEE, &[]);
    assert_eq!(bench.pool.sidecar(&hash), None);
    assert_eq!(bench.pool.status(), Default::default());
}

#[test]
fn blobs_are_paid_for() {
    let bench = osaka();
    let tx = Draft::new(1, 0).blobs(2, FEE);
    let cost = COST + 2 * 131_072 * FEE;
    let poor = |balance| {
        let tx = tx.clone();
        bench.pool.add_unverified(tx, Some(sidecar(2)), seen(account(0, balance)))
    };
    assert!(words(poor(cost - 1)).starts_with("insufficient funds for gas * price + value"));
    poor(cost).unwrap();
}

#[test]
fn a_replacement_doubles_every_fee() {
    let bench = osaka();
    let priced = |max_fee, tip, blob_fee| {
        send(&bench, Draft::new(1, 0).fees(max_fee * GWEI, tip * GWEI).blobs(1, blob_fee))
    };
    priced(4, 2, FEE).unwrap();
    for (max_fee, tip, blob_fee) in [(7, 4, 2 * FEE), (8, 3, 2 * FEE), (8, 4, 2 * FEE - 1)] {
        let refused = priced(max_fee, tip, blob_fee).unwrap_err();
        let needed = PoolError::ReplacementUnderpriced {
            needed_max_fee: 8 * GWEI,
            needed_tip: 4 * GWEI,
            needed_blob_fee: 2 * FEE,
        };
        assert_eq!(refused, needed);
    }
    priced(8, 4, 2 * FEE).unwrap();
}

#[test]
fn a_sender_has_one_kind_at_a_time() {
    let bench = osaka();
    send(&bench, Draft::new(1, 0).blobs(1, FEE)).unwrap();
    for nonce in [0, 1] {
        let other = Draft::new(1, nonce).fees(9 * GWEI, 9 * GWEI).sign();
        assert_eq!(words(send(&bench, other)), "address already reserved");
    }
    send(&bench, Draft::new(2, 0).sign()).unwrap();
    let blobs = Draft::new(2, 1).blobs(1, FEE);
    assert_eq!(words(send(&bench, blobs)), "address already reserved");
}

#[test]
fn blobs_wait_for_no_nonce_and_a_sender_has_few() {
    let bench = osaka();
    let gapped = words(send(&bench, Draft::new(1, 1).blobs(1, FEE)));
    assert_eq!(gapped, "nonce too high: tx nonce 1, gapped nonce 0");
    let most = bench.pool.config().max_blob_txs_per_sender as u64;
    for nonce in 0..most {
        send(&bench, Draft::new(1, nonce).blobs(1, FEE)).unwrap();
    }
    let another = words(send(&bench, Draft::new(1, most).blobs(1, FEE)));
    assert_eq!(another, "account limit exceeded: pooled 16 txs");
}

#[test]
fn what_is_refused_anyway_is_not_verified() {
    let bench = osaka();
    send(&bench, Draft::new(1, 0).sign()).unwrap();
    let verified = bench.pool.add_with_sidecar(
        Draft::new(1, 1).blobs(1, FEE),
        // The length fits, the proofs are nonsense.
        Some(Arc::new(Sidecar::Eip7594(BlobTransactionSidecarEip7594 {
            cell_proofs: vec![Default::default(); 128],
            blobs: vec![Blob::ZERO],
            commitments: vec![INFINITY],
        }))),
        seen(rich()),
    );
    assert_eq!(words(verified), "address already reserved");
}
