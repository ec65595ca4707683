//! A chain that grows when a test says so, and asking its methods.

use crate::records::FixedRecords;
use alloy_consensus::{SignableTransaction, TxEip1559, TxLegacy};
use alloy_eips::{Encodable2718, eip4895::Withdrawal};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes, hex};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use mfenx_chainspec::{ChainSpec, EthereumHardforks as _};
use mfenx_execution::{BuildAttributes, Rejection, TransactionSource, build_block};
use mfenx_primitives::{CommittedBlock, RecoveredTransaction, SealedHeader, Transaction};
use mfenx_rpc::{Namespace, NodeStatus, RpcContext, RpcLimits, RpcMethods, RpcServer, methods};
use mfenx_storage::{BlockCommit, StateChanges, Store, StoreOptions};
use mfenx_txpool::{PoolConfig, PoolHandle};
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc};
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

const PHRASE: &str = "test test test test test test test test test test test junk";

/// Without calldata it stores 7 in slot 0 and logs topic 0x11; with calldata it reverts with it.
pub(crate) const RUNTIME: Bytes =
    bytes!("36601a576007600055602a600052601160206000a160206000f35b366000600037366000fd");
/// Creates [`RUNTIME`].
pub(crate) const INIT_CODE: Bytes = bytes!(
    "6025600c60003960256000f3"
    "36601a576007600055602a600052601160206000a160206000f35b366000600037366000fd"
);
/// The topic that the contract logs.
pub(crate) const TOPIC: B256 = B256::with_last_byte(0x11);

/// A key of the development chain.
pub(crate) fn signer(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default().phrase(PHRASE).index(index).unwrap().build().unwrap()
}

/// The account of a key.
pub(crate) fn account(index: u32) -> Address {
    signer(index).address()
}

/// A chain with its pool and methods.
pub(crate) struct TestChain {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) store: Store,
    pub(crate) pool: PoolHandle,
    pub(crate) status: Arc<NodeStatus>,
    pub(crate) methods: RpcMethods,
    pub(crate) server: RpcServer,
    head: watch::Sender<SealedHeader>,
    committed: broadcast::Sender<Arc<CommittedBlock>>,
    _directory: TempDir,
}

/// Hands out what it was given.
struct Given(VecDeque<RecoveredTransaction>);

impl TransactionSource for Given {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.0.pop_front()
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, reason: Rejection) {
        panic!("{} was rejected: {reason:?}", transaction.tx_hash());
    }
}

impl TestChain {
    pub(crate) fn new() -> Self {
        Self::with_limits(RpcLimits::default())
    }

    pub(crate) fn with_limits(limits: RpcLimits) -> Self {
        Self::serving("all,testing", ChainSpec::dev().unwrap(), limits)
    }

    /// A chain of which only these namespaces are served.
    pub(crate) fn with_namespaces(namespaces: &str) -> Self {
        Self::serving(namespaces, ChainSpec::dev().unwrap(), RpcLimits::default())
    }

    pub(crate) fn on(spec: ChainSpec, limits: RpcLimits) -> Self {
        Self::serving("all,testing", spec, limits)
    }

    fn serving(namespaces: &str, spec: ChainSpec, limits: RpcLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spec = Arc::new(spec);
        let store = Store::open(directory.path(), StoreOptions::volatile()).unwrap();
        store.init_genesis(spec.chain_id(), spec.genesis_header(), spec.alloc()).unwrap();
        let genesis = spec.genesis_header().clone();
        let pool = PoolHandle::new(Arc::clone(&spec), PoolConfig::default(), &genesis);
        let (head, committed) = (watch::Sender::new(genesis), broadcast::Sender::new(16));
        let status = Arc::new(NodeStatus::new());
        let context = RpcContext {
            spec: Arc::clone(&spec),
            store: store.clone(),
            pool: pool.clone(),
            head: head.subscribe(),
            committed: committed.clone(),
            status: Arc::clone(&status),
            consensus: Some(Arc::new(FixedRecords)),
            limits: limits.clone(),
            client_version: "mfenx/test".into(),
        };
        let methods = methods(context, &Namespace::parse_list(namespaces).unwrap()).unwrap();
        let server = RpcServer::new(methods.clone(), &limits);
        Self { spec, store, pool, status, methods, server, head, committed, _directory: directory }
    }

    /// A block with these transactions, announced.
    pub(crate) fn mine(&self, transactions: Vec<Transaction>) -> Arc<CommittedBlock> {
        self.mine_with(transactions, Vec::new())
    }

