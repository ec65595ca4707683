//! A model of the state in plain maps, random blocks over it, and a store that must agree.

use alloy_consensus::{
    Header, Receipt as InnerReceipt, Signed, Transaction as _, TxEip1559,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, Log, LogData, Signature, TxKind, U256, keccak256,
};
use alloy_trie::{TrieAccount, root};
use mfenx_primitives::{
    Block, BlockBody, GenesisAccount, GenesisAlloc, Receipt, RecoveredBlock, SealedHeader,
    Transaction,
};
use mfenx_storage::{BlockCommit, StateChanges, Store, StoreOptions, TrieUpdates};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use revm::{
    bytecode::Bytecode,
    database::{AccountStatus, BundleAccount, BundleState, states::StorageSlot},
    state::AccountInfo,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub(crate) const CHAIN_ID: u64 = 177_155;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code: Bytes,
    pub(crate) storage: BTreeMap<U256, U256>,
}

impl Account {
    pub(crate) fn code_hash(&self) -> B256 {
        if self.code.is_empty() { KECCAK256_EMPTY } else { keccak256(&self.code) }
    }

    fn info(&self) -> AccountInfo {
        AccountInfo {
            nonce: self.nonce,
            balance: self.balance,
            code_hash: self.code_hash(),
            code: None,
            ..AccountInfo::default()
        }
    }

    fn trie_account(&self) -> TrieAccount {
        let slots = self.storage.iter().map(|(slot, value)| (B256::from(*slot), *value));
        TrieAccount {
            nonce: self.nonce,
            balance: self.balance,
            storage_root: root::storage_root_unhashed(slots),
            code_hash: self.code_hash(),
        }
    }
}

pub(crate) type State = BTreeMap<Address, Account>;

/// The root by alloy's own builder, from nothing.
pub(crate) fn expected_root(state: &State) -> B256 {
    root::state_root_unhashed(state.iter().map(|(address, acc)| (*address, acc.trie_account())))
}

pub(crate) fn alloc(state: &State) -> GenesisAlloc {
    let accounts = state.iter().map(|(address, account)| {
        let storage = account.storage.iter();
        let storage = storage.map(|(slot, value)| (B256::from(*slot), B256::from(*value)));
        let genesis = GenesisAccount {
            nonce: Some(account.nonce),
            balance: account.balance,
            code: Some(account.code.clone()),
            storage: Some(storage.collect()),
            private_key: None,
        };
        (*address, genesis)
    });
    accounts.collect()
}

pub(crate) fn genesis_header(state: &State) -> SealedHeader {
    SealedHeader::new(Header { state_root: expected_root(state), ..Header::default() })
}

/// A block with `transactions` transfers that nobody could have paid for, and its receipts.
pub(crate) fn block_on(
    parent: &SealedHeader,
    state_root: B256,
    transactions: u64,
) -> (RecoveredBlock, Vec<Receipt>) {
    let logs = |position: u64| {
        let data = LogData::new_unchecked(vec![B256::from(U256::from(position))], Bytes::new());
        vec![Log { address: Address::with_last_byte(9), data }; position as usize % 3]
    };
    block_with(parent, state_root, (1..=transactions).map(logs).collect())
}

/// A block with one transaction for each list of logs.
pub(crate) fn block_with(
    parent: &SealedHeader,
    state_root: B256,
    logs: Vec<Vec<Log>>,
) -> (RecoveredBlock, Vec<Receipt>) {
    let number = parent.number + 1;
    let transactions: Vec<_> = (0..logs.len() as u64)
        .map(|index| {
            let inner = TxEip1559 {
                chain_id: CHAIN_ID,
                nonce: number * 1000 + index,
                to: TxKind::Call(Address::with_last_byte(7)),
                ..TxEip1559::default()
            };
            Transaction::Eip1559(Signed::new_unhashed(inner, Signature::test_signature()))
        })
        .collect();
    let receipts: Vec<_> = (1u64..)
        .zip(logs)
        .map(|(position, logs)| {
            let (status, cumulative_gas_used) = (true.into(), position * 21_000);
            Receipt::Eip1559(InnerReceipt { status, cumulative_gas_used, logs }.with_bloom())
        })
        .collect();
    let header = Header {
        number,
        parent_hash: parent.hash(),
        state_root,
        transactions_root: calculate_transaction_root(&transactions),
        receipts_root: calculate_receipt_root(&receipts),
        ..Header::default()
    };
    let body = BlockBody { transactions, ..BlockBody::default() };
    (RecoveredBlock::recover(Block::new(header, body)).unwrap(), receipts)
}

/// Sender and receiver of every transaction.
pub(crate) fn touched_by(block: &RecoveredBlock) -> Vec<(Address, u32)> {
    let parties = (0u32..).zip(block.transactions_with_sender());
    let parties = parties
        .flat_map(|(index, (tx, sender))| [Some(sender), tx.to()].map(|party| (party, index)));
    parties.filter_map(|(party, index)| Some((party?, index))).collect()
}

