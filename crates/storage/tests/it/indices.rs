//! The indices of logs and accounts against a scan of everything.

use crate::chain::{Chain, State, block_with};
use alloy_primitives::{Address, B256, Bytes, Log, LogData};
use mfenx_storage::{LogKey, Order, Store, StoreOptions};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PARTIES: u8 = 12;

fn party(rng: &mut ChaCha8Rng) -> Address {
    // The first ones far more often than the last.
    let bound = rng.random_range(1..=PARTIES);
    Address::repeat_byte(rng.random_range(0..bound))
}

fn log(rng: &mut ChaCha8Rng) -> Log {
    let topics = (0..rng.random_range(0..=4)).map(|_| party(rng).into_word()).collect();
    Log { address: party(rng), data: LogData::new_unchecked(topics, Bytes::new()) }
}

/// What was committed: the logs and the accounts of every block from the first.
struct Model {
    chain: Chain,
    logs: Vec<Vec<Log>>,
    touched: Vec<(Address, (u64, u32))>,
}

impl Model {
    fn new(dir: &std::path::Path, rng: &mut ChaCha8Rng, blocks: u64) -> Self {
        let mut chain = Chain::new(dir, State::new());
        let (mut logs, mut touched) = (vec![Vec::new()], Vec::new());
        for _ in 0..blocks {
            let many = rng.random_ratio(1, 20);
            let transactions = if many { 90 } else { rng.random_range(0..4) };
            let of_block: Vec<Vec<Log>> = (0..transactions)
                .map(|_| (0..rng.random_range(0..3)).map(|_| log(rng)).collect())
                .collect();
            let (block, receipts) =
                block_with(&chain.head, chain.head.state_root, of_block.clone());
            let mut of_accounts: Vec<_> = (0..transactions)
                .flat_map(|index| [party(rng), party(rng)].map(|party| (party, index)))
                .collect();
            for (index, transaction) in (0u32..).zip(block.transactions_with_sender()) {
                of_accounts.push((transaction.1, index));
                of_accounts.push((Address::with_last_byte(7), index));
            }
            chain.commit_block(&block, &receipts, &of_accounts);
            of_accounts.sort_unstable_by_key(|(address, index)| (*index, *address));
            of_accounts.dedup();
            let number = block.number();
            touched.extend(of_accounts.into_iter().map(|(address, at)| (address, (number, at))));
            logs.push(of_block.into_iter().flatten().collect());
        }
        Self { chain, logs, touched }
    }

    fn check_logs(&self, rng: &mut ChaCha8Rng) {
        let reader = self.chain.store.reader().unwrap();
        let head = self.chain.head.number;
        for _ in 0..60 {
            let (a, b) = (rng.random_range(0..=head), rng.random_range(0..=head + 2));
            let (from, to) = (a.min(b), a.max(b));
            let lists = rng.random_range(0..4);
            let key = |rng: &mut ChaCha8Rng| match rng.random_range(0..6) {
                place @ 0..4 => LogKey::Topic(place, party(rng).into_word()),
                _ => LogKey::Address(party(rng)),
            };
            let wanted: Vec<Vec<LogKey>> = (0..lists)
                .map(|_| (0..rng.random_range(0..4)).map(|_| key(rng)).collect())
                .collect();
            let found: Vec<u64> =
                reader.log_blocks(&wanted, from, to).flat_map(Result::unwrap).collect();
            let expected: Vec<u64> = (from..=to)
                .filter(|number| {
                    let logs = self.logs.get(*number as usize);
                    wanted.iter().all(|keys| {
                        logs.into_iter().flatten().any(|log| keys.iter().any(|key| has(log, key)))
                    })
                })
                .collect();
            assert_eq!(found, expected, "{wanted:?} in {from}..={to}");
        }
    }

