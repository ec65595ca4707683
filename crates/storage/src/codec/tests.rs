//! Golden bytes of every encoding, round trips, and decoders fed with rubbish.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::error::StoreError;
use alloy_consensus::{Eip658Value, Receipt as Inner, Signed, TxLegacy};
use alloy_eips::eip4895::{Withdrawal, Withdrawals};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, Log, LogData, Signature, TxKind, U256, hex,
};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, nodes::RlpNode};
use mfenx_primitives::{AccountState, BlockBody, Header, Receipt, Transaction};
use proptest::prelude::*;
use roaring::RoaringTreemap;

const TABLE: &str = "test";

fn encoded(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn record(nonce: u64, balance: u64, code: B256, storage_root: B256) -> AccountRecord {
    let state = AccountState { nonce, balance: U256::from(balance), code_hash: code };
    AccountRecord { state, storage_root }
}

fn transaction(nonce: u64) -> Transaction {
    let to = TxKind::Call(Address::repeat_byte(0x22));
    let inner = TxLegacy { chain_id: Some(1), nonce, gas_limit: 21_000, to, ..TxLegacy::default() };
    let signature = Signature::new(U256::from(1), U256::from(2), false);
    Transaction::Legacy(Signed::new_unhashed(inner, signature))
}

fn receipt(status: Eip658Value, gas: u64, logs: usize) -> Receipt {
    let data = LogData::new_unchecked(vec![B256::repeat_byte(2)], Bytes::from_static(&[3]));
    let logs = vec![Log { address: Address::repeat_byte(1), data }; logs];
    Receipt::Eip1559(Inner { status, cumulative_gas_used: gas, logs }.with_bloom())
}

#[test]
fn accounts() {
    let plain = record(1, 1_000_000_007, KECCAK256_EMPTY, EMPTY_ROOT_HASH);
    assert_eq!(encoded(|out| plain.encode(out)), hex!("0104 01 3b9aca07"));
    let empty = record(0, 0, KECCAK256_EMPTY, EMPTY_ROOT_HASH);
    assert_eq!(encoded(|out| empty.encode(out)), hex!("0000"));
    let contract = record(256, 0, B256::repeat_byte(0xcc), B256::repeat_byte(0x55));
    let bytes = encoded(|out| contract.encode(out));
    let golden = hex!(
        "3200 0100"
        "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
        "5555555555555555555555555555555555555555555555555555555555555555"
    );
    assert_eq!(bytes, golden);
    for record in [plain, empty, contract] {
        let bytes = encoded(|out| record.encode(out));
        assert_eq!(AccountRecord::decode(TABLE, &bytes).unwrap(), record);
        let key = B256::repeat_byte(9);
        for previous in [None, Some(record)] {
            let bytes = encoded(|out| account_change(key, previous.as_ref(), out));
            assert_eq!(decode_account_change(TABLE, &bytes).unwrap(), (key, previous));
        }
    }
    // A leading zero, a nonce of nine bytes, an unknown flag, a byte too many.
    for bad in
        [&hex!("010000")[..], &hex!("0900010101010101010101"), &hex!("4000"), &hex!("000000")]
    {
        assert!(AccountRecord::decode(TABLE, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn slots() {
    let slot = B256::repeat_byte(0xab);
    let bytes = encoded(|out| encode_slot(slot, U256::from(0x1234), out));
    assert_eq!(bytes[..32], slot[..]);
    assert_eq!(bytes[32..], hex!("1234"));
    for value in [U256::ZERO, U256::from(1), U256::MAX] {
        let bytes = encoded(|out| encode_slot(slot, value, out));
        assert_eq!(decode_slot(TABLE, &bytes).unwrap(), (slot, value));
    }
}

#[test]
fn headers() {
    let header = Header { number: 7, ..Header::default() };
    let hash = header.hash_slow();
    let bytes = encode_header(hash, &header);
    assert_eq!(bytes[..32], hash[..]);
    assert_eq!(bytes[32..], alloy_rlp::encode(&header));
    assert_eq!(header_hash(&bytes).unwrap(), hash);
    let sealed = decode_header(&bytes).unwrap();
    assert_eq!((sealed.inner(), sealed.hash()), (&header, hash));
    assert!(decode_header(&bytes[..bytes.len() - 1]).is_err());
    assert!(decode_header(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn bodies() {
    let empty = BlockBody::default();
    assert_eq!(encode_body(&empty).unwrap(), hex!("00000000 c0"));
    let shanghai = BlockBody { withdrawals: Some(Withdrawals::default()), ..empty.clone() };
    assert_eq!(encode_body(&shanghai).unwrap(), hex!("00000000 c0 c0"));
    let full = BlockBody {
        transactions: vec![transaction(0), transaction(1)],
        ommers: vec![Header::default()],
        withdrawals: Some(Withdrawals::new(vec![Withdrawal {
            amount: 5,
            ..Withdrawal::default()
        }])),
    };
    let bytes = encode_body(&full).unwrap();
    let golden = hex!(
        "00000002 00000020 00000040"
        "df 8080825208942222222222222222222222222222222222222222 80 80 25 01 02"
        "df 0180825208942222222222222222222222222222222222222222 80 80 25 01 02"
    );
    assert_eq!(bytes[..golden.len()], golden);
    for body in [&empty, &shanghai, &full] {
        let bytes = encode_body(body).unwrap();
        assert_eq!(Body::new(&bytes).unwrap().decode().unwrap(), *body);
    }
    let body = Body::new(&bytes).unwrap();
    assert_eq!(body.transaction_count(), 2);
    assert_eq!(body.transaction(1).unwrap().unwrap(), full.transactions[1]);
    assert_eq!(body.transaction(2).unwrap(), None);
    let hashes: Vec<_> = full.transactions.iter().map(|tx| *tx.tx_hash()).collect();
    assert_eq!(body.transaction_hashes().unwrap(), hashes);
}

#[test]
fn senders_and_places() {
    let senders = [Address::repeat_byte(1), Address::repeat_byte(2)];
    let bytes = encode_senders(&senders);
    assert_eq!(bytes, [[1u8; 20], [2u8; 20]].concat());
    assert_eq!(decode_senders(&bytes).unwrap(), senders);
    assert!(decode_senders(&bytes[1..]).is_err());
    let place = transaction_place(258, 3);
    assert_eq!(place, hex!("0000000000000102 00000003"));
    let location = transaction_location(&place).unwrap();
    assert_eq!((location.block_number, location.index), (258, 3));
}

#[test]
fn receipts() {
    let root = B256::repeat_byte(0x77);
    let receipts = [
        receipt(Eip658Value::Eip658(true), 21_000, 2),
        receipt(Eip658Value::Eip658(false), 50_000, 0),
        receipt(Eip658Value::PostState(root), 71_000, 1),
    ];
    let bytes = encode_receipts(&receipts).unwrap();
    let log = hex!(
        "f838 94 0101010101010101010101010101010101010101"
        "e1 a0 0202020202020202020202020202020202020202020202020202020202020202 03"
    );
    let golden = [
        &hex!("00000003 00000084 00000093 000000fd")[..],
        &hex!("02 01 0000000000005208 00000000 f874"),
        &log,
        &log,
        &hex!("02 00 000000000000c350 00000002 c0"),
        &hex!("02 02 7777777777777777777777777777777777777777777777777777777777777777"),
        &hex!("0000000000011558 00000002 f83a"),
        &log,
    ]
    .concat();
    assert_eq!(hex::encode(&bytes), hex::encode(golden));
    let stored = Receipts::new(&bytes).unwrap();
    assert_eq!(stored.decode().unwrap(), receipts);
    assert_eq!(stored.cumulative_gas().unwrap(), [21_000, 50_000, 71_000]);
    let last = stored.get(2).unwrap().unwrap();
    assert_eq!((last.gas_used, last.first_log_index), (21_000, 2));
    assert_eq!(last.receipt, receipts[2]);
    assert_eq!(stored.get(3).unwrap(), None);
}

#[test]
fn shards() {
    let blocks: RoaringTreemap = [1, 5, u64::from(u32::MAX) + 9].into_iter().collect();
    let bytes = encode_shard(TABLE, &blocks).unwrap();
    let golden = hex!(
        "0200000000000000"
        "00000000 3a300000 01000000 0000 0100 10000000 0100 0500"
        "01000000 3a300000 01000000 0000 0000 10000000 0800"
    );
    assert_eq!(hex::encode(&bytes), hex::encode(golden));
    assert_eq!(decode_shard(TABLE, &bytes).unwrap(), blocks);
}

#[test]
fn branches() {
    let mut branch = Branch::default();
    branch.push(1, RlpNode::word_rlp(&B256::repeat_byte(0x11)));
    branch.push(14, RlpNode::from_raw(&hex!("c22001")).unwrap());
    let bytes = encoded(|out| branch.encode(out));
    let golden = hex!(
        "4002 4000"
        "1111111111111111111111111111111111111111111111111111111111111111"
        "03c22001"
    );
    assert_eq!(hex::encode(&bytes), hex::encode(golden));
    assert_eq!(Branch::decode(TABLE, &bytes).unwrap(), branch);
    let path = Nibbles::from_nibbles([1, 15, 0]);
    let bytes = encoded(|out| encode_path(&path, out));
    assert_eq!(bytes, hex!("010f00"));
    assert_eq!(decode_path(TABLE, &bytes).unwrap(), path);
    assert!(decode_path(TABLE, &[16]).is_err());
    assert!(decode_path(TABLE, &[0; 64]).is_err());
}

#[test]
fn changes_of_branches() {
    let hash = |byte| RlpNode::word_rlp(&B256::repeat_byte(byte));
    let branch = |children: &[(u8, RlpNode)]| {
        let mut branch = Branch::default();
        children.iter().for_each(|(nibble, child)| branch.push(*nibble, child.clone()));
        branch
    };
    let inline = RlpNode::from_raw(&hex!("c22001")).unwrap();
    let before = branch(&[(1, hash(0x11)), (2, hash(0x22)), (14, inline.clone())]);
    let after = branch(&[(0, hash(0x01)), (1, hash(0x11)), (2, hash(0x23))]);
    let bytes = encoded(|out| before.encode_change(Some(&after), out));
    let golden = hex!(
        "4006 0002 4000"
        "2222222222222222222222222222222222222222222222222222222222222222"
        "03c22001"
    );
    assert_eq!(hex::encode(&bytes), hex::encode(golden));
    let decode = |bytes: &[u8], after| Branch::decode_change(TABLE, bytes, after);
    assert_eq!(decode(&bytes, Some(&after)).unwrap(), Some(before.clone()));
    assert!(decode(&bytes, None).is_err(), "what it kept is not there");
    let whole = encoded(|out| before.encode_change(None, out));
    assert_eq!(decode(&whole, None).unwrap(), Some(before));
    assert_eq!(decode(&[], Some(&after)).unwrap(), None);

    let path = Nibbles::from_nibbles([0, 15]);
    let bytes = encoded(|out| {
        encode_change_path(&path, out);
        end_change_path(out);
        out.push(7);
    });
    assert_eq!(bytes, hex!("01100007"));
    assert_eq!(decode_change_path(TABLE, &bytes).unwrap(), (path, &[7][..]));
    assert!(decode_change_path(TABLE, &hex!("0110")).is_err());
    assert!(decode_change_path(TABLE, &hex!("1100")).is_err());
}

#[test]
fn positions() {
    let places = [(1, 0), (1, 5), (1, 200), (2, 0), (70_000, 1 << 20)];
    let mut shard = PositionShard::default();
    for (block, index) in places {
        assert!(shard.push(position(block, index).unwrap()));
        assert!(!shard.push(position(block, index).unwrap()), "not after the last");
    }
    let bytes = shard.encode();
    let golden = hex!("0000011170100000" "80808008" "05" "c301" "b8feff07" "8080c0f09622");
    assert_eq!(hex::encode(&bytes), hex::encode(golden));
    let read = PositionShard::decode(TABLE, &bytes).unwrap();
    assert_eq!(read.last(), position(70_000, 1 << 20).unwrap());
    let read: Vec<_> = read.positions(TABLE).unwrap().into_iter().map(place).collect();
    assert_eq!(read, places);
    assert_eq!(position(1 << 40, 0), None);
    assert_eq!(position(0, 1 << 24), None);
    assert_eq!(place(position_at_most(3, u32::MAX)), (3, (1 << 24) - 1));
    assert_eq!(position_at_most(u64::MAX, 0), u64::MAX);
}

/// Every decoder, on the same bytes.
fn decode_all(bytes: &[u8]) {
    let results: [Option<StoreError>; 12] = [
        AccountRecord::decode(TABLE, bytes).err(),
        decode_account_change(TABLE, bytes).err(),
        decode_slot(TABLE, bytes).err(),
        decode_header(bytes).err(),
        Body::new(bytes).and_then(|body| body.decode()).err(),
        decode_senders(bytes).err(),
        Receipts::new(bytes).and_then(|receipts| receipts.decode()).err(),
        decode_shard(TABLE, bytes).err(),
        Branch::decode(TABLE, bytes).err(),
        Branch::decode_change(TABLE, bytes, None).err(),
        decode_change_path(TABLE, bytes).err(),
        PositionShard::decode(TABLE, bytes).and_then(|shard| shard.positions(TABLE)).err(),
    ];
    for error in results.into_iter().flatten() {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
    if let Ok(body) = Body::new(bytes) {
        let _ = body.transaction_hashes();
    }
    if let Ok(receipts) = Receipts::new(bytes) {
        let _ = receipts.get(1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&bytes);
    }

    #[test]
    fn damage_is_survived(at in any::<prop::sample::Index>(), byte: u8, cut in 0usize..400) {
        let body = BlockBody {
            transactions: vec![transaction(0), transaction(1)],
            ommers: vec![Header::default()],
            withdrawals: None,
        };
        let receipts = [receipt(Eip658Value::Eip658(true), 1, 2), receipt(Eip658Value::Eip658(true), 2, 1)];
        let values = [
            encode_body(&body).unwrap(),
            encode_receipts(&receipts).unwrap(),
            encode_shard(TABLE, &(0..500u64).map(|block| block * 3).collect()).unwrap(),
        ];
        for mut value in values {
            let at = at.index(value.len());
            value[at] = byte;
            value.truncate(value.len().saturating_sub(cut.saturating_sub(300)));
            decode_all(&value);
        }
    }

    #[test]
    fn accounts_round_trip(nonce: u64, balance: [u8; 32], code: [u8; 32], root: [u8; 32]) {
        let state = AccountState { nonce, balance: U256::from_be_bytes(balance), code_hash: B256::from(code) };
        let record = AccountRecord { state, storage_root: B256::from(root) };
        let bytes = encoded(|out| record.encode(out));
        prop_assert_eq!(AccountRecord::decode(TABLE, &bytes).unwrap(), record);
    }
}