    /// The same with withdrawals.
    pub(crate) fn mine_with(
        &self,
        transactions: Vec<Transaction>,
        withdrawals: Vec<Withdrawal>,
    ) -> Arc<CommittedBlock> {
        let recovered = transactions.into_iter().map(|transaction| {
            let sender =
                alloy_consensus::transaction::SignerRecoverable::recover_signer(&transaction);
            RecoveredTransaction::new_unchecked(transaction, sender.unwrap())
        });
        let reader = self.store.reader().unwrap();
        let parent = self.head.borrow().clone();
        let timestamp = parent.timestamp + 1;
        let cancun = self.spec.is_cancun_active_at_timestamp(timestamp);
        let attributes = BuildAttributes {
            timestamp,
            beneficiary: Address::repeat_byte(0xbe),
            prev_randao: B256::repeat_byte(1),
            gas_limit: parent.gas_limit,
            extra_data: Bytes::new(),
            parent_beacon_block_root: cancun.then_some(B256::ZERO),
            withdrawals: Some(withdrawals),
        };
        let mut source = Given(recovered.collect());
        let state = reader.latest_state();
        let built =
            build_block(&self.spec, state, &parent, &attributes, &mut source, &mut || false);
        let built = built.unwrap();
        let changes = StateChanges::from_bundle(&built.executed.bundle);
        let (root, trie) = reader.state_root(&changes).unwrap();
        let (block, executed) = built.seal(root);
        drop(reader);
        let receipts = executed.receipts;
        let commit = BlockCommit {
            block: &block,
            receipts: &receipts,
            touched: &executed.touched,
            changes: &changes,
            trie: &trie,
            certificate: None,
        };
        self.store.commit(commit).unwrap();
        let block = CommittedBlock { block: Arc::new(block), receipts: Arc::new(receipts) };
        let block = Arc::new(block);
        let header = block.block.sealed_header();
        let next_base_fee = self.spec.next_base_fee(&header).unwrap();
        self.head.send_replace(header);
        let _ = self.committed.send(Arc::clone(&block));
        self.pool.on_block(&block, next_base_fee, &[]);
        block
    }

    /// Announces a block that is in no store.
    pub(crate) fn announce(&self, block: CommittedBlock) {
        self.committed.send(Arc::new(block)).unwrap();
    }

    /// Creates the contract in a block and returns its address.
    pub(crate) fn deploy(&self) -> Address {
        self.mine(vec![dynamic(0, 0, TxKind::Create, INIT_CODE)]);
        account(0).create(0)
    }

    /// The whole answer of a method.
    pub(crate) async fn answer(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        // Not over a connection, which would answer by a message.
        if method == "eth_subscribe" {
            let module = self.methods.module();
            let (answer, _) = module.raw_json_request(&request.to_string(), 1).await.unwrap();
            return serde_json::from_str(answer.get()).unwrap();
        }
        let answer = self.server.answer(request.to_string().as_bytes()).await.unwrap();
        serde_json::from_str(answer.get()).unwrap()
    }

    /// The text of an answer that is too deep for a tree.
    pub(crate) async fn text(&self, request: &Value) -> String {
        self.server.answer(request.to_string().as_bytes()).await.unwrap().get().to_owned()
    }

    /// The result of a method.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let mut answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The code and the words of the error of a method.
    pub(crate) async fn refusal(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.answer(method, params).await;
        let error = answer.get("error").unwrap_or_else(|| panic!("{method}: {answer}"));
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    }
}

/// A transaction that costs at most 10 gwei a gas, with a tip of 1 gwei.
pub(crate) fn dynamic(from: u32, nonce: u64, to: TxKind, input: Bytes) -> Transaction {
    let fees = TxEip1559 {
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        ..TxEip1559::default()
    };
    signed(from, TxEip1559 { nonce, to, input, ..fees })
}

/// A call that brings this many wei.
pub(crate) fn paying(from: u32, nonce: u64, to: Address, value: u64, input: Bytes) -> Transaction {
    let fees = TxEip1559 { max_fee_per_gas: 10_000_000_000, ..TxEip1559::default() };
    signed(from, TxEip1559 { nonce, to: to.into(), value: U256::from(value), input, ..fees })
}

/// A transaction with this tip, in wei per gas.
pub(crate) fn tipped(from: u32, nonce: u64, tip: u128) -> Transaction {
    let fees = TxEip1559 {
        max_fee_per_gas: tip + 10_000_000_000,
        max_priority_fee_per_gas: tip,
        ..TxEip1559::default()
    };
    signed(from, TxEip1559 { nonce, to: Address::ZERO.into(), ..fees })
}

/// A transaction for this chain; a gas limit of zero stands for 200,000.
pub(crate) fn signed(from: u32, tx: TxEip1559) -> Transaction {
    let gas_limit = if tx.gas_limit == 0 { 200_000 } else { tx.gas_limit };
    let tx = TxEip1559 { chain_id: mfenx_chainspec::MFENX_CHAIN_ID, gas_limit, ..tx };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Eip1559(tx.into_signed(signature))
}

/// A transfer at a price of 5 gwei a gas.
pub(crate) fn transfer(from: u32, nonce: u64, to: Address, value: u64) -> Transaction {
    transfer_on(mfenx_chainspec::MFENX_CHAIN_ID, from, nonce, to, value)
}

/// A transfer on any chain.
pub(crate) fn transfer_on(
    chain_id: u64,
    from: u32,
    nonce: u64,
    to: Address,
    value: u64,
) -> Transaction {
    let tx = TxLegacy {
        chain_id: Some(chain_id),
        nonce,
        gas_price: 5_000_000_000,
        gas_limit: 21_000,
        to: TxKind::Call(to),
        value: U256::from(value),
        input: Bytes::new(),
    };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Legacy(tx.into_signed(signature))
}

/// The bytes of a transaction as they are sent.
pub(crate) fn raw(transaction: &Transaction) -> String {
    hex::encode_prefixed(transaction.encoded_2718())
}
