//! The state and its tries.

use super::VerifyReport;
use crate::{
    codec::{AccountRecord, decode_slot},
    error::StoreError,
    reader::Reader,
    trie::{Node, StoredTrie, TrieId, TrieSource, reference_in_parent, root_hash},
    txn::{Slice, Txn},
};
use alloy_primitives::{B256, KECCAK256_EMPTY, keccak256};
use alloy_trie::{HashBuilder, Nibbles};
use reth_libmdbx::tx::TransactionKind;
use std::borrow::Cow;

const PROGRESS_ACCOUNTS: u64 = 1_000_000;

pub(super) fn verify(
    reader: &Reader,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let (txn, head) = (reader.txn(), report.head);
    let table = txn.tables.accounts;
    let mut trie = HashBuilder::default();
    let mut cursor = txn.cursor(table)?;
    let mut entry = cursor.first::<[u8; 32], Slice<'_>>()?;
    while let Some((key, value)) = entry {
        let record = AccountRecord::decode(table.name, &value)?;
        verify_account(txn, B256::from(key), &record, report)?;
        trie.add_leaf(Nibbles::unpack_array(&key), &alloy_rlp::encode(record.leaf()));
        report.accounts += 1;
        if report.accounts.is_multiple_of(PROGRESS_ACCOUNTS) {
            progress(&format!("verified {} accounts", report.accounts));
        }
        entry = cursor.next()?;
    }
    let claimed = reader.header(head.number)?.map(|header| header.state_root);
    let computed = trie.root();
    report.check(claimed == Some(computed), || {
        format!("the state has root {computed}, the head claims {claimed:?}")
    });
    let (root, leaves) = stored_trie(&mut StoredTrie::open(txn, TrieId::Accounts)?, report)?;
    report.check(root == computed, || format!("the account trie has root {root}"));
    report.check(leaves == report.accounts, || format!("the account trie has {leaves} leaves"));
    let slots = txn.size(txn.tables.storage)?.0 as u64;
    report.check(slots == report.slots, || "there are slots without an account".to_owned());
    let branches = txn.size(txn.tables.account_trie)?.0 + txn.size(txn.tables.storage_trie)?.0;
    let used = report.branches;
    report.check(branches as u64 == used, || {
        format!("{branches} branches are stored, {used} belong to a trie")
    });
    Ok(())
}

/// Storage root and code of one account.
fn verify_account<K: TransactionKind>(
    txn: Txn<'_, K>,
    key: B256,
    record: &AccountRecord,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let table = txn.tables.storage;
    let mut trie = HashBuilder::default();
    let mut count = 0;
    let mut cursor = txn.cursor(table)?;
    let mut slots = cursor.iter_dup_of::<Slice<'_>>(key.as_slice())?;
    while let Some(bytes) = slots.borrow_next()? {
        let (slot, value) = decode_slot(table.name, &bytes)?;
        trie.add_leaf(Nibbles::unpack_array(&slot.0), &alloy_rlp::encode_fixed_size(&value));
        count += 1;
    }
    report.slots += count;
    let computed = trie.root();
    report.check(record.storage_root == computed, || {
        format!("account {key} has storage root {computed}, not {}", record.storage_root)
    });
    let (root, leaves) = stored_trie(&mut StoredTrie::open(txn, TrieId::Storage(key))?, report)?;
    report.check(root == computed && leaves == count, || {
        format!("the storage trie of {key} has root {root} and {leaves} leaves")
    });
    let hash = record.state.code_hash;
    if hash != KECCAK256_EMPTY {
        let code = txn.get(txn.tables.code, hash.as_slice())?;
        report.check(code.is_some_and(|code| keccak256(code) == hash), || {
            format!("the code {hash} of account {key} is missing or wrong")
        });
    }
    Ok(())
}

/// The root that the stored branches give, and the number of leaves below them.
fn stored_trie<S: TrieSource>(
    source: &mut S,
    report: &mut VerifyReport,
) -> Result<(B256, u64), StoreError> {
    let (mut leaves, mut buffer) = (0, Vec::new());
    let top = subtrie(source, &Nibbles::new(), report, &mut leaves, &mut buffer)?;
    Ok((root_hash(&top, &mut buffer), leaves))
}

/// Checks that every branch below `prefix` refers to what is really there.
fn subtrie<S: TrieSource>(
    source: &mut S,
    prefix: &Nibbles,
    report: &mut VerifyReport,
    leaves: &mut u64,
    buffer: &mut Vec<u8>,
) -> Result<Node<'static>, StoreError> {
    let Some((path, branch)) = source.branch_below(prefix)? else {
        let Some((key, value)) = source.leaf_below(prefix)? else { return Ok(Node::Empty) };
        *leaves += 1;
        return Ok(Node::Leaf { key, value: Cow::Owned(value) });
    };
    report.branches += 1;
    for (nibble, reference) in branch.children() {
        let mut child = path;
        child.push(nibble);
        let node = subtrie(source, &child, report, leaves, buffer)?;
        let computed = reference_in_parent(&node, child.len(), buffer);
        report.check(computed.as_ref() == Some(reference), || {
            format!("the branch at {path:?} refers to something else at {nibble:x}")
        });
    }
    Ok(Node::branch(path, &branch, buffer))
}
