use super::*;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip4844, transaction::SignerRecoverable};
use alloy_eips::{
    eip4844::{Blob, Bytes48, kzg_to_versioned_hash},
    eip7594::{BlobTransactionSidecarEip7594, CELLS_PER_EXT_BLOB},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use mfenx_chainspec::ChainSpec;
use mfenx_precompiles::Beacon;
use mfenx_primitives::{
    AccountState, Block, CommittedBlock, RecoveredTransaction, Transaction, precompile::RecordWord,
};
use mfenx_storage::{Durability, Store, StoreOptions};
use mfenx_txpool::{PoolConfig, PoolHandle, SenderState, Sidecar as Sidecar4844};
use revm::DatabaseRef as _;
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const PHRASE: &str = "test test test test test test test test test test test junk";

fn signer(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default().phrase(PHRASE).index(index).unwrap().build().unwrap()
}

fn open(directory: &Path) -> Chain {
    open_on(directory, ChainSpec::dev().unwrap())
}

fn open_on(directory: &Path, spec: ChainSpec) -> Chain {
    let options = StoreOptions { durability: Durability::Volatile, ..Default::default() };
    let store = Store::open(directory, options).unwrap();
    Chain::open(Arc::new(spec), store).unwrap()
}

struct Fixture {
    chain: Chain,
    pool: PoolHandle,
    feed: HeadFeed,
}

impl Fixture {
    fn new(directory: &Path) -> Self {
        Self::on(open(directory))
    }

    fn on(chain: Chain) -> Self {
        let head = chain.head().unwrap();
        let pool = PoolHandle::new(Arc::clone(chain.spec()), PoolConfig::default(), &head);
        Self { chain, pool, feed: HeadFeed::new(head) }
    }

    fn producer(&self, block_time: BlockTime) -> Producer {
        let config = ProducerConfig {
            block_time,
            beneficiary: Address::repeat_byte(0xbe),
            randomness: RandomnessKey::derive(b"test"),
            build_time_max: Duration::from_secs(1),
        };
        Producer::new(self.chain.clone(), self.pool.clone(), self.feed.clone(), config)
    }

    fn send(&self, from: u32, nonce: u64, to: TxKind, input: Bytes) -> B256 {
        self.send_at(from, nonce, to, input, 10_000_000_000)
    }

    fn send_at(&self, from: u32, nonce: u64, to: TxKind, input: Bytes, max_fee: u128) -> B256 {
        let unsigned = TxEip1559 {
            chain_id: self.chain.spec().chain_id(),
            nonce,
            gas_limit: 200_000,
            max_fee_per_gas: max_fee,
            max_priority_fee_per_gas: max_fee / 10,
            to,
            value: U256::from(5),
            access_list: Default::default(),
            input,
        };
        let signature = signer(from).sign_hash_sync(&unsigned.signature_hash()).unwrap();
        self.pool_transaction(Transaction::Eip1559(unsigned.into_signed(signature)), None)
    }

    fn pool_transaction(&self, transaction: Transaction, sidecar: Option<Sidecar4844>) -> B256 {
        let sender = transaction.recover_signer().unwrap();
        let reader = self.chain.store().reader().unwrap();
        let state = reader.latest_state().account(sender).unwrap().unwrap_or(AccountState::EMPTY);
        let transaction = RecoveredTransaction::new_unchecked(transaction, sender);
        let head_number = reader.head().unwrap().number;
        let state = SenderState { account: state, has_foreign_code: false, head_number };
        self.pool.add_with_sidecar(transaction, sidecar.map(Arc::new), state).unwrap()
    }
}

/// The point at infinity: commitment to an empty blob, and proof of each of its values.
fn infinity() -> Bytes48 {
    let mut bytes = Bytes48::ZERO;
    bytes[0] = 0xc0;
    bytes
}

#[test]
fn a_block_takes_blob_transactions_without_their_sidecars() {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    genesis.config.extra_fields.clear();
    let spec = ChainSpec::from_genesis(genesis).unwrap();
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fixture = Fixture::on(open_on(ours.path(), spec.clone()));
    let unsigned = TxEip4844 {
        chain_id: spec.chain_id(),
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        blob_versioned_hashes: vec![kzg_to_versioned_hash(infinity().as_slice()); 2],
        max_fee_per_blob_gas: 1,
        ..TxEip4844::default()
    };
    let signature = signer(0).sign_hash_sync(&unsigned.signature_hash()).unwrap();
    let transaction = Transaction::Eip4844(unsigned.into_signed(signature));
    let sidecar = BlobTransactionSidecarEip7594 {
        blobs: vec![Blob::ZERO; 2],
        commitments: vec![infinity(); 2],
        cell_proofs: vec![infinity(); 2 * CELLS_PER_EXT_BLOB],
    };
    let hash = fixture.pool_transaction(transaction.clone(), Some(Sidecar4844::Eip7594(sidecar)));
    fixture.send(1, 0, to(1), Bytes::new());
    let committed = fixture.producer(BlockTime::Auto).produce(false).unwrap().unwrap();
    assert_eq!(committed.block.header().blob_gas_used, Some(2 * 131_072));
    assert!(committed.block.transactions().contains(&transaction));
    assert_eq!((fixture.pool.status().bytes, fixture.pool.sidecar(&hash)), (0, None));
    let rlp = alloy_rlp::encode(committed.block.block());
    assert!(rlp.len() < 2_000, "{}", rlp.len());
    let imported = open_on(theirs.path(), spec).decode_and_import(&rlp).unwrap();
    assert_eq!(imported.block.hash(), committed.block.hash());
}

fn to(byte: u8) -> TxKind {
    TxKind::Call(Address::repeat_byte(byte))
}

#[test]
fn a_built_block_imports_elsewhere_to_the_same_head() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fixture = Fixture::new(ours.path());
    let producer = fixture.producer(BlockTime::Auto);
    assert!(producer.produce(false).unwrap().is_none(), "nothing to put into a block");
    let other = open(theirs.path());
    for nonce in 0..3 {
        let hash = fixture.send(0, nonce, to(nonce as u8 + 1), Bytes::new());
        fixture.send(1, nonce, to(9), Bytes::new());
        let committed = producer.produce(false).unwrap().unwrap();
        assert_eq!(committed.block.transactions().len(), 2);
        assert!(committed.receipts.iter().all(|receipt| receipt.status()));
        assert_eq!(fixture.pool.status().pending, 0);
        let rlp = alloy_rlp::encode(committed.block.block());
        let imported = other.decode_and_import(&rlp).unwrap();
        assert_eq!(imported.block.hash(), committed.block.hash());
        let reader = other.store().reader().unwrap();
        let location = reader.transaction_location(hash).unwrap().unwrap();
        assert_eq!(location.block_number, committed.block.number());
    }
    assert_eq!(other.head().unwrap().hash(), fixture.chain.head().unwrap().hash());
}

