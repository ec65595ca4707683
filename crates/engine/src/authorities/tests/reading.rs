//! Reading sets: what is refused, and that a real chain is read as blocks are made.

use super::{
    super::{AuthoritiesError, IAuthorities, read_authorities},
    support::*,
};
use crate::{BlockTime, Chain, HeadFeed, Producer, ProducerConfig, RandomnessKey};
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Bytes, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use alloy_sol_types::SolCall;
use mfenx_chainspec::{ChainSpec, ConsensusParams, ConsensusTimeouts, REGISTRY_ADDRESS};
use mfenx_primitives::{Quorum, RecoveredTransaction};
use mfenx_storage::{Durability, Store, StoreOptions};
use mfenx_txpool::{PoolConfig, PoolHandle, SenderState};
use std::{sync::Arc, time::Duration};

#[test]
fn a_set_that_can_change_is_not_read() {
    let mut registry = Registry::new(&[1, 1, 1]);
    for (height, epoch, is_final) in [(9, 1, true), (9, 2, false), (10, 2, true), (19, 3, false)] {
        registry.height = height;
        let read = read_authorities(&registry.db, &registry.spec, &registry.header(), epoch);
        assert_eq!(read.is_ok(), is_final, "height {height}, epoch {epoch}");
        if let Err(error) = read {
            assert!(matches!(error, AuthoritiesError::NotFinal { .. }), "{error}");
        }
    }
}

#[test]
fn a_chain_without_consensus_has_no_sets() {
    let registry = Registry::new(&[1]);
    let dev = ChainSpec::dev().unwrap();
    let read = read_authorities(&registry.db, &dev, &registry.header(), 0);
    assert!(matches!(read, Err(AuthoritiesError::NoConsensus)));
}

/// A registry whose code returns the calldata behind the code, whatever is asked.
fn answering(answer: &[u8]) -> Result<Vec<mfenx_primitives::Authority>, AuthoritiesError> {
    let mut registry = Registry::new(&[1]);
    // PUSH2 length, PUSH1 offset, PUSH0, CODECOPY, PUSH2 length, PUSH0, RETURN
    let [high, low] = u16::try_from(answer.len()).unwrap().to_be_bytes();
    let code = [&[0x61, high, low, 0x60, 0x0c, 0x5f, 0x39, 0x61, high, low, 0x5f, 0xf3], answer];
    put_code(&mut registry.db, REGISTRY_ADDRESS, code.concat().into());
    read_authorities(&registry.db, &registry.spec, &registry.header(), 0)
}

fn encoded(members: Vec<IAuthorities::Authority>) -> Vec<u8> {
    IAuthorities::authoritiesAtCall::abi_encode_returns(&members)
}

#[test]
fn answers_are_read_strictly() {
    let good = encoded(vec![member(0, 1), member(1, 2)]);
    assert_eq!(answering(&good).unwrap(), [authority(0, 1), authority(1, 2)]);
    let answer = |bytes: &[u8]| answering(bytes).unwrap_err();
    assert!(matches!(answer(&[]), AuthoritiesError::Answer(_)));
    assert!(matches!(answer(&good[..good.len() - 1]), AuthoritiesError::Answer(_)));
    // A power of more than 64 bits, an operator of more than 160.
    for offset in [64, 96] {
        let mut spoiled = good.clone();
        spoiled[offset] = 1;
        assert!(matches!(answer(&spoiled), AuthoritiesError::Answer(_)), "{offset}");
    }
    for impossible in [
        vec![],
        vec![member(0, 1), member(0, 1)],
        vec![member(0, 0)],
        vec![member(0, 1 << 62), member(1, 1 << 62)],
        (0..129).map(|index| member(index, 1)).collect(),
    ] {
        assert!(matches!(answer(&encoded(impossible)), AuthoritiesError::Set(_)));
    }
}