/// A store and the state that it must hold after every block.
pub(crate) struct Chain {
    pub(crate) store: Store,
    pub(crate) head: SealedHeader,
    pub(crate) states: Vec<State>,
}

impl Chain {
    pub(crate) fn new(dir: &Path, genesis: State) -> Self {
        Self::with_options(dir, genesis, StoreOptions::volatile())
    }

    pub(crate) fn with_options(dir: &Path, genesis: State, options: StoreOptions) -> Self {
        let store = Store::open(dir, options).unwrap();
        let head = genesis_header(&genesis);
        store.init_genesis(CHAIN_ID, &head, &alloc(&genesis)).unwrap();
        Self { store, head, states: vec![genesis] }
    }

    pub(crate) fn state(&self) -> &State {
        self.states.last().unwrap()
    }

    /// Commits a block that leads to `state` through `bundle`, and checks its root.
    pub(crate) fn commit(&mut self, bundle: &BundleState, state: State, transactions: u64) {
        let changes = StateChanges::from_bundle(bundle);
        let (root, trie) = self.store.reader().unwrap().state_root(&changes).unwrap();
        assert_eq!(root, expected_root(&state), "state root of block {}", self.head.number + 1);
        let (block, receipts) = block_on(&self.head, root, transactions);
        let touched = touched_by(&block);
        self.append(&block, &receipts, &touched, &changes, &trie);
        self.states.push(state);
    }

    /// Commits a block that changes no state.
    pub(crate) fn commit_block(
        &mut self,
        block: &RecoveredBlock,
        receipts: &[Receipt],
        touched: &[(Address, u32)],
    ) {
        let changes = StateChanges::default();
        let (_, trie) = self.store.reader().unwrap().state_root(&changes).unwrap();
        self.append(block, receipts, touched, &changes, &trie);
        self.states.push(self.state().clone());
    }

    fn append(
        &mut self,
        block: &RecoveredBlock,
        receipts: &[Receipt],
        touched: &[(Address, u32)],
        changes: &StateChanges,
        trie: &TrieUpdates,
    ) {
        let certificate = Some(&block.hash()[..]);
        let commit = BlockCommit { block, receipts, touched, changes, trie, certificate };
        self.store.commit(commit).unwrap();
        self.head = block.sealed_header();
    }

    /// Every account and slot that ever existed, in the state after block `number`.
    pub(crate) fn check_state_at(&self, number: usize) {
        let reader = self.store.reader().unwrap();
        let view = reader.state_at(number as u64).unwrap();
        let expected = &self.states[number];
        for state in &self.states {
            for (address, account) in state {
                let at = expected.get(address);
                let found = view.account(*address).unwrap();
                let found = found.map(|state| (state.nonce, state.balance, state.code_hash));
                let wanted = at.map(|acc| (acc.nonce, acc.balance, acc.code_hash()));
                assert_eq!(found, wanted, "{address} after block {number}");
                let code = at.map(|account| account.code.clone()).unwrap_or_default();
                assert_eq!(view.code(*address).unwrap(), code);
                for slot in account.storage.keys() {
                    let wanted = at.and_then(|account| account.storage.get(slot).copied());
                    let found = view.storage(*address, *slot).unwrap();
                    assert_eq!(
                        found,
                        wanted.unwrap_or_default(),
                        "{address} {slot} after {number}"
                    );
                }
            }
        }
    }

    /// Compares the slots of every account after block `number`, in the order of their hashes.
    pub(crate) fn check_ranges_at(&self, number: usize) {
        let reader = self.store.reader().unwrap();
        let view = reader.state_at(number as u64).unwrap();
        let addresses: BTreeSet<_> = self.states.iter().flat_map(|state| state.keys()).collect();
        for address in addresses {
            let slots = self.states[number].get(address).into_iter().flat_map(|at| &at.storage);
            let wanted: BTreeMap<_, _> =
                slots.map(|(slot, value)| (keccak256(slot.to_be_bytes::<32>()), *value)).collect();
            let from = wanted.keys().nth(wanted.len() / 2).copied().unwrap_or_default();
            for (from, limit) in [(B256::ZERO, usize::MAX), (from, 2), (B256::ZERO, 0)] {
                let found = view.storage_range(*address, from, limit, &mut || false).unwrap();
                let wanted = wanted.range(from..).map(|(slot, value)| (*slot, *value));
                let wanted: Vec<_> = wanted.take(limit).collect();
                assert_eq!(found.unwrap(), wanted, "{address} after block {number}");
            }
            let stopped = view.storage_range(*address, B256::ZERO, 1, &mut || true).unwrap();
            assert_eq!(stopped, None);
        }
    }

    pub(crate) fn verify(&self) {
        let report = self.store.verify(&mut |_| ()).unwrap();
        assert!(report.is_ok(), "{report:#?}");
        assert_eq!(report.blocks, self.states.len() as u64);
    }
}

