//! Chains of blocks that do one kind of work.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use eyre::{Result, eyre};
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_engine::Chain;
use mfenx_execution::{BuildAttributes, Rejection, TransactionSource, build_block};
use mfenx_primitives::{Block, RecoveredTransaction, Transaction};
use mfenx_storage::{Durability, StateChanges, Store, StoreOptions};
use rayon::prelude::*;
use std::{sync::Arc, vec};

/// Wei per gas; the base fee of full blocks doubles every six blocks from 1 gwei.
const MAX_FEE: u128 = 1_000_000_000_000_000;
/// The ERC-20 contract.
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
const LEDGER: Address = Address::repeat_byte(0x1e);
const TOKEN_CODE: &str = include_str!("contracts/Token.hex");
const LEDGER_CODE: &str = include_str!("contracts/Ledger.hex");
/// Storage entries that one call of the ledger writes.
const LEDGER_ENTRIES: u64 = 40;

/// What the transactions of a chain do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Value to an account of its own per transaction.
    Transfers,
    /// ERC-20 `transfer` to an account of its own per transaction.
    Erc20,
    /// Calls that write forty fresh storage slots each.
    Storage,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Transfers, Self::Erc20, Self::Storage];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Erc20 => "erc20",
            Self::Storage => "storage",
        }
    }

    const fn gas_limit(self) -> u64 {
        match self {
            Self::Transfers => 21_000,
            Self::Erc20 => 80_000,
            Self::Storage => 1_200_000,
        }
    }

    /// Transactions that fill a block of 30 Mgas.
    pub(crate) const fn per_block(self) -> u64 {
        30_000_000 / self.gas_limit()
    }
}

/// A chain: its specification and its blocks in RLP.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) blocks: Vec<Bytes>,
    pub(crate) transactions: u64,
    pub(crate) gas: u64,
}

struct Sender {
    key: k256::ecdsa::SigningKey,
    address: Address,
}

/// Address of the account that sends the transactions `index`, `index + senders`, ...
pub(crate) fn sender_address(index: u64) -> Result<Address> {
    Ok(sender(index)?.address)
}

fn sender(index: u64) -> Result<Sender> {
    let secret = keccak256(index.to_be_bytes());
    let key = k256::ecdsa::SigningKey::from_slice(secret.as_slice())?;
    let address = Address::from_public_key(key.verifying_key());
    Ok(Sender { key, address })
}

fn genesis(senders: &[Sender]) -> Result<Genesis> {
    let mut genesis = ChainSpec::dev()?.genesis().clone();
    let rich = U256::from(10).pow(U256::from(30));
    let code = |hex: &str| hex.trim().parse::<Bytes>();
    let mut balances = std::collections::BTreeMap::new();
    for sender in senders {
        genesis.alloc.insert(sender.address, GenesisAccount::default().with_balance(rich));
        let slot = keccak256([sender.address.into_word(), B256::ZERO].concat());
        balances.insert(slot, B256::from(U256::from(1) << 128));
    }
    let token = GenesisAccount::default()
        .with_nonce(Some(1))
        .with_code(Some(code(TOKEN_CODE)?))
        .with_storage(Some(balances));
    genesis.alloc.insert(TOKEN, token);
    let ledger = GenesisAccount::default().with_nonce(Some(1)).with_code(Some(code(LEDGER_CODE)?));
    genesis.alloc.insert(LEDGER, ledger);
    Ok(genesis)
}

fn transaction(
    kind: Kind,
    chain_id: u64,
    sender: &Sender,
    nonce: u64,
    serial: u64,
) -> Result<RecoveredTransaction> {
    let receiver =
        Address::from_word(keccak256([b"receiver".as_slice(), &serial.to_be_bytes()].concat()));
    let call = |selector: [u8; 4], words: [U256; 2]| -> Bytes {
        let mut data = selector.to_vec();
        words.iter().for_each(|word| data.extend_from_slice(&word.to_be_bytes::<32>()));
        data.into()
    };
    let (to, value, input) = match kind {
        Kind::Transfers => (receiver, U256::from(1), Bytes::new()),
        Kind::Erc20 => {
            let words = [U256::from_be_bytes(receiver.into_word().0), U256::from(1)];
            (TOKEN, U256::ZERO, call([0xa9, 0x05, 0x9c, 0xbb], words))
        }
        Kind::Storage => {
            let words = [U256::from(serial * LEDGER_ENTRIES), U256::from(LEDGER_ENTRIES)];
            (LEDGER, U256::ZERO, call([0x9c, 0x0e, 0x3f, 0x7a], words))
        }
    };
    let unsigned = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: kind.gas_limit(),
        max_fee_per_gas: MAX_FEE,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value,
        access_list: Default::default(),
        input,
    };
    let hash = unsigned.signature_hash();
    let (signature, recovery) = sender.key.sign_prehash_recoverable(hash.as_slice())?;
    let signature = Signature::from((signature, recovery));
    let signed = Transaction::Eip1559(unsigned.into_signed(signature));
    Ok(RecoveredTransaction::new_unchecked(signed, sender.address))
}

