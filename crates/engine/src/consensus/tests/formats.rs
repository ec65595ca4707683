//! What travels: strict decoding, parts in any order, hostile parts.

use super::super::{
    parts::{Added, Assemblies},
    wire::{
        CHUNK_BYTES, Frame, PROOFS_MAX, Part, RangeRequest, decode_payload_request,
        decode_proofs_request, encode_payload_request, encode_proofs, encode_proofs_request,
        new_batch, put_block, put_transaction, read_batch, read_blocks, read_proofs,
    },
};
use super::support::{evidence_against, keys, spec};
use bytes::Bytes;
use mfenx_network::PeerId;
use mfenx_primitives::{B256, Quorum};
use proptest::prelude::*;

fn parts(length: usize) -> (Bytes, Vec<Part>) {
    let payload: Bytes = (0..length).map(|at| (at / 251) as u8).collect::<Vec<_>>().into();
    let parts = Part::all(9, B256::repeat_byte(1), &payload);
    (payload, parts)
}

fn decoded(part: &Part) -> Part {
    match Frame::decode(part.encode()).unwrap() {
        Frame::Part(part) => part,
        Frame::Message(_) | Frame::Evidence(_) => panic!("a part is nothing else"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn parts_make_their_payload_in_any_order(
        length in 1..3 * CHUNK_BYTES + 9,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (payload, parts) = parts(length);
        let source = PeerId::random();
        let mut assemblies = Assemblies::default();
        let shuffled = order.iter().map(|index| index.get(&parts)).chain(&parts);
        let added: Vec<_> = shuffled.map(|part| assemblies.add(source, decoded(part))).collect();
        let whole = added.iter().filter(|added| **added == Added::Complete(payload.clone())).count();
        prop_assert!(whole >= 1);
        prop_assert!(!added.contains(&Added::Broken));
    }

    #[test]
    fn only_whole_formats_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        if let Ok(Frame::Part(part)) = Frame::decode(bytes.clone()) {
            prop_assert_eq!(part.encode(), bytes.clone());
        }
        if let Ok(request) = RangeRequest::decode(&bytes) {
            prop_assert_eq!(request.encode(), bytes.clone());
        }
        if let Ok(hash) = decode_payload_request(&bytes) {
            prop_assert_eq!(encode_payload_request(hash), bytes.clone());
        }
        if let Ok(first) = decode_proofs_request(&bytes) {
            prop_assert_eq!(encode_proofs_request(first), bytes.clone());
        }
        if let Ok((_, proofs)) = read_proofs(bytes.clone()) {
            prop_assert_eq!(encode_proofs(&proofs, 0, usize::MAX)[4..].to_vec(), bytes[4..].to_vec());
        }
        if let Ok(transactions) = read_batch(bytes.clone()) {
            let mut batch = new_batch();
            transactions.iter().for_each(|transaction| put_transaction(&mut batch, transaction));
            prop_assert_eq!(batch, bytes.to_vec());
        }
        if let Ok(blocks) = read_blocks(bytes.clone(), 128) {
            let mut answer = Vec::new();
            blocks.iter().for_each(|(payload, proof)| put_block(&mut answer, payload, proof));
            prop_assert_eq!(answer, bytes.to_vec());
        }
    }
}

#[test]
fn parts_that_lie_about_themselves_are_refused() {
    let (_, mut parts) = parts(2 * CHUNK_BYTES);
    let source = PeerId::random();
    let mut assemblies = Assemblies::default();
    parts[1].data = vec![0; CHUNK_BYTES].into();
    assert_eq!(assemblies.add(source, parts[0].clone()), Added::Waiting);
    assert_eq!(assemblies.add(source, parts[1].clone()), Added::Broken);
    for (total, index) in [(u32::MAX, 0), (0, 0), (10, 0), (2 * CHUNK_BYTES as u32, 2)] {
        let part = Part { total, index, ..parts[0].clone() };
        assert!(Frame::decode(part.encode()).is_err(), "{total} {index}");
    }
}

#[test]
fn what_is_being_put_together_is_bounded() {
    let mut assemblies = Assemblies::default();
    let total = mfenx_execution::MAX_BLOCK_RLP_BYTES as u32;
    let sources: Vec<_> = (0..20).map(|_| PeerId::random()).collect();
    let mut full = 0;
    for source in &sources {
        for digest in 0..10 {
            let data = vec![0; CHUNK_BYTES].into();
            let hash = B256::repeat_byte(1);
            let part = Part { height: 9, hash, digest: [digest; 32], total, index: 0, data };
            full += usize::from(assemblies.add(*source, part) == Added::Full);
        }
    }
    assert_eq!(full, 160, "four authorities have three each, nobody else has room");
    assemblies.start_height(10);
    let (payload, parts) = parts(100);
    assert_eq!(assemblies.add(sources[9], parts[0].clone()), Added::Complete(payload));
}

#[test]
fn proofs_are_paged_and_bounded() {
    let spec = spec(1, Quorum::Majority, 1_000);
    let all: Vec<_> = (0..300).map(|height| evidence_against(&spec, &keys(0), height)).collect();
    let page = |first, bytes_max| read_proofs(encode_proofs(&all, first, bytes_max)).unwrap();
    let (count, proofs) = page(0, usize::MAX);
    assert_eq!((count, &proofs[..]), (300, &all[..PROOFS_MAX]));
    assert_eq!(page(PROOFS_MAX as u32, usize::MAX), (300, all[PROOFS_MAX..].to_vec()));
    assert_eq!(page(u32::MAX, usize::MAX), (300, Vec::new()));
    let (_, few) = page(0, 1_000);
    assert!((1..5).contains(&few.len()), "{}", few.len());
    let whole = encode_proofs(&all[..2], 0, usize::MAX);
    for end in [3, 5, whole.len() - 1] {
        assert!(read_proofs(whole.slice(..end)).is_err(), "{end}");
    }
    assert_eq!(encode_proofs_request(258)[..], [2, 0, 0, 1, 2]);
    assert_eq!(decode_proofs_request(&[2, 0, 0, 1, 2]), Ok(258));
}

#[test]
fn the_formats_are_frozen() {
    let part = Part {
        height: 2,
        hash: B256::repeat_byte(0xaa),
        digest: [0xbb; 32],
        total: 3,
        index: 0,
        data: Bytes::from_static(&[7, 8, 9]),
    };
    let mut golden = vec![2, 0, 0, 0, 0, 0, 0, 0, 2];
    golden.extend([0xaa; 32]);
    golden.extend([0xbb; 32]);
    golden.extend([0, 0, 0, 3, 0, 0, 7, 8, 9]);
    assert_eq!(part.encode(), golden);
    let range = RangeRequest { first: 5, count: 128 };
    assert_eq!(range.encode()[..], [1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 128]);
    assert!(RangeRequest::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 129]).is_err(), "129 blocks");
}
