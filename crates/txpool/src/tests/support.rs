//! Drafts of transactions and a pool to put them in. Signatures are fixed and senders are given,
//! because the pool believes the recovery of its caller.

use crate::{DropReason, PoolConfig, PoolError, PoolEvent, PoolHandle, SenderState, Sidecar};
use alloy_consensus::{
    Signed, TxEip1559, TxEip4844, TxEip7702, TxLegacy,
    transaction::{Recovered, SignerRecoverable as _},
};
use alloy_eips::{
    eip2930::AccessList,
    eip4844::{Blob, BlobTransactionSidecar, Bytes48, kzg_to_versioned_hash},
    eip7594::{BlobTransactionSidecarEip7594, CELLS_PER_EXT_BLOB},
    eip7702::SignedAuthorization,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use mfenx_chainspec::{ChainSpec, MFENX_CHAIN_ID};
use mfenx_primitives::{
    AccountState, Block, BlockBody, CommittedBlock, Header, RecoveredBlock, RecoveredTransaction,
    SealedHeader, Transaction,
};
use std::sync::Arc;
use tokio::sync::broadcast;

pub(super) const GWEI: u128 = 1_000_000_000;
/// Base fee of the development chain's first blocks, in wei.
pub(super) const BASE_FEE: u64 = 1_000_000_000;
/// What a plain transfer of a [`Draft`] costs with its default fees.
pub(super) const COST: u128 = 21_000 * 2 * GWEI;

pub(super) fn address(number: u8) -> Address {
    Address::with_last_byte(number)
}

/// The account of a sender with `balance` wei that has sent `nonce` transactions.
pub(super) fn account(nonce: u64, balance: impl TryInto<U256>) -> AccountState {
    let balance = balance.try_into().ok().expect("a balance");
    AccountState { nonce, balance, ..AccountState::EMPTY }
}

/// The account as somebody sees it who has seen every block.
pub(super) const fn seen(account: AccountState) -> SenderState {
    SenderState { account, has_foreign_code: false, head_number: u64::MAX }
}

pub(super) fn rich() -> AccountState {
    account(0, 10u128.pow(24))
}

/// A plain transfer, to be changed into what a test needs.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) sender: Address,
    pub(super) tx: TxEip1559,
    pub(super) signature: Signature,
}

impl Draft {
    pub(super) fn new(sender: u8, nonce: u64) -> Self {
        let tx = TxEip1559 {
            chain_id: MFENX_CHAIN_ID,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 2 * GWEI,
            max_priority_fee_per_gas: GWEI,
            // So that equal transactions of different senders differ in their hash.
            to: TxKind::Call(address(sender)),
            value: U256::ZERO,
            access_list: AccessList::default(),
            input: Bytes::new(),
        };
        Self { sender: address(sender), tx, signature: Signature::test_signature() }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut TxEip1559)) -> Self {
        change(&mut self.tx);
        self
    }

    /// Maximal fee and tip in wei per gas.
    pub(super) fn fees(self, max_fee: u128, tip: u128) -> Self {
        self.with(|tx| (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (max_fee, tip))
    }

    pub(super) fn value(self, value: u128) -> Self {
        self.with(|tx| tx.value = U256::from(value))
    }

    /// With so many bytes of calldata, and the gas for them.
    pub(super) fn calldata(self, length: usize) -> Self {
        self.with(|tx| {
            tx.input = vec![0; length].into();
            tx.gas_limit = 21_000 + 10 * length as u64;
        })
    }

    pub(super) fn sign(self) -> RecoveredTransaction {
        let tx = Transaction::Eip1559(Signed::new_unhashed(self.tx, self.signature));
        Recovered::new_unchecked(tx, self.sender)
    }

    pub(super) fn legacy(self, chain_id: Option<u64>) -> RecoveredTransaction {
        let TxEip1559 { nonce, gas_limit, to, value, input, .. } = self.tx;
        let gas_price = self.tx.max_fee_per_gas;
        let tx = TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input };
        let tx = Transaction::Legacy(Signed::new_unhashed(tx, self.signature));
        Recovered::new_unchecked(tx, self.sender)
    }

    /// With so many empty blobs, and a maximal fee for them in wei per blob gas.
    pub(super) fn blobs(self, count: usize, max_blob_fee: u128) -> RecoveredTransaction {
        let tx = TxEip4844 {
            chain_id: self.tx.chain_id,
            nonce: self.tx.nonce,
            gas_limit: self.tx.gas_limit,
            max_fee_per_gas: self.tx.max_fee_per_gas,
            max_priority_fee_per_gas: self.tx.max_priority_fee_per_gas,
            to: self.sender,
            value: self.tx.value,
            access_list: self.tx.access_list,
            blob_versioned_hashes: vec![kzg_to_versioned_hash(INFINITY.as_slice()); count],
            max_fee_per_blob_gas: max_blob_fee,
            input: self.tx.input,
        };
        let tx = Transaction::Eip4844(Signed::new_unhashed(tx, self.signature));
        Recovered::new_unchecked(tx, self.sender)
    }

    pub(super) fn authorizing(self, list: Vec<SignedAuthorization>) -> RecoveredTransaction {
        let tx = TxEip7702 {
            chain_id: self.tx.chain_id,
            nonce: self.tx.nonce,
            gas_limit: self.tx.gas_limit + 25_000 * list.len() as u64,
            max_fee_per_gas: self.tx.max_fee_per_gas,
            max_priority_fee_per_gas: self.tx.max_priority_fee_per_gas,
            to: self.sender,
            value: self.tx.value,
            access_list: self.tx.access_list,
            authorization_list: list,
            input: self.tx.input,
        };
        let tx = Transaction::Eip7702(Signed::new_unhashed(tx, self.signature));
        Recovered::new_unchecked(tx, self.sender)
    }
}

