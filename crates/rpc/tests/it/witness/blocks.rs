//! Random blocks: transfers, storage that comes and goes, creation, destruction, failing calls,
//! withdrawals.

use crate::{
    chain::{TestChain, account, signed},
    traces::init,
};
use alloy_consensus::TxEip1559;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes, keccak256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{CommittedBlock, Transaction};
use rand::{Rng, rngs::StdRng};
use std::sync::Arc;

/// Keys that send transactions.
const SENDERS: u32 = 4;
/// Slots that are written; few enough that deleting one often empties a branch.
const SLOTS: u64 = 20;

/// `CREATE2` of the calldata as init code, with the caller as salt.
const FACTORY: Bytes = bytes!("365f5f3733365f5ff500");
/// Stores the hash of the block that lies as far back as the calldata says.
const HASHER: Bytes = bytes!("5f354303405f5500");
/// Stores the sum of code size and balance of the address in the calldata.
const LOOKER: Bytes = bytes!("5f353b5f3531015f5500");
/// Reads a slot, writes another, and reverts.
const REVERTER: Bytes = bytes!("60015460025560025f555f5ffd");

/// For each pair of words in the calldata, stores the second in the slot that the first names.
fn storer(place: u8) -> Vec<u8> {
    let (start, body) = (place + 1, place + 10);
    vec![
        0x5f, 0x5b, 0x36, 0x81, 0x10, 0x60, body, 0x57, 0x00, 0x00, 0x5b, 0x80, 0x60, 0x20, 0x01,
        0x35, 0x81, 0x35, 0x55, 0x60, 0x40, 0x01, 0x60, start, 0x56,
    ]
}

/// Destroys itself in favour of the caller when it is called without calldata; else a storer.
fn destroyer() -> Vec<u8> {
    [&[0x36, 0x60, 0x06, 0x57, 0x33, 0xff, 0x5b][..], &storer(7)].concat()
}

/// The development chain as of Shanghai.
pub(super) fn before_cancun() -> ChainSpec {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    let config = &mut genesis.config;
    config.cancun_time = None;
    config.prague_time = None;
    config.osaka_time = None;
    config.bpo1_time = None;
    config.bpo2_time = None;
    config.blob_schedule.clear();
    (genesis.excess_blob_gas, genesis.blob_gas_used) = (None, None);
    ChainSpec::from_genesis(genesis).unwrap()
}

/// A chain with the contracts that random transactions call.
pub(super) struct Blocks {
    pub(super) chain: TestChain,
    nonces: [u64; SENDERS as usize],
    contracts: Vec<Address>,
}

impl Blocks {
    pub(super) fn new(chain: TestChain) -> Self {
        Self { chain, nonces: [0; SENDERS as usize], contracts: Vec::new() }
    }

    /// Creates the contracts.
    pub(super) fn deploy(&mut self) -> Vec<Arc<CommittedBlock>> {
        let codes = [
            storer(0),
            destroyer(),
            FACTORY.to_vec(),
            HASHER.to_vec(),
            LOOKER.to_vec(),
            REVERTER.to_vec(),
            storer(0),
        ];
        let mut blocks = Vec::new();
        for code in &codes {
            self.contracts.push(account(0).create(self.nonces[0]));
            let transaction = self.transaction(0, TxKind::Create, 0, init(code));
            blocks.push(self.chain.mine(vec![transaction]));
        }
        blocks
    }

    /// Asks for the hash of the block that lies this far before the next.
    pub(super) fn ask_hash(&mut self, back: u64) -> Transaction {
        let input = B256::from(U256::from(back)).to_vec();
        self.transaction(0, self.contracts[3].into(), 0, input.into())
    }

    pub(super) fn next(&mut self, random: &mut StdRng) -> Arc<CommittedBlock> {
        let count = random.random_range(0..10);
        let transactions = (0..count).map(|_| self.random(random)).collect();
        let withdrawals = (0..random.random_range(0..3)).map(|index| Withdrawal {
            index,
            validator_index: index,
            address: somebody(random),
            amount: random.random_range(0..3),
        });
        let withdrawals = withdrawals.collect();
        self.chain.mine_with(transactions, withdrawals)
    }

    fn random(&mut self, random: &mut StdRng) -> Transaction {
        let from = random.random_range(0..SENDERS);
        let pick = random.random_range(0..10);
        let value = random.random_range(0..3);
        let destroyed = self.destroyer_for(random.random_range(0..SENDERS));
        let (to, value, input) = match pick {
            0 => (somebody(random), value, Bytes::new()),
            1 | 2 => (self.contracts[0], 0, pairs(random)),
            3 => (self.contracts[6], 0, pairs(random)),
            // It is gone for good where it is destroyed.
            4 => (self.contracts[1], 0, pairs(random)),
            5 => (self.contracts[2], 0, init(&destroyer())),
            6 => (destroyed, value, if random.random() { Bytes::new() } else { pairs(random) }),
            7 => {
                let back = U256::from(random.random_range(0..12));
                (self.contracts[3], 0, B256::from(back).to_vec().into())
            }
            8 => {
                let whom = if random.random() { somebody(random) } else { destroyed };
                (self.contracts[4], 0, whom.into_word().to_vec().into())
            }
            _ => (self.contracts[5], 0, Bytes::new()),
        };
        if pick == 4 && random.random_range(0..8) == 0 {
            return self.transaction(from, to.into(), 0, Bytes::new());
        }
        if pick == 5 && random.random() {
            // Created and destroyed in one transaction, or not created at all.
            let code = if random.random() { bytes!("33ff") } else { bytes!("5f54fe") };
            return self.transaction(from, TxKind::Create, value, code);
        }
        self.transaction(from, to.into(), value, input)
    }

    /// What the factory creates for this sender.
    fn destroyer_for(&self, sender: u32) -> Address {
        let salt = account(sender).into_word();
        self.contracts[2].create2(salt, keccak256(init(&destroyer())))
    }

    fn transaction(&mut self, from: u32, to: TxKind, value: u64, input: Bytes) -> Transaction {
        let nonce = &mut self.nonces[from as usize];
        let transaction = TxEip1559 {
            nonce: *nonce,
            to,
            value: U256::from(value),
            input,
            max_fee_per_gas: 10_000_000_000,
            gas_limit: 500_000,
            ..TxEip1559::default()
        };
        *nonce += 1;
        signed(from, transaction)
    }
}

/// Somebody who often was not there before.
fn somebody(random: &mut StdRng) -> Address {
    Address::left_padding_from(&[0xaa, random.random_range(0..40)])
}

/// Slots with what to store in them: as often nothing as something.
fn pairs(random: &mut StdRng) -> Bytes {
    let mut input = Vec::new();
    for _ in 0..random.random_range(1..10) {
        let value = if random.random() { 0 } else { random.random_range(1..4_u64) };
        input.extend(B256::from(U256::from(random.random_range(0..SLOTS))));
        input.extend(B256::from(U256::from(value)));
    }
    input.into()
}