#[test]
fn reverts_and_failures_are_told_apart() {
    let mut registry = Registry::new(&[1]);
    let mut read = |code: &'static [u8]| {
        put_code(&mut registry.db, REGISTRY_ADDRESS, Bytes::from_static(code));
        read_authorities(&registry.db, &registry.spec, &registry.header(), 0).unwrap_err()
    };
    assert!(matches!(read(&[0x5f, 0x5f, 0xfd]), AuthoritiesError::Refused(_)));
    assert!(matches!(read(&[0xfe]), AuthoritiesError::Failed(_)));
    // JUMPDEST, PUSH0, JUMP: for ever.
    assert!(matches!(read(&[0x5b, 0x5f, 0x56]), AuthoritiesError::Failed(_)));
}

fn signer(index: u32) -> PrivateKeySigner {
    let phrase = "test test test test test test test test test test test junk";
    MnemonicBuilder::<English>::default().phrase(phrase).index(index).unwrap().build().unwrap()
}

/// Blocks with votes of two of three operators, who are accounts of the development chain.
#[test]
fn a_chain_of_blocks_changes_its_authorities() {
    const EPOCH: u64 = 3;
    let params = ConsensusParams {
        quorum: Quorum::Majority,
        epoch_blocks: EPOCH,
        authorities: (0..3_u8)
            .map(|index| {
                let operator = signer(index.into()).address();
                mfenx_primitives::Authority { operator, ..authority(index, 1) }
            })
            .collect(),
        timeouts: ConsensusTimeouts::default(),
    };
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    params.install(&mut genesis).unwrap();
    let spec = Arc::new(ChainSpec::from_genesis(genesis).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::Volatile, ..Default::default() };
    let chain = Chain::open(Arc::clone(&spec), Store::open(dir.path(), options).unwrap()).unwrap();
    let head = chain.head().unwrap();
    let pool = PoolHandle::new(Arc::clone(&spec), PoolConfig::default(), &head);
    let config = ProducerConfig {
        block_time: BlockTime::Auto,
        beneficiary: operator(50),
        randomness: RandomnessKey::derive(b"test"),
        build_time_max: Duration::from_secs(1),
    };
    let producer = Producer::new(chain.clone(), pool.clone(), HeadFeed::new(head), config);

    let newcomer = member(3, 1);
    let IAuthorities::Authority { operator, power, consensusKey, vrfKey, peerKey } = newcomer;
    let propose =
        IAuthorities::proposeAdditionCall { operator, power, consensusKey, vrfKey, peerKey };
    // Blocks 1 and 2, in epoch 0: the fourth is an authority from block 6 on.
    send(&chain, &pool, 0, propose.abi_encode());
    producer.produce(false).unwrap().unwrap();
    send(&chain, &pool, 1, IAuthorities::voteCall { id: U256::ZERO }.abi_encode());
    while chain.head().unwrap().number < 10 {
        let head = chain.head().unwrap();
        let reader = chain.store().reader().unwrap();
        let epoch = (head.number + 1) / EPOCH;
        let set = read_authorities(reader.latest_state(), &spec, &head, epoch).unwrap();
        assert_eq!(
            set.len(),
            if head.number + 1 < 2 * EPOCH { 3 } else { 4 },
            "{}",
            head.number + 1
        );
        // The same by the state of any block since it is final.
        for number in (epoch.saturating_sub(1) * EPOCH).max(1)..=head.number {
            let header = reader.header(number).unwrap().unwrap();
            let state = reader.state_at(number).unwrap();
            assert_eq!(read_authorities(state, &spec, &header, epoch).unwrap(), set);
        }
        drop(reader);
        producer.produce(true).unwrap().unwrap();
    }
}

fn send(chain: &Chain, pool: &PoolHandle, from: u32, input: Vec<u8>) {
    let unsigned = TxEip1559 {
        chain_id: chain.spec().chain_id(),
        gas_limit: 1_000_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(REGISTRY_ADDRESS),
        input: input.into(),
        ..Default::default()
    };
    let signer = signer(from);
    let signature = signer.sign_hash_sync(&unsigned.signature_hash()).unwrap();
    let transaction = unsigned.into_signed(signature).into();
    let transaction = RecoveredTransaction::new_unchecked(transaction, signer.address());
    let reader = chain.store().reader().unwrap();
    let account = reader.latest_state().account(signer.address()).unwrap().unwrap();
    let head_number = reader.head().unwrap().number;
    let state = SenderState { account, has_foreign_code: false, head_number };
    pool.add_with_sidecar(transaction, None, state).unwrap();
}
