//! Blocks, receipts and indices, read whole and in part.

use crate::chain::{Chain, Random, block_on, touched_by};
use alloy_primitives::B256;
use mfenx_storage::{BlockCommit, StateChanges};

#[test]
fn everything_that_was_committed_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), Random::new(1, 5).genesis());
    let root = chain.head.state_root;
    let (block, receipts) = block_on(&chain.head, root, 7);
    let changes = StateChanges::default();
    let (same, trie) = chain.store.reader().unwrap().state_root(&changes).unwrap();
    assert_eq!(same, root);
    let certificate = Some(&[1u8, 2, 3][..]);
    let commit = BlockCommit {
        block: &block,
        receipts: &receipts,
        touched: &touched_by(&block),
        changes: &changes,
        trie: &trie,
        certificate,
    };
    chain.store.commit(commit).unwrap();

    let reader = chain.store.reader().unwrap();
    let (number, hash) = (1, block.hash());
    assert_eq!((reader.head().unwrap().number, reader.head().unwrap().hash), (number, hash));
    assert_eq!(reader.header(number).unwrap().unwrap(), block.sealed_header());
    assert_eq!(reader.block_hash(number).unwrap(), Some(hash));
    assert_eq!(reader.block_hash(0).unwrap(), Some(chain.head.hash()));
    assert_eq!(reader.block_number(hash).unwrap(), Some(number));
    assert_eq!(reader.body(number).unwrap().unwrap(), *block.body());
    assert_eq!(reader.block(number).unwrap().unwrap(), block);
    assert_eq!(reader.senders(number).unwrap().unwrap(), block.senders());
    assert_eq!(reader.transaction_count(number).unwrap(), Some(7));
    assert_eq!(reader.receipts(number).unwrap().unwrap(), receipts);
    assert_eq!(reader.certificate(number).unwrap().unwrap(), [1, 2, 3]);
    assert_eq!(reader.certificate(0).unwrap(), None);
    let hashes = reader.transaction_hashes(number).unwrap().unwrap();
    let mut first_log = 0;
    for (index, (transaction, sender)) in (0u64..).zip(block.transactions_with_sender()) {
        let hash = *transaction.tx_hash();
        assert_eq!(hashes[index as usize], hash);
        let at = reader.transaction_location(hash).unwrap().unwrap();
        assert_eq!((at.block_number, at.index), (number, index));
        let read = reader.transaction(number, index).unwrap().unwrap();
        assert_eq!((read.inner(), read.signer()), (transaction, sender));
        let stored = reader.receipt(number, index).unwrap().unwrap();
        assert_eq!(stored.receipt, receipts[index as usize]);
        assert_eq!((stored.gas_used, stored.first_log_index), (21_000, first_log));
        first_log += stored.receipt.logs().len() as u64;
    }
    assert_eq!(reader.transaction(number, 7).unwrap(), None);
    assert_eq!(reader.receipt(number, 7).unwrap(), None);
    assert_eq!(reader.transaction_location(B256::ZERO).unwrap(), None);
    assert_eq!(reader.block(2).unwrap(), None);
    assert_eq!(reader.receipts(2).unwrap(), None);
    assert_eq!(reader.block_number(B256::ZERO).unwrap(), None);
    chain.states.push(chain.state().clone());
    chain.verify();
}

#[test]
fn a_reader_keeps_its_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(5, 20);
    let mut chain = Chain::new(dir.path(), random.genesis());
    let reader = chain.store.reader().unwrap();
    let head = chain.head.clone();
    for _ in 0..5 {
        let (bundle, state) = random.block(chain.state());
        chain.commit(&bundle, state, 1);
    }
    assert_eq!(reader.head().unwrap().number, 0);
    assert_eq!(reader.header(1).unwrap(), None);
    let (root, _) = reader.state_root(&StateChanges::default()).unwrap();
    assert_eq!(root, head.state_root);
    for (address, account) in &chain.states[0] {
        let found = reader.latest_state().account(*address).unwrap().unwrap();
        assert_eq!((found.nonce, found.balance), (account.nonce, account.balance));
    }
}
