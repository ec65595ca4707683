//! A chain in memory: states, signed transactions, blocks that are valid until somebody spoils them.

use crate::{
    BuildAttributes, Built, ExecutionError, Rejection, TransactionSource, build_block,
    execute_block, validate_block, validate_header,
};
use alloy_consensus::{SignableTransaction, TxEip1559, TxLegacy, transaction::Recovered};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, b256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_primitives::{Block, RecoveredBlock, RecoveredTransaction, SealedHeader, Transaction};
use revm::{
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};
use std::collections::VecDeque;

pub(super) type Db = CacheDB<EmptyDB>;

/// `sstore(calldata[0], calldata[1])`, then a log whose topic is the slot.
pub(super) const STORER: Address = address!("00000000000000000000000000000000000057e0");
pub(super) const STORER_CODE: &[u8] =
    &[0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x5f, 0x35, 0x5f, 0x5f, 0xa1, 0x00];
/// Who gets the tips.
pub(super) const BENEFICIARY: Address = address!("00000000000000000000000000000000000c01b0");

/// Key `index` of the tests; not one of the development chain's.
pub(super) fn key(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(index + 1)).unwrap()
}

/// The development chain: Osaka.
pub(super) fn dev() -> ChainSpec {
    ChainSpec::dev().unwrap()
}

/// The genesis state of `spec`, ten funded keys, and the storer.
pub(super) fn state(spec: &ChainSpec) -> Db {
    let mut db = Db::default();
    for (address, account) in spec.alloc() {
        let code = account.code.clone().map(Bytecode::new_raw);
        let info = AccountInfo {
            balance: account.balance,
            nonce: account.nonce.unwrap_or(0),
            code_hash: code.as_ref().map_or(alloy_primitives::KECCAK256_EMPTY, Bytecode::hash_slow),
            code,
            account_id: None,
        };
        db.insert_account_info(*address, info);
    }
    for index in 0..10 {
        let balance = U256::from(10_u128.pow(21));
        db.insert_account_info(key(index).address(), AccountInfo::from_balance(balance));
    }
    put_code(&mut db, STORER, STORER_CODE);
    db
}

pub(super) fn put_code(db: &mut Db, address: Address, code: &[u8]) {
    let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
    db.insert_account_info(address, AccountInfo::from_bytecode(code));
}

fn sign<T>(transaction: T, signer: &PrivateKeySigner) -> RecoveredTransaction
where
    T: SignableTransaction<Signature>,
    Transaction: From<alloy_consensus::Signed<T>>,
{
    let signature = signer.sign_hash_sync(&transaction.signature_hash()).unwrap();
    Recovered::new_unchecked(transaction.into_signed(signature).into(), signer.address())
}

/// A transaction of type 2 with sensible defaults.
pub(super) fn eip1559(from: u8, change: impl FnOnce(&mut TxEip1559)) -> RecoveredTransaction {
    let mut transaction = TxEip1559 {
        chain_id: dev().chain_id(),
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0xee)),
        value: U256::from(1),
        ..Default::default()
    };
    change(&mut transaction);
    sign(transaction, &key(from))
}

pub(super) fn legacy(from: u8, change: impl FnOnce(&mut TxLegacy)) -> RecoveredTransaction {
    let mut transaction = TxLegacy {
        gas_limit: 21_000,
        gas_price: 2_000_000_000,
        to: TxKind::Call(Address::repeat_byte(0xee)),
        value: U256::from(1),
        ..Default::default()
    };
    change(&mut transaction);
    sign(transaction, &key(from))
}

pub(super) fn sign_any<T>(transaction: T, from: u8) -> RecoveredTransaction
where
    T: SignableTransaction<Signature>,
    Transaction: From<alloy_consensus::Signed<T>>,
{
    sign(transaction, &key(from))
}

/// A store of `value` in `slot`.
pub(super) fn store(from: u8, nonce: u64, slot: u64, value: u64) -> RecoveredTransaction {
    let input = [B256::from(U256::from(slot)).0, B256::from(U256::from(value)).0].concat();
    eip1559(from, |transaction| {
        transaction.nonce = nonce;
        transaction.gas_limit = 80_000;
        transaction.to = TxKind::Call(STORER);
        transaction.value = U256::ZERO;
        transaction.input = input.into();
    })
}

/// A list of transactions that remembers what was rejected.
#[derive(Default)]
pub(super) struct List {
    pub(super) next: VecDeque<RecoveredTransaction>,
    pub(super) rejected: Vec<(B256, Rejection)>,
}

impl From<Vec<RecoveredTransaction>> for List {
    fn from(transactions: Vec<RecoveredTransaction>) -> Self {
        Self { next: transactions.into(), rejected: Vec::new() }
    }
}

impl TransactionSource for List {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.next.pop_front()
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, reason: Rejection) {
        self.rejected.push((*transaction.inner().tx_hash(), reason));
    }
}

/// Attributes of a child of `parent`, one second later.
pub(super) fn attributes(spec: &ChainSpec, parent: &SealedHeader) -> BuildAttributes {
    let timestamp = parent.timestamp + 1;
    let shanghai = spec.is_shanghai_active_at_timestamp(timestamp);
    let cancun = spec.is_cancun_active_at_timestamp(timestamp);
    BuildAttributes {
        timestamp,
        beneficiary: BENEFICIARY,
        prev_randao: B256::repeat_byte(7),
        gas_limit: parent.gas_limit,
        extra_data: Bytes::from_static(b"test"),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        withdrawals: shanghai.then(Vec::new),
    }
}

/// Builds on genesis.
pub(super) fn build(spec: &ChainSpec, db: &Db, list: &mut List) -> Result<Built, ExecutionError> {
    let parent = spec.genesis_header();
    build_block(spec, db, parent, &attributes(spec, parent), list, &mut || false)
}

/// A valid block on genesis with these transactions; its state root is not computed.
pub(super) fn block(spec: &ChainSpec, db: &Db, list: Vec<RecoveredTransaction>) -> RecoveredBlock {
    let mut list = List::from(list);
    let built = build(spec, db, &mut list).unwrap();
    assert_eq!(list.rejected, []);
    built.seal(B256::ZERO).0
}

/// The block with something changed, and its hash and senders made right again.
pub(super) fn changed(block: &RecoveredBlock, change: impl FnOnce(&mut Block)) -> RecoveredBlock {
    let mut block = block.block().clone();
    change(&mut block);
    RecoveredBlock::recover(block).unwrap()
}

/// All checks of a block on genesis but the state root.
pub(super) fn check(
    spec: &ChainSpec,
    db: &Db,
    block: &RecoveredBlock,
) -> Result<(), ExecutionError> {
    validate_header(spec, &block.sealed_header(), spec.genesis_header())?;
    validate_block(spec, block)?;
    execute_block(spec, db, block, &mut |_| Ok(B256::ZERO)).map(|_| ())
}

/// A chain before the merge: the forks' blocks stand in `config`.
pub(super) fn old_chain(config: &str) -> ChainSpec {
    let json = format!(
        r#"{{"config": {{"chainId": 1, {config}}}, "gasLimit": "0x1c9c380",
        "difficulty": "0x20000", "timestamp": "0x3e8", "alloc": {{}}}}"#
    );
    ChainSpec::from_genesis_json(&json).unwrap()
}

/// Mainnet's first block reward went to somebody; here to nobody in particular.
pub(super) const OLD_HASH: B256 =
    b256!("0x00000000000000000000000000000000000000000000000000000000000000aa");