/// The point at infinity: the commitment to an empty blob, and the proof of every value in it.
pub(super) const INFINITY: Bytes48 = {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    Bytes48::new(bytes)
};

/// The sidecar of so many empty blobs, with cell proofs (EIP-7594).
pub(super) fn sidecar(count: usize) -> Arc<Sidecar> {
    Arc::new(Sidecar::Eip7594(BlobTransactionSidecarEip7594 {
        blobs: vec![Blob::ZERO; count],
        commitments: vec![INFINITY; count],
        cell_proofs: vec![INFINITY; count * CELLS_PER_EXT_BLOB],
    }))
}

/// The same with one proof a blob (EIP-4844).
pub(super) fn old_sidecar(count: usize) -> Arc<Sidecar> {
    Arc::new(Sidecar::Eip4844(BlobTransactionSidecar {
        blobs: vec![Blob::ZERO; count],
        commitments: vec![INFINITY; count],
        proofs: vec![INFINITY; count],
    }))
}

/// The development chain without our parameters: blobs are allowed. Osaka begins so many seconds
/// after genesis.
pub(super) fn blob_chain(osaka: u64) -> ChainSpec {
    let dev = ChainSpec::dev().expect("the development chain");
    let mut genesis = dev.genesis().clone();
    genesis.config.extra_fields.clear();
    genesis.config.osaka_time = Some(genesis.timestamp + osaka);
    ChainSpec::from_genesis(genesis).expect("the development chain")
}

/// A pool on the development chain with a record of its events.
pub(super) struct Bench {
    pub(super) pool: PoolHandle,
    events: broadcast::Receiver<PoolEvent>,
    head: SealedHeader,
}

impl Bench {
    pub(super) fn new(config: PoolConfig) -> Self {
        Self::on(ChainSpec::dev().expect("the development chain"), config)
    }

    pub(super) fn on(spec: ChainSpec, config: PoolConfig) -> Self {
        let head = spec.genesis_header().clone();
        let pool = PoolHandle::new(Arc::new(spec), config, &head);
        Self { events: pool.events(), pool, head }
    }

    pub(super) fn add(&self, draft: Draft, account: AccountState) -> Result<B256, PoolError> {
        self.pool.add(draft.sign(), seen(account))
    }

    /// Adds the transfers of a rich sender with these nonces.
    pub(super) fn fill(&self, sender: u8, nonces: impl IntoIterator<Item = u64>) -> Vec<B256> {
        nonces
            .into_iter()
            .map(|nonce| self.add(Draft::new(sender, nonce), rich()).expect("a valid transfer"))
            .collect()
    }

    /// What happened since this was last called.
    pub(super) fn events(&mut self) -> Vec<PoolEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Commits a block of these transactions and tells the pool.
    pub(super) fn commit(
        &mut self,
        transactions: Vec<RecoveredTransaction>,
        next_base_fee: u64,
        changed: &[(Address, AccountState)],
    ) -> SealedHeader {
        self.commit_with(transactions, next_base_fee, changed, |_| ())
    }

    pub(super) fn commit_with(
        &mut self,
        transactions: Vec<RecoveredTransaction>,
        next_base_fee: u64,
        changed: &[(Address, AccountState)],
        change: impl FnOnce(&mut Header),
    ) -> SealedHeader {
        let mut header = child(&self.head);
        change(&mut header);
        let block = block(header, transactions);
        self.head = block.block.sealed_header();
        self.pool.on_block(&block, next_base_fee, changed);
        self.head.clone()
    }

    /// Nonces of the executable and of the queued transactions.
    pub(super) fn nonces(&self, sender: u8) -> (Vec<u64>, Vec<u64>) {
        let content = self.pool.content_from(address(sender));
        (content.pending.into_keys().collect(), content.queued.into_keys().collect())
    }
}

pub(super) fn child(parent: &SealedHeader) -> Header {
    Header {
        parent_hash: parent.hash(),
        number: parent.number + 1,
        timestamp: parent.timestamp + 1,
        ..parent.inner().clone()
    }
}

pub(super) fn block(header: Header, transactions: Vec<RecoveredTransaction>) -> CommittedBlock {
    let hash = header.hash_slow();
    let (transactions, senders) = transactions.into_iter().map(Recovered::into_parts).unzip();
    let body = BlockBody { transactions, ..BlockBody::default() };
    let block = RecoveredBlock::from_parts(Block { header, body }, hash, senders);
    CommittedBlock { block: Arc::new(block.expect("a sender each")), receipts: Arc::default() }
}

pub(super) fn dropped(hash: B256, reason: DropReason) -> PoolEvent {
    PoolEvent::Dropped { hash, reason }
}

/// The hash of a transaction that became executable.
pub(super) fn pending(event: &PoolEvent) -> Option<B256> {
    match event {
        PoolEvent::Pending(transaction) => Some(*transaction.tx_hash()),
        _ => None,
    }
}

#[test]
fn the_fixed_signature_can_be_recovered() {
    assert!(Draft::new(1, 0).sign().inner().recover_signer().is_ok());
}
