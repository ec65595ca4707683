//! Blocks: links, roots, senders, indices.

use super::{VerifyReport, indices};
use crate::{error::StoreError, reader::Reader};
use alloy_consensus::proofs::{
    calculate_ommers_root, calculate_receipt_root, calculate_transaction_root,
    calculate_withdrawals_root,
};
use alloy_primitives::B256;
use mfenx_primitives::{Receipt, RecoveredBlock, recover_senders};

const PROGRESS_BLOCKS: u64 = 100_000;

pub(super) fn verify(
    reader: &Reader,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let mut parent = B256::ZERO;
    for number in 0..=report.head.number {
        if number > 0 && number.is_multiple_of(PROGRESS_BLOCKS) {
            progress(&format!("verified {number} of {} blocks", report.head.number));
        }
        let read = || Ok((reader.block(number)?, reader.receipts(number)?));
        let Some((block, receipts)) = report.absorb(read())? else { continue };
        let (Some(block), Some(receipts)) = (block, receipts) else {
            report.fault(|| format!("block {number} is missing"));
            continue;
        };
        let header = block.header();
        report.check(header.number == number, || format!("block {number} has another number"));
        report.check(header.hash_slow() == block.hash(), || {
            format!("block {number} has another hash")
        });
        report.check(number == 0 || header.parent_hash == parent, || {
            format!("block {number} does not extend block {}", number.saturating_sub(1))
        });
        parent = block.hash();
        let indexed = reader.block_number(block.hash());
        let indexed = report.absorb(indexed)?.flatten();
        report.check(indexed == Some(number), || format!("block {number} is not indexed"));
        verify_content(&block, &receipts, report);
        verify_index(reader, &block, report)?;
        indices::verify_block(reader, &block, &receipts, report)?;
        report.blocks += 1;
        report.transactions += block.transactions().len() as u64;
    }
    let head = report.head;
    report.check(parent == head.hash, || format!("the head is not block {}", head.number));
    let txn = reader.txn();
    let hashes = txn.size(txn.tables.hash_to_number)?.0 as u64;
    report.check(hashes == report.blocks, || format!("{hashes} block hashes are indexed"));
    let indexed = txn.size(txn.tables.transaction_index)?.0 as u64;
    report.check(indexed == report.transactions, || format!("{indexed} transactions are indexed"));
    Ok(())
}

/// The body and the receipts against the header.
fn verify_content(block: &RecoveredBlock, receipts: &[Receipt], report: &mut VerifyReport) {
    let (header, body, number) = (block.header(), block.body(), block.number());
    let transactions_root = calculate_transaction_root(&body.transactions);
    report.check(header.transactions_root == transactions_root, || {
        format!("block {number} has other transactions")
    });
    report.check(header.receipts_root == calculate_receipt_root(receipts), || {
        format!("block {number} has other receipts")
    });
    report.check(header.ommers_hash == calculate_ommers_root(&body.ommers), || {
        format!("block {number} has other ommers")
    });
    let withdrawals_root =
        body.withdrawals.as_ref().map(|withdrawals| calculate_withdrawals_root(withdrawals));
    report.check(header.withdrawals_root == withdrawals_root, || {
        format!("block {number} has other withdrawals")
    });
    let senders = recover_senders(&body.transactions);
    report.check(senders.is_ok_and(|senders| senders == block.senders()), || {
        format!("block {number} has other senders")
    });
}

fn verify_index(
    reader: &Reader,
    block: &RecoveredBlock,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let number = block.number();
    for (index, transaction) in (0u64..).zip(block.transactions()) {
        let location = reader.transaction_location(*transaction.tx_hash());
        let location = report.absorb(location)?.flatten();
        let fits = location.is_some_and(|at| at.block_number == number && at.index == index);
        report.check(fits, || format!("transaction {index} of block {number} is not indexed"));
    }
    Ok(())
}
