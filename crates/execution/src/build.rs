//! Making a block out of transactions.

use crate::{
    block_rules::MAX_BLOCK_RLP_BYTES,
    database::{Source, blame, state_over},
    env::next_header,
    error::{BlockError, ExecutionError, TransactionError},
    execute::{Executed, Executor, TransactionResult, execute, finish, start, transaction_error},
    header_rules::MAX_EXTRA_DATA_BYTES,
    receipts, requests,
    touched::Touched,
    transaction_rules::validate_transaction,
};
use alloy_consensus::{
    Transaction as _,
    proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::eip4895::{Withdrawal, Withdrawals};
use alloy_evm::block::CommitChanges;
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::Encodable;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{
    Block, BlockBody, Header, RecoveredBlock, RecoveredTransaction, SealedHeader, Transaction,
};
use revm::{DatabaseRef, context::result::InvalidTransaction, database::State};

/// The least gas a transaction can use: below this, nothing fits any more.
const MIN_TRANSACTION_GAS: u64 = 21_000;
/// After this many transactions in a row for which there was no room, the block counts as full.
const MISFITS_MAX: usize = 64;
/// Bytes by which the RLP list headers of a growing block may grow.
const LIST_HEADERS_BYTES: usize = 16;

/// What a block says that does not follow from its parent and its transactions.
#[derive(Debug, Clone, Default)]
pub struct BuildAttributes {
    /// Seconds; later than the parent's.
    pub timestamp: u64,
    /// Who gets the tips.
    pub beneficiary: Address,
    /// PREVRANDAO (EIP-4399).
    pub prev_randao: B256,
    /// Gas limit; see [`next_gas_limit`](crate::next_gas_limit).
    pub gas_limit: u64,
    /// At most 32 bytes.
    pub extra_data: Bytes,
    /// Required from Cancun on (EIP-4788).
    pub parent_beacon_block_root: Option<B256>,
    /// Required from Shanghai on (EIP-4895), usually empty.
    pub withdrawals: Option<Vec<Withdrawal>>,
}

/// Where transactions come from, best first; nonces of one sender in order.
pub trait TransactionSource {
    /// The next transaction to try, or none when there are no more.
    fn next(&mut self) -> Option<RecoveredTransaction>;
    /// Says that `transaction`, just handed out, is not in the block.
    fn rejected(&mut self, transaction: &RecoveredTransaction, reason: Rejection);
}

/// Why a transaction is not in the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Not now: the block is too full, or the fees, the nonce or the balance do not allow it yet.
    /// Hand out no more of this sender for this block; keep the transaction. The text says why.
    DoesNotFit(String),
    /// Never: drop it. The text says why.
    Invalid(String),
}

/// A block that lacks only its state root.
#[derive(Debug, Clone)]
pub struct Built {
    /// The header; its state root is still that of an empty state.
    pub header_without_state_root: Header,
    /// Transactions and withdrawals.
    pub body: BlockBody,
    /// The sender of each transaction.
    pub senders: Vec<Address>,
    /// What the block does.
    pub executed: Executed,
}

impl Built {
    /// Puts the root of the state after [`Executed::bundle`] into the header: the block is done.
    ///
    /// # Panics
    /// When somebody took transactions or senders out in between.
    pub fn seal(self, state_root: B256) -> (RecoveredBlock, Executed) {
        let header = Header { state_root, ..self.header_without_state_root };
        let hash = header.hash_slow();
        let block = Block { header, body: self.body };
        let Some(block) = RecoveredBlock::from_parts(block, hash, self.senders) else {
            unreachable!("building puts one sender beside each transaction");
        };
        (block, self.executed)
    }
}