#[test]
fn headers_are_as_chain_md_says_and_randomness_follows_the_seeds() {
    let directory = tempfile::tempdir().unwrap();
    let mut previous: Option<Sidecar> = None;
    for restart in 0..2 {
        let fixture = Fixture::new(directory.path());
        let producer = fixture.producer(BlockTime::Interval(Duration::from_secs(1)));
        for _ in 0..2 {
            let parent = fixture.chain.head().unwrap();
            let block = producer.produce(true).unwrap().unwrap().block.sealed_header();
            assert_eq!(block.extra_data[..], [1, 0, 0, 0, 0, 0, 0, 0], "restart {restart}");
            assert!(block.timestamp > parent.timestamp);
            assert_eq!(block.parent_beacon_block_root, Some(B256::ZERO));
            assert_eq!(block.beneficiary, Address::repeat_byte(0xbe));
            let reader = fixture.chain.store().reader().unwrap();
            let bytes = reader.certificate(block.number).unwrap().unwrap();
            let sidecar = Sidecar::decode(&bytes).unwrap();
            let seed = previous.as_ref().map(Sidecar::next_seed);
            assert!(seed.is_none_or(|seed| seed == sidecar.seed));
            let beta = RandomnessKey::derive(b"test").beta(177_155, block.number, sidecar.seed);
            assert_eq!(beta, sidecar.beta);
            assert_eq!(block.mix_hash.0, *blake3::hash(&beta).as_bytes());
            previous = Some(sidecar);
        }
    }
}