struct Given(vec::IntoIter<RecoveredTransaction>, Option<String>);

impl TransactionSource for Given {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.0.next()
    }

    fn rejected(&mut self, _: &RecoveredTransaction, reason: Rejection) {
        self.1 = Some(format!("{reason:?}"));
    }
}

/// A number of blocks with as many transactions of one kind each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    pub(crate) blocks: u64,
    pub(crate) per_block: u64,
}

/// Builds one stage after the other, with so many accounts that send in turn.
pub(crate) fn build(stages: &[Stage], senders: u64) -> Result<Workload> {
    let senders: Vec<Sender> = (0..senders).map(sender).collect::<Result<_>>()?;
    let spec = Arc::new(ChainSpec::from_genesis(genesis(&senders)?)?);
    let directory = tempfile::tempdir()?;
    let options = StoreOptions { durability: Durability::Volatile, ..Default::default() };
    let chain = Chain::open(Arc::clone(&spec), Store::open(directory.path(), options)?)?;
    let chain_id = spec.chain_id();
    let mut workload = Workload { spec, blocks: Vec::new(), transactions: 0, gas: 0 };
    let each_block = stages.iter().flat_map(|stage| (0..stage.blocks).map(move |_| stage));
    for Stage { kind, per_block, .. } in each_block {
        let first = workload.transactions;
        let transactions: Vec<_> = (first..first + per_block)
            .into_par_iter()
            .map(|serial| {
                let sender_index = serial % senders.len() as u64;
                let sender = senders
                    .get(sender_index as usize)
                    .ok_or_else(|| eyre!("no sender {sender_index}"))?;
                transaction(*kind, chain_id, sender, serial / senders.len() as u64, serial)
            })
            .collect::<Result<_>>()?;
        let block = extend(&chain, transactions)?;
        workload.transactions += block.body.transactions.len() as u64;
        workload.gas += block.header.gas_used;
        workload.blocks.push(alloy_rlp::encode(&block).into());
        chain.import(block)?;
    }
    Ok(workload)
}

fn extend(chain: &Chain, transactions: Vec<RecoveredTransaction>) -> Result<Block> {
    let (reader, parent) = (chain.store().reader()?, chain.head()?);
    let spec = chain.spec();
    let timestamp = parent.timestamp + 1;
    let attributes = BuildAttributes {
        timestamp,
        beneficiary: Address::repeat_byte(0xbe),
        prev_randao: B256::repeat_byte(1),
        gas_limit: parent.gas_limit,
        extra_data: Bytes::new(),
        parent_beacon_block_root: Some(B256::ZERO),
        withdrawals: spec.is_shanghai_active_at_timestamp(timestamp).then(Vec::new),
    };
    let count = transactions.len();
    let mut source = Given(transactions.into_iter(), None);
    let built =
        build_block(spec, reader.latest_state(), &parent, &attributes, &mut source, &mut || false)?;
    if built.body.transactions.len() != count {
        return Err(eyre!("a transaction was rejected: {:?}", source.1));
    }
    let changes = StateChanges::from_bundle(&built.executed.bundle);
    let (root, _) = reader.state_root(&changes)?;
    let (block, executed) = built.seal(root);
    if let Some(receipt) = executed.receipts.iter().position(|receipt| !receipt.status()) {
        return Err(eyre!("transaction {receipt} of a benchmark block failed"));
    }
    let block = block.into_block();
    debug_assert!(block.body.transactions.iter().all(|tx| tx.encode_2718_len() > 0));
    Ok(block)
}