/// Builds a child of `parent` on `db`, the state after it, with as many transactions of `source` as
/// fit until `deadline` says that time is up (asked before each transaction).
///
/// Transactions that cannot be in the block are reported to the source and skipped.
///
/// # Errors
/// The attributes contradict the rules, a system contract is missing, or the state could not be
/// read.
pub fn build_block<DB: DatabaseRef>(
    spec: &ChainSpec,
    db: DB,
    parent: &SealedHeader,
    attributes: &BuildAttributes,
    source: &mut dyn TransactionSource,
    deadline: &mut dyn FnMut() -> bool,
) -> Result<Built, ExecutionError> {
    check_attributes(spec, parent, attributes)?;
    let header = next_header(spec, parent, attributes);
    let mut state = state_over(db);
    let result = fill(spec, &mut state, header, attributes, source, deadline);
    let (draft, outcome) = blame(&mut state, result)?;
    let Draft { mut header, transactions, senders, .. } = draft;
    let withdrawals = attributes.withdrawals.clone().map(Withdrawals::new);

    header.gas_used = outcome.gas_used;
    header.transactions_root = calculate_transaction_root(&transactions);
    header.receipts_root = calculate_receipt_root(&outcome.receipts);
    header.logs_bloom = receipts::bloom(&outcome.receipts);
    header.withdrawals_root = withdrawals.as_ref().map(|list| calculate_withdrawals_root(list));
    header.blob_gas_used = header.blob_gas_used.map(|_| outcome.blob_gas_used);
    header.requests_hash = header.requests_hash.map(|_| outcome.requests.requests_hash());
    Ok(Built {
        header_without_state_root: header,
        body: BlockBody { transactions, ommers: Vec::new(), withdrawals },
        senders,
        executed: outcome.into_executed(&mut state),
    })
}

fn check_attributes(
    spec: &ChainSpec,
    parent: &SealedHeader,
    attributes: &BuildAttributes,
) -> Result<(), ExecutionError> {
    let time = attributes.timestamp;
    let refuse = |reason| Err(ExecutionError::Attributes(reason));
    if !spec.is_paris_active_at_block(parent.number.saturating_add(1)) {
        return refuse("only blocks after the merge can be built");
    }
    if time <= parent.timestamp {
        return refuse("the timestamp must be after the parent's");
    }
    if attributes.extra_data.len() > MAX_EXTRA_DATA_BYTES {
        return refuse("there are at most 32 bytes of extra data");
    }
    if attributes.withdrawals.is_some() != spec.is_shanghai_active_at_timestamp(time) {
        return refuse("withdrawals must be given from Shanghai on, and only then");
    }
    if attributes.parent_beacon_block_root.is_some() != spec.is_cancun_active_at_timestamp(time) {
        return refuse("the parent beacon block root must be given from Cancun on, and only then");
    }
    Ok(())
}

/// A block in the making.
struct Draft {
    header: Header,
    transactions: Vec<Transaction>,
    touched: Touched,
    senders: Vec<Address>,
    gas_left: u64,
    bytes_left: usize,
    blob_gas_left: u64,
}

/// Whether one transaction went in.
enum Tried {
    In,
    /// There is no room for it.
    TooBig(Rejection),
    Out(Rejection),
}

fn fill<DB: DatabaseRef>(
    spec: &ChainSpec,
    state: &mut State<Source<DB>>,
    header: Header,
    attributes: &BuildAttributes,
    source: &mut dyn TransactionSource,
    deadline: &mut dyn FnMut() -> bool,
) -> Result<(Draft, crate::execute::Outcome), ExecutionError> {
    let withdrawals = attributes.withdrawals.as_deref();
    let empty = Block {
        header: header.clone(),
        body: BlockBody {
            withdrawals: attributes.withdrawals.clone().map(Withdrawals::new),
            ..Default::default()
        },
    };
    let overhead = empty.length() + LIST_HEADERS_BYTES;
    let blobs = spec.blob_params_at(header.timestamp);
    let mut executor = start(spec, state, &header, &[], withdrawals, 0)?;
    let mut draft = Draft {
        gas_left: header.gas_limit,
        bytes_left: MAX_BLOCK_RLP_BYTES.saturating_sub(overhead),
        blob_gas_left: blobs.map_or(0, |params| params.max_blob_gas_per_block()),
        header,
        transactions: Vec::new(),
        touched: Touched::new(),
        senders: Vec::new(),
    };
    let mut misfits = 0;
    while draft.gas_left >= MIN_TRANSACTION_GAS && misfits < MISFITS_MAX && !deadline() {
        let Some(transaction) = source.next() else { break };
        match draft.try_transaction(spec, &mut executor, &transaction)? {
            Tried::In => {
                misfits = 0;
                let (transaction, sender) = transaction.into_parts();
                draft.transactions.push(transaction);
                draft.senders.push(sender);
            }
            Tried::TooBig(reason) => {
                misfits += 1;
                source.rejected(&transaction, reason);
            }
            Tried::Out(reason) => source.rejected(&transaction, reason),
        }
    }
    let outcome = finish(spec, executor, std::mem::take(&mut draft.touched))?;
    Ok((draft, outcome))
}