pub(crate) fn address(index: u64) -> Address {
    Address::from_slice(&keccak256(index.to_be_bytes())[..20])
}

/// Random blocks over a fixed set of addresses.
pub(crate) struct Random {
    rng: ChaCha8Rng,
    addresses: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, addresses: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), addresses }
    }

    pub(crate) fn genesis(&mut self) -> State {
        let count = self.rng.random_range(0..=self.addresses);
        (0..count).map(|index| (address(index), self.account())).collect()
    }

    fn account(&mut self) -> Account {
        let code = match self.rng.random_range(0..4) {
            0 => Bytes::from(vec![0x60, self.rng.random_range(0..8), 0x00]),
            _ => Bytes::new(),
        };
        let mut account = Account {
            nonce: self.rng.random_range(0..3),
            balance: U256::from(self.rng.random_range(0..1000u32)),
            code,
            storage: BTreeMap::new(),
        };
        self.write_slots(&mut account);
        account
    }

    /// Few slots or many, new, changed and cleared; returns those that were written.
    fn write_slots(&mut self, account: &mut Account) -> Vec<U256> {
        let (count, range) =
            *[(0, 1), (1, 8), (3, 8), (12, 24), (80, 400)].choose(&mut self.rng).unwrap();
        let slots: Vec<_> =
            (0..count).map(|_| U256::from(self.rng.random_range(0..range))).collect();
        let clear_all = self.rng.random_ratio(1, 6);
        let slots = if clear_all { account.storage.keys().copied().collect() } else { slots };
        for slot in &slots {
            match self.rng.random_range(0..3) {
                1 if !clear_all => drop(
                    account
                        .storage
                        .insert(*slot, U256::from(self.rng.random::<u8>()) + U256::from(1)),
                ),
                2 if !clear_all => drop(account.storage.insert(*slot, U256::MAX - *slot)),
                _ => drop(account.storage.remove(slot)),
            }
        }
        slots
    }

    /// What one block does to `state`, as execution would report it.
    pub(crate) fn block(&mut self, state: &State) -> (BundleState, State) {
        let mut after = state.clone();
        let mut bundle = BundleState::default();
        let spread = *[1, 5, 40].choose(&mut self.rng).unwrap();
        for _ in 0..self.rng.random_range(0..=spread) {
            let address = address(self.rng.random_range(0..self.addresses));
            if bundle.state.contains_key(&address) {
                continue;
            }
            let before = state.get(&address);
            let (status, now, slots) = self.account_in_block(before);
            if let Some(code) = now.as_ref().map(|account| &account.code).filter(|c| !c.is_empty())
            {
                bundle.contracts.insert(keccak256(code), Bytecode::new_raw(code.clone()));
            }
            let storage = slots.into_iter().map(|slot| {
                let old = before.and_then(|account| account.storage.get(&slot).copied());
                let new = now.as_ref().and_then(|account| account.storage.get(&slot).copied());
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                (slot, StorageSlot::new_changed(old, new))
            });
            let account = BundleAccount {
                info: now.as_ref().map(Account::info),
                original_info: before.map(Account::info),
                storage: storage.collect(),
                status,
            };
            bundle.state.insert(address, account);
            match now {
                Some(now) => drop(after.insert(address, now)),
                None => drop(after.remove(&address)),
            }
        }
        (bundle, after)
    }

    fn account_in_block(
        &mut self,
        before: Option<&Account>,
    ) -> (AccountStatus, Option<Account>, Vec<U256>) {
        let choice = self.rng.random_range(0..10);
        match (before, choice) {
            // Destroyed, and created again in the same block with storage of its own.
            (Some(_), 0) => {
                let mut now = self.account();
                now.storage.clear();
                let slots = self.write_slots(&mut now);
                (AccountStatus::DestroyedChanged, Some(now), slots)
            }
            (Some(_), 1 | 2) => (AccountStatus::Destroyed, None, Vec::new()),
            // Before EIP-161 an account may be left empty; its storage stays.
            (Some(before), 3) => {
                let now = Account { storage: before.storage.clone(), ..Account::default() };
                (AccountStatus::Changed, Some(now), Vec::new())
            }
            // Touched, not changed.
            (Some(before), 4) => (AccountStatus::Loaded, Some(before.clone()), Vec::new()),
            (Some(before), _) => {
                let mut now = before.clone();
                now.nonce += 1;
                let slots = self.write_slots(&mut now);
                (AccountStatus::Changed, Some(now), slots)
            }
            // Created and destroyed in the same block.
            (None, 0) => (AccountStatus::DestroyedAgain, None, Vec::new()),
            (None, 1) => (AccountStatus::LoadedNotExisting, None, Vec::new()),
            (None, 2) => (AccountStatus::InMemoryChange, Some(Account::default()), Vec::new()),
            (None, _) => {
                let now = self.account();
                let slots = now.storage.keys().copied().collect();
                (AccountStatus::InMemoryChange, Some(now), slots)
            }
        }
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.rng.random_range(0..bound)
    }
}
