//! Random lives of a pool. A failure prints the shortest sequence of actions that fails, and the
//! seed, which is also written to a file and tried first from then on.

use super::{model::Model, support::*};
use crate::{DropReason, PoolConfig, PoolEvent};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U256};
use mfenx_primitives::{AccountState, RecoveredTransaction};
use proptest::{collection::vec, option, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const SENDERS: u8 = 5;
/// Of one blob, a fee for which costs about as much as half a plain transfer, in wei.
const BLOB_FEE: u128 = GWEI / 10;
/// Half a base fee's worth of gas for a plain transfer, in wei.
const UNIT: u128 = 21_000 * GWEI / 2;

#[derive(Debug, Clone)]
enum Action {
    /// From the nonce before the account's on; fees in halves of the first base fee.
    Add {
        sender: u8,
        ahead: u64,
        fee: u128,
        tip: u128,
        value: u128,
        length: usize,
        /// So many blobs, and the maximal fee for them.
        blobs: Option<(usize, u128)>,
    },
    /// A transaction that is there already.
    Again {
        which: usize,
    },
    Remove {
        which: usize,
    },
    /// Mines some of the best and perhaps a transaction from elsewhere, moves balances.
    Block {
        mined: usize,
        foreign: Option<u8>,
        base_fee: u64,
        balances: Vec<(u8, u128)>,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let blobs = option::weighted(0.3, (1..4usize, 1..9u128));
    let add = (0..SENDERS, 0..8u64, 1..10u128, 1..8u128, 0..3u128, 0..3usize, blobs).prop_map(
        |(sender, ahead, fee, tip, value, length, blobs)| Action::Add {
            sender,
            // Blobs wait for no nonce.
            ahead: if blobs.is_some() { ahead / 2 } else { ahead },
            fee,
            tip: tip.min(fee),
            value,
            length: length * 300,
            blobs,
        },
    );
    let balances = vec((0..SENDERS, 0..30u128), 0..4);
    let block = (0..6usize, option::of(0..SENDERS), 0..6u64, balances).prop_map(
        |(mined, foreign, base_fee, balances)| Action::Block {
            mined,
            foreign,
            base_fee: base_fee * BASE_FEE / 2,
            balances,
        },
    );
    prop_oneof![
        12 => add,
        1 => (0..20usize).prop_map(|which| Action::Again { which }),
        1 => (0..20usize).prop_map(|which| Action::Remove { which }),
        3 => block,
    ]
}

/// A pool, the chain it follows, and the account of every transaction that went in.
struct Life {
    bench: Bench,
    model: Model,
    base_fee: u64,
    alive: BTreeSet<B256>,
}

impl Life {
    fn new(config: PoolConfig) -> Self {
        let mut model = Model::new(config.clone());
        for sender in 0..SENDERS {
            model.accounts.insert(address(sender), account(3, 20 * UNIT));
        }
        Self {
            bench: Bench::on(blob_chain(0), config),
            model,
            base_fee: BASE_FEE,
            alive: BTreeSet::new(),
        }
    }

    fn draft(&self, action: &Action) -> Option<RecoveredTransaction> {
        let Action::Add { sender, ahead, fee, tip, value, length, blobs } = *action else {
            return None;
        };
        let nonce = self.model.account(address(sender)).nonce + ahead - 1;
        let draft = Draft::new(sender, nonce)
            .fees(fee * GWEI / 2, tip * GWEI / 2)
            .value(value * UNIT)
            .calldata(length);
        Some(match blobs {
            Some((count, fee)) => draft.blobs(count, fee * BLOB_FEE),
            None => draft.sign(),
        })
    }

    /// The pooled transactions: of each, whether it is executable.
    fn pooled(&self) -> BTreeMap<(Address, u64), (Arc<RecoveredTransaction>, bool)> {
        let content = self.bench.pool.content();
        let mut pooled = BTreeMap::new();
        for (part, executable) in [(content.pending, true), (content.queued, false)] {
            for (sender, queue) in part {
                for (nonce, tx) in queue {
                    assert!(pooled.insert((sender, nonce), (tx, executable)).is_none());
                }
            }
        }
        pooled
    }

    fn nth(&self, which: usize) -> Option<Arc<RecoveredTransaction>> {
        let pooled = self.pooled();
        let nth = which.checked_rem(pooled.len())?;
        pooled.into_values().nth(nth).map(|(tx, _)| tx)
    }

    /// Settles the account of every transaction that left, and returns what happened.
    fn follow_events(&mut self) -> Vec<PoolEvent> {
        let events = self.bench.events();
        for event in &events {
            match event {
                PoolEvent::Pending(_) => {}
                PoolEvent::Mined { hash, .. } | PoolEvent::Dropped { hash, .. } => {
                    assert!(self.alive.remove(hash), "left twice, or never came: {hash}");
                }
            }
        }
        events
    }

    /// Mines on the model's chain and tells the pool; the model's queues are left as they are.
    fn mine(
        &mut self,
        mined: usize,
        foreign: Option<u8>,
        next_base_fee: u64,
        balances: &[(u8, u128)],
    ) {
        let mut block: Vec<RecoveredTransaction> =
            self.bench.pool.best(self.base_fee).take(mined).map(|tx| (*tx).clone()).collect();
        for tx in &block {
            let account = self.model.accounts.get_mut(&tx.signer()).unwrap();
            assert_eq!(account.nonce, tx.nonce());
            account.nonce += 1;
            account.balance -= super::model::cost(tx) / U256::from(2);
        }
        if let Some(sender) = foreign {
            let account = self.model.accounts.get_mut(&address(sender)).unwrap();
            block.push(Draft::new(sender, account.nonce).value(77).sign());
            account.nonce += 1;
        }
        for (sender, balance) in balances {
            let account = self.model.accounts.get_mut(&address(*sender)).unwrap();
            account.balance = U256::from(balance * UNIT);
        }
        self.base_fee = next_base_fee;
        let pooled = self.bench.pool.senders();
        let changed: Vec<(Address, AccountState)> =
            pooled.into_iter().map(|sender| (sender, self.model.account(sender))).collect();
        self.bench.commit(block, self.base_fee, &changed);
    }

    fn check(&mut self) {
        self.bench.pool.audit();
        let pooled = self.pooled();
        let hashes: BTreeSet<_> = pooled.values().map(|(tx, _)| *tx.tx_hash()).collect();
        assert_eq!(hashes, self.alive, "what went in is in, or an event says why not");
        let status = self.bench.pool.status();
        let pending = pooled.values().filter(|(_, executable)| *executable).count();
        assert_eq!((status.pending, status.queued), (pending, pooled.len() - pending));
    }

    fn check_against_model(&self) {
        let mut content = [BTreeMap::new(), BTreeMap::new()];
        for (place, (tx, executable)) in self.pooled() {
            content[usize::from(!executable)].insert(place, *tx.tx_hash());
        }
        assert_eq!(content, self.model.content());
        for base_fee in [0, self.base_fee, 2 * BASE_FEE] {
            let best: Vec<_> = self.bench.pool.best(base_fee).map(|tx| *tx.tx_hash()).collect();
            assert_eq!(best, self.model.best(base_fee));
        }
        for sender in (0..SENDERS).map(address) {
            let (count, _) = self.model.executable(sender);
            let next = (count > 0).then(|| self.model.account(sender).nonce + count);
            assert_eq!(self.bench.pool.pending_nonce(sender), next);
        }
    }

    /// Adds to the pool only; checks that room was made fairly.
    fn add(&mut self, tx: RecoveredTransaction) -> Result<(), &'static str> {
        let account = self.model.account(tx.signer());
        let (hash, before) = (*tx.tx_hash(), self.pooled());
        let blobs = tx.blob_versioned_hashes().map(|hashes| sidecar(hashes.len()));
        let added = self.bench.pool.add_unverified(tx.clone(), blobs, seen(account));
        let added = added.map_err(|error| error.label());
        if added.is_ok() {
            self.alive.insert(hash);
        }
        let events = self.follow_events();
        if added.is_err() {
            assert_eq!(self.pooled(), before, "a refusal changes nothing");
        }
        self.check_fairness(&tx, &before, &events);
        added.map(|_| ())
    }

    /// Nothing was evicted for something worse.
    fn check_fairness(
        &self,
        newcomer: &RecoveredTransaction,
        before: &BTreeMap<(Address, u64), (Arc<RecoveredTransaction>, bool)>,
        events: &[PoolEvent],
    ) {
        let after = self.pooled();
        let evicted = |event: &PoolEvent| match event {
            PoolEvent::Dropped { hash, reason: DropReason::Evicted } => Some(*hash),
            _ => None,
        };
        let evicted: BTreeSet<_> = events.iter().filter_map(evicted).collect();
        let place = (newcomer.signer(), newcomer.nonce());
        for ((sender, nonce), (tx, executable)) in before {
            if !evicted.contains(tx.tx_hash()) {
                continue;
            }
            let later = before.range((*sender, *nonce)..=(*sender, u64::MAX));
            assert!(later.into_iter().all(|(_, (tx, _))| evicted.contains(tx.tx_hash())));
            if *executable {
                assert!(after[&place].1, "what cannot run displaced what can");
                let worth = |pool: &BTreeMap<_, (Arc<RecoveredTransaction>, bool)>,
                             (sender, nonce): (Address, u64)| {
                    let front = pool.range((sender, 0)..=(sender, nonce));
                    front.map(|(_, (tx, _))| self.tip(tx)).min()
                };
                assert!(worth(before, (*sender, *nonce)) <= worth(&after, place));
            }
        }
    }

    fn tip(&self, tx: &RecoveredTransaction) -> i128 {
        let left = tx.max_fee_per_gas() as i128 - i128::from(self.base_fee);
        left.min(tx.priority_fee_or_price() as i128)
    }

    fn remove(&mut self, which: usize) -> Option<(Address, u64)> {
        let tx = self.nth(which)?;
        let removed = self.bench.pool.remove(tx.tx_hash(), DropReason::Invalid("test".into()));
        assert_eq!(removed.as_ref(), Some(&tx));
        Some((tx.signer(), tx.nonce()))
    }
}

proptest! {
    #[test]
    fn a_roomy_pool_is_what_the_model_says(actions in vec(action(), 1..80)) {
        let mut life = Life::new(PoolConfig {
            max_per_sender: 3,
            max_queued_per_sender: 2,
            max_nonce_gap: 4,
            max_blob_txs_per_sender: 2,
            ..PoolConfig::default()
        });
        for action in &actions {
            match action {
                Action::Add { .. } | Action::Again { .. } => {
                    let again = match action {
                        Action::Again { which } => life.nth(*which).map(|tx| (*tx).clone()),
                        _ => None,
                    };
                    let Some(tx) = life.draft(action).or(again) else { continue };
                    let expected = life.model.add(&tx);
                    prop_assert_eq!(life.add(tx), expected);
                }
                Action::Remove { which } => {
                    if let Some((sender, nonce)) = life.remove(*which) {
                        life.model.remove(sender, nonce);
                    }
                }
                Action::Block { mined, foreign, base_fee, balances } => {
                    life.mine(*mined, *foreign, *base_fee, balances);
                    life.model.on_block();
                }
            }
            life.follow_events();
            life.check();
            life.check_against_model();
        }
    }

    #[test]
    fn a_crowded_pool_keeps_its_bounds_and_is_fair(
        actions in vec(action(), 1..120),
        // Room for a few calls without blobs, or for a few blobs.
        max_bytes in prop_oneof![Just(2_500), Just(500_000)],
    ) {
        let mut life = Life::new(PoolConfig {
            max_transactions: 7,
            max_bytes,
            max_senders: 3,
            max_per_sender: 4,
            max_queued_per_sender: 3,
            ..PoolConfig::default()
        });
        for action in &actions {
            match action {
                Action::Add { .. } => {
                    let tx = life.draft(action).expect("an addition");
                    let _ = life.add(tx);
                }
                Action::Again { which } => {
                    if let Some(tx) = life.nth(*which) {
                        prop_assert_eq!(life.add((*tx).clone()), Err("already_known"));
                    }
                }
                Action::Remove { which } => {
                    life.remove(*which);
                }
                Action::Block { mined, foreign, base_fee, balances } => {
                    life.mine(*mined, *foreign, *base_fee, balances);
                }
            }
            life.follow_events();
            life.check();
        }
    }
}