impl Draft {
    fn try_transaction<DB: DatabaseRef>(
        &mut self,
        spec: &ChainSpec,
        executor: &mut Executor<'_, '_, DB>,
        transaction: &RecoveredTransaction,
    ) -> Result<Tried, ExecutionError> {
        let (number, timestamp) = (self.header.number, self.header.timestamp);
        let inner: &Transaction = transaction.inner();
        if let Err(reason) = validate_transaction(spec, inner, number, timestamp) {
            return Ok(Tried::Out(rejection(&reason)));
        }
        let bytes = inner.length();
        let blob_gas = inner.blob_gas_used().unwrap_or(0);
        if inner.gas_limit() > self.gas_left || bytes > self.bytes_left {
            return Ok(Tried::TooBig(self.too_big(inner, bytes)));
        }
        // Blobs have a limit of their own: the block has room for other transactions.
        if blob_gas > self.blob_gas_left {
            let (need, left) = (blob_gas, self.blob_gas_left);
            let reason = format!("too much blob gas: {need}, left {left}");
            return Ok(Tried::Out(Rejection::DoesNotFit(reason)));
        }
        let contract = requests::deposit_contract(spec);
        // One bad deposit log would make the whole block invalid (EIP-6110).
        let accept = |output: &TransactionResult| match requests::append_deposits(
            contract,
            output.result.logs(),
            &mut Vec::new(),
        ) {
            Some(()) => CommitChanges::Yes,
            None => CommitChanges::No,
        };
        let (sender, index) = (transaction.signer(), self.transactions.len());
        let executed = execute(executor, inner, sender, index, &mut self.touched, accept);
        match executed {
            Ok(Some(gas)) => {
                self.gas_left = self.gas_left.saturating_sub(gas.tx_gas_used());
                self.bytes_left -= bytes;
                self.blob_gas_left -= blob_gas;
                Ok(Tried::In)
            }
            Ok(None) => {
                let reason = BlockError::DepositLayout(self.transactions.len()).to_string();
                Ok(Tried::Out(Rejection::Invalid(reason)))
            }
            Err(error) => Ok(Tried::Out(rejection(&transaction_error(error)?))),
        }
    }

    /// Does not fit into this block; or into none at all.
    fn too_big(&self, transaction: &Transaction, bytes: usize) -> Rejection {
        if transaction.gas_limit() > self.header.gas_limit {
            return Rejection::Invalid("exceeds block gas limit".into());
        }
        if bytes > MAX_BLOCK_RLP_BYTES - 1_024 {
            return Rejection::Invalid("oversized data".into());
        }
        Rejection::DoesNotFit("there is no room left in the block".into())
    }
}

/// Whether the transaction may be tried again in a later block.
fn rejection(reason: &TransactionError) -> Rejection {
    match reason {
        TransactionError::GasLeft { .. }
        | TransactionError::Evm(
            InvalidTransaction::NonceTooHigh { .. }
            | InvalidTransaction::GasPriceLessThanBasefee
            | InvalidTransaction::BlobGasPriceGreaterThanMax { .. }
            | InvalidTransaction::LackOfFundForMaxFee { .. }
            | InvalidTransaction::CallerGasLimitMoreThanBlock,
        ) => Rejection::DoesNotFit(reason.to_string()),
        other => Rejection::Invalid(other.to_string()),
    }
}