    fn check_accounts(&self, rng: &mut ChaCha8Rng) {
        let reader = self.chain.store.reader().unwrap();
        let head = self.chain.head.number;
        for _ in 0..60 {
            let address = if rng.random() { party(rng) } else { Address::with_last_byte(7) };
            let place = |rng: &mut ChaCha8Rng| {
                let index = if rng.random() { u32::MAX } else { rng.random_range(0..5) };
                (rng.random_range(0..=head + 1), index)
            };
            let (from, to) = (place(rng), place(rng));
            let limit = if rng.random() { usize::MAX } else { rng.random_range(0..20) };
            for order in [Order::Ascending, Order::Descending] {
                let all = self.touched.iter().filter(|(of, _)| *of == address).map(|(_, at)| *at);
                let mut expected: Vec<_> = all.filter(|at| from <= *at && *at <= to).collect();
                if order == Order::Descending {
                    expected.reverse();
                }
                expected.truncate(limit);
                let found = reader.transactions_touching(address, from, to, order, limit).unwrap();
                assert_eq!(found, expected, "{address} {from:?} {to:?} {order:?} {limit}");
            }
        }
    }
}

fn has(log: &Log, key: &LogKey) -> bool {
    match key {
        LogKey::Address(address) => log.address == *address,
        LogKey::Topic(place, topic) => log.topics().get(usize::from(*place)) == Some(topic),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn they_find_what_a_scan_finds(seed: u64) {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut model = Model::new(dir.path(), &mut rng, 120);
        model.check_logs(&mut rng);
        model.check_accounts(&mut rng);
        let Chain { store, head, states } = model.chain;
        store.close().unwrap();
        let store = Store::open(dir.path(), StoreOptions::volatile()).unwrap();
        model.chain = Chain { store, head, states };
        model.check_logs(&mut rng);
        model.check_accounts(&mut rng);
        model.chain.verify();
    }
}

/// What is missing or wrong in one of the new tables is a fault that `verify` finds.
#[test]
fn damage_is_noticed() {
    for table in ["LogIndex", "AddressIndex", "TrieChanges"] {
        let dir = tempfile::tempdir().unwrap();
        let mut random = crate::chain::Random::new(11, 30);
        let mut chain = Chain::new(dir.path(), random.genesis());
        for _ in 0..4 {
            let (bundle, state) = random.block(chain.state());
            chain.commit(&bundle, state, 3);
        }
        chain.verify();
        chain.store.close().unwrap();
        let mut builder = reth_libmdbx::Environment::builder();
        let environment = builder.set_max_dbs(32).open(dir.path()).unwrap();
        let tx = environment.begin_rw_unsync().unwrap();
        let db = tx.open_db(Some(table)).unwrap();
        let (key, _) = tx.cursor(db).unwrap().first::<Vec<u8>, Vec<u8>>().unwrap().unwrap();
        assert!(tx.del(db, &key, None).unwrap());
        tx.commit().unwrap();
        drop(environment);
        let store = Store::open(dir.path(), StoreOptions::volatile()).unwrap();
        let report = store.verify(&mut |_| ()).unwrap();
        assert!(!report.is_ok(), "{table}: {report:#?}");
    }
}

/// A block with more addresses and topics than are recorded is part of every answer.
#[test]
fn a_crowded_block_is_always_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), State::new());
    for crowd in [0, 16_383u32, 16_384, 0] {
        let topic = |value: u32| B256::left_padding_from(&value.to_be_bytes());
        let log = |value| {
            let data = LogData::new_unchecked(vec![topic(value)], Bytes::new());
            Log { address: Address::ZERO, data }
        };
        let logs = vec![(0..crowd).map(log).collect()];
        let (block, receipts) = block_with(&chain.head, chain.head.state_root, logs);
        chain.commit_block(&block, &receipts, &crate::chain::touched_by(&block));
    }
    let reader = chain.store.reader().unwrap();
    let blocks = |key| -> Vec<u64> {
        reader.log_blocks(&[vec![key]], 0, 10).flat_map(Result::unwrap).collect()
    };
    assert_eq!(blocks(LogKey::Address(Address::ZERO)), [2, 3]);
    assert_eq!(blocks(LogKey::Address(Address::repeat_byte(1))), [3]);
    assert_eq!(blocks(LogKey::Topic(0, B256::ZERO)), [2, 3]);
    assert_eq!(blocks(LogKey::Topic(1, B256::ZERO)), [3]);
    chain.verify();
}