/// Both records that are kept beside blocks are those that the precompile reads, in the state after
/// any block from theirs on.
#[test]
fn contracts_read_the_randomness_of_the_blocks_before() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    let producer = fixture.producer(BlockTime::Interval(Duration::from_secs(1)));
    for _ in 0..3 {
        producer.produce(true).unwrap().unwrap();
    }
    let reader = fixture.chain.store().reader().unwrap();
    for after in 0..=3 {
        let state = reader.state_at(after).unwrap();
        for height in 0..=4 {
            let read = Beacon::read(height, |number| state.block_hash_ref(number)).unwrap();
            let kept = reader.certificate(height).unwrap().filter(|_| height <= after);
            let kept = kept.map(|bytes| Sidecar::decode(&bytes).unwrap());
            let kept = kept.map(|Sidecar { seed, beta }| Beacon { seed, beta });
            assert_eq!(read, kept, "block {height} after block {after}");
            assert_eq!(kept.is_some(), (1..=after).contains(&height));
        }
    }
}

#[test]
fn decisions_of_authorities_are_beacons() {
    let seed = B256::repeat_byte(4);
    let (proof, output) = mfenx_vrf::SecretKey::from_seed([9; 32]).prove(b"alpha");
    let certificate = mfenx_consensus::Certificate {
        height: mfenx_consensus::Height(7),
        round: 0,
        block_hash: B256::ZERO,
        signatures: Vec::new(),
    };
    let record = mfenx_consensus::Decision { seed, proof, certificate }.encode();
    let read = Beacon::read(7, |number| {
        Ok::<_, ()>(B256::from(RecordWord::of_number(number).unwrap().of(&record)))
    });
    assert_eq!(read, Ok(Some(Beacon { seed, beta: *output.as_bytes() })));
}

fn one_block(directory: &Path) -> (Fixture, Arc<CommittedBlock>) {
    let fixture = Fixture::new(directory);
    fixture.send(0, 0, to(1), Bytes::new());
    let committed = fixture.producer(BlockTime::Auto).produce(false).unwrap().unwrap();
    (fixture, committed)
}

#[test]
fn wrong_blocks_are_refused_and_change_nothing() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (fixture, committed) = one_block(ours.path());
    let other = open(theirs.path());
    let genesis = other.head().unwrap().hash();
    let good = committed.block.block();
    let refuse = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        let error = other.import(block).unwrap_err();
        assert_eq!(other.head().unwrap().hash(), genesis);
        error
    };
    let root = refuse(&|block| block.header.state_root = B256::ZERO);
    assert!(matches!(root, ImportError::StateRoot { number: 1, .. }), "{root}");
    let parent = refuse(&|block| block.header.parent_hash = B256::ZERO);
    assert!(matches!(parent, ImportError::NotNextBlock { number: 1, .. }), "{parent}");
    let gas = refuse(&|block| block.header.gas_used += 1);
    assert!(matches!(gas, ImportError::Invalid(_)), "{gas}");
    let ommers = refuse(&|block| block.body.ommers.push(block.header.clone()));
    assert!(matches!(ommers, ImportError::Invalid(_)), "{ommers}");

    let mut rlp = alloy_rlp::encode(good);
    rlp.push(0);
    assert!(matches!(other.decode_and_import(&rlp), Err(ImportError::Decode(_))));
    assert!(matches!(other.decode_and_import(&rlp[..9]), Err(ImportError::Decode(_))));
    rlp.pop();
    other.decode_and_import(&rlp).unwrap();
    let again = other.decode_and_import(&rlp).unwrap_err();
    assert!(matches!(again, ImportError::AlreadyKnown { number: 1, .. }), "{again}");
    assert_eq!(other.head().unwrap().hash(), fixture.chain.head().unwrap().hash());
}

#[test]
fn a_reopened_chain_stands_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (fixture, committed) = one_block(directory.path());
    drop(fixture);
    let chain = open(directory.path());
    assert_eq!(chain.head().unwrap().hash(), committed.block.hash());
    let reader = chain.store().reader().unwrap();
    assert_eq!(reader.receipts(1).unwrap().unwrap(), *committed.receipts);
}

#[test]
fn reverting_and_creating_transactions_have_receipts() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    // PUSH0 PUSH0 REVERT as init code fails; an empty init code creates an empty contract.
    fixture.send(0, 0, TxKind::Create, Bytes::from_static(&[0x5f, 0x5f, 0xfd]));
    fixture.send(0, 1, TxKind::Create, Bytes::new());
    let committed = fixture.producer(BlockTime::Auto).produce(false).unwrap().unwrap();
    let statuses: Vec<bool> = committed.receipts.iter().map(|receipt| receipt.status()).collect();
    assert_eq!(statuses, [false, true]);
}

async fn run_until(fixture: &Fixture, block_time: BlockTime, height: u64) {
    let stop = CancellationToken::new();
    let mut head = fixture.feed.latest();
    let task = tokio::spawn(fixture.producer(block_time).run(stop.clone()));
    head.wait_for(|head| head.number >= height).await.unwrap();
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn auto_makes_a_block_when_a_transaction_comes_and_announces_it() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    let mut committed = fixture.feed.committed().subscribe();
    let hash = fixture.send(0, 0, to(1), Bytes::new());
    run_until(&fixture, BlockTime::Auto, 1).await;
    let announced = committed.recv().await.unwrap();
    assert_eq!(*announced.block.transactions()[0].tx_hash(), hash);
    assert_eq!(fixture.chain.head().unwrap().number, 1, "no empty block followed");
}

#[tokio::test]
async fn an_interval_makes_empty_blocks_too() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    run_until(&fixture, BlockTime::Interval(Duration::from_millis(20)), 3).await;
}

#[tokio::test]
async fn the_base_fee_falls_for_a_transaction_that_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    // The first block's base fee is 875,000,000 wei, that of the block after an empty one less.
    let hash = fixture.send_at(0, 0, to(1), Bytes::new(), 800_000_000);
    run_until(&fixture, BlockTime::Auto, 2).await;
    let reader = fixture.chain.store().reader().unwrap();
    assert_eq!(reader.transaction_count(1).unwrap(), Some(0));
    assert_eq!(reader.transaction_location(hash).unwrap().unwrap().block_number, 2);
}

#[tokio::test]
async fn what_is_pooled_when_the_node_stops_gets_a_last_block() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(directory.path());
    let producer = fixture.producer(BlockTime::Interval(Duration::from_secs(3_600)));
    let stop = CancellationToken::new();
    let task = tokio::spawn(producer.run(stop.clone()));
    let hash = fixture.send(0, 0, to(1), Bytes::new());
    stop.cancel();
    task.await.unwrap().unwrap();
    let reader = fixture.chain.store().reader().unwrap();
    assert!(reader.transaction_location(hash).unwrap().is_some());
}

#[test]
fn many_blocks_import_in_order_until_one_is_wrong() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fixture = Fixture::new(ours.path());
    let producer = fixture.producer(BlockTime::Auto);
    let mut blocks: Vec<Block> = (0..12)
        .map(|nonce| {
            fixture.send(0, nonce, to(1), Bytes::new());
            producer.produce(false).unwrap().unwrap().block.block().clone()
        })
        .collect();
    blocks[9].header.state_root = B256::ZERO;
    let other = open(theirs.path());
    let mut seen = Vec::new();
    let numbered = blocks.into_iter().enumerate().map(Ok);
    let error = other
        .import_all(numbered, |index, outcome| {
            seen.push(index);
            outcome.map(|_| ())
        })
        .unwrap_err();
    assert!(matches!(error, ImportError::StateRoot { number: 10, .. }), "{error}");
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(other.head().unwrap().number, 9);
    let broken = std::iter::once(Err::<((), Block), &str>("unreadable"));
    assert_eq!(other.import_all(broken, |(), _| Ok(())), Err("unreadable"));
}
