//! Execution of a whole block.

use crate::{
    collisions::StorageCollisions,
    database::{Source, blame, state_over},
    env::evm_env,
    error::{BlockError, BoxError, ExecutionError, TransactionError},
    precompiles::{self, ChainPrecompiles},
    receipts::{self, Receipts, set_post_state},
    requests,
    touched::{self, Touched},
};
use alloy_consensus::{
    Header, Transaction as _, proofs::calculate_receipt_root, transaction::Recovered,
};
use alloy_eips::{eip4895::Withdrawal, eip7685::Requests};
use alloy_evm::{
    Evm,
    block::{
        BlockExecutionError, BlockExecutor, BlockValidationError, CommitChanges, GasOutput,
        TxResult, state_changes::post_block_balance_increments,
    },
    eth::{EthBlockExecutionCtx, EthBlockExecutor, EthEvm, EthEvmBuilder, dao_fork},
};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::{Address, Bytes};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{B256, KECCAK256_EMPTY, Receipt, RecoveredBlock, Transaction};
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    context::{
        Block as _,
        result::{HaltReason, ResultAndState},
    },
    database::{BundleState, State, states::bundle_state::BundleRetention},
    database_interface::DatabaseCommitExt,
};
use std::borrow::Cow;

/// What a block did.
#[derive(Debug, Clone, Default)]
pub struct Executed {
    /// Every account, slot and code it changed, each with its value before the block; without
    /// reverts.
    pub bundle: BundleState,
    /// One receipt per transaction, in order.
    pub receipts: Vec<Receipt>,
    /// The accounts that its transactions loaded, each with the index of the transaction, in no
    /// order: sender, receiver, everybody who calls, is called or created, and accounts that code
    /// only looked at. The beneficiary is among them only where it is more than the receiver of a
    /// tip.
    pub touched: Vec<(Address, u32)>,
    /// Its requests (EIP-7685); empty before Prague.
    pub requests: Requests,
    /// Gas used by its transactions.
    pub gas_used: u64,
    /// Blob gas used by its transactions; 0 before Cancun.
    pub blob_gas_used: u64,
}

/// Computes the state root after the changes so far; called after each transaction, and only before
/// Byzantium, whose receipts no longer carry it (EIP-658).
pub type IntermediateRoot<'a> = dyn FnMut(&BundleState) -> Result<B256, BoxError> + 'a;

/// Executes `block` on `db`, the state after its parent, and checks all that the header says of the
/// result: gas used, receipts root, bloom, requests hash. Only the state root is the caller's.
///
/// Call [`validate_header`](crate::validate_header) and [`validate_block`](crate::validate_block)
/// first: this relies on them.
///
/// # Errors
/// The block is invalid, or the state could not be read.
pub fn execute_block<DB: DatabaseRef>(
    spec: &ChainSpec,
    db: DB,
    block: &RecoveredBlock,
    intermediate_root: &mut IntermediateRoot<'_>,
) -> Result<Executed, ExecutionError> {
    let mut state = state_over(db);
    let result = run(spec, &mut state, block, intermediate_root);
    let outcome = blame(&mut state, result)?;
    check_outcome(block.header(), &outcome)?;
    Ok(outcome.into_executed(&mut state))
}

/// The part of [`Executed`] that does not stay in the state.
pub(crate) struct Outcome {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) touched: Touched,
    pub(crate) requests: Requests,
    pub(crate) gas_used: u64,
    pub(crate) blob_gas_used: u64,
}

impl Outcome {
    /// Takes the changes out of the state.
    pub(crate) fn into_executed<DB: DatabaseRef>(self, state: &mut State<Source<DB>>) -> Executed {
        state.merge_transitions(BundleRetention::PlainState);
        let Self { receipts, touched, requests, gas_used, blob_gas_used } = self;
        let bundle = state.take_bundle();
        Executed { bundle, receipts, touched, requests, gas_used, blob_gas_used }
    }
}

/// The EVM of a block.
type BlockEvm<'s, DB> = EthEvm<&'s mut State<Source<DB>>, StorageCollisions, ChainPrecompiles>;
/// Executes transactions one by one and keeps count.
pub(crate) type Executor<'a, 's, DB> =
    EthBlockExecutor<'a, BlockEvm<'s, DB>, &'a ChainSpec, Receipts>;

/// An executor at the start of the block that `header` heads: what comes before the transactions
/// is done.
pub(crate) fn start<'a, 's, DB: DatabaseRef>(
    spec: &'a ChainSpec,
    state: &'s mut State<Source<DB>>,
    header: &Header,
    ommers: &'a [Header],
    withdrawals: Option<&'a [Withdrawal]>,
    transactions: usize,
) -> Result<Executor<'a, 's, DB>, ExecutionError> {
    let dao = spec.ethereum_fork_activation(EthereumHardfork::Dao);
    if dao.transitions_at_block(header.number) {
        move_dao_balances(state).map_err(|error| ExecutionError::Evm(error.to_string()))?;
    }
    let collisions = StorageCollisions::of(spec);
    let inspect = !collisions.is_empty();
    state.database.watch(header.beneficiary);
    let env = evm_env(spec, header);
    let precompiles = ChainPrecompiles::of(&env);
    let evm = EthEvmBuilder::new(state, env.evm).inspector(collisions).build();
    let evm = touched::install(precompiles::install(evm, precompiles, inspect), inspect);
    let ctx = EthBlockExecutionCtx {
        parent_hash: header.parent_hash,
        parent_beacon_block_root: header.parent_beacon_block_root,
        ommers,
        withdrawals: withdrawals.map(Cow::Borrowed),
        extra_data: Bytes::new(),
        tx_count_hint: Some(transactions),
        slot_number: None,
    };
    let mut executor = EthBlockExecutor::new(evm, ctx, spec, Receipts);
    executor.apply_pre_execution_changes().map_err(block_error)?;
    Ok(executor)
}

/// The irregular state change of the DAO fork, before the block's first transaction (EIP-779).
pub(crate) fn move_dao_balances<DB>(state: &mut DB) -> Result<(), DB::Error>
where
    DB: Database + DatabaseCommit,
{
    let drained = state.drain_balances(dao_fork::DAO_HARDFORK_ACCOUNTS)?.into_iter().sum::<u128>();
    state.increment_balances([(dao_fork::DAO_HARDFORK_BENEFICIARY, drained)])
}

fn run<DB: DatabaseRef>(
    spec: &ChainSpec,
    state: &mut State<Source<DB>>,
    block: &RecoveredBlock,
    intermediate_root: &mut IntermediateRoot<'_>,
) -> Result<Outcome, ExecutionError> {
    let (header, body) = (block.header(), block.body());
    let withdrawals = body.withdrawals.as_ref().map(|withdrawals| withdrawals.as_slice());
    let count = body.transactions.len();
    let mut executor = start(spec, state, header, &body.ommers, withdrawals, count)?;
    let roots = !spec.is_byzantium_active_at_block(header.number);
    let mut touched = Touched::new();
    for (index, (transaction, sender)) in block.transactions_with_sender().enumerate() {
        let accept = |_: &TransactionResult| CommitChanges::Yes;
        let executed = execute(&mut executor, transaction, sender, index, &mut touched, accept);
        executed.map_err(|error| match transaction_error(error) {
            Ok(reason) => ExecutionError::InvalidTransaction {
                index,
                hash: *transaction.tx_hash(),
                reason: Box::new(reason),
            },
            Err(other) => other,
        })?;
        if roots {
            let state = executor.evm_mut().db_mut();
            state.merge_transitions(BundleRetention::PlainState);
            let root =
                intermediate_root(&state.bundle_state).map_err(ExecutionError::IntermediateRoot)?;
            if let Some(receipt) = executor.receipts.last_mut() {
                set_post_state(receipt, root);
            }
        }
    }
    finish(spec, executor, touched)
}

/// What the EVM says of one transaction.
pub(crate) type TransactionResult = ResultAndState<HaltReason>;

/// Executes one transaction, and adds to `touched` what it loaded. Nothing of it stays where
/// `accept` does not take its result.
pub(crate) fn execute<DB: DatabaseRef>(
    executor: &mut Executor<'_, '_, DB>,
    transaction: &Transaction,
    sender: Address,
    index: usize,
    touched: &mut Touched,
    accept: impl FnOnce(&TransactionResult) -> CommitChanges,
) -> Result<Option<GasOutput>, BlockExecutionError> {
    let beneficiary = executor.evm.block().beneficiary();
    let before = touched.len();
    // A block with more transactions would not fit into any limit.
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let mut counts = sender == beneficiary || transaction.to() == Some(beneficiary);
    let executed = executor.execute_transaction_with_commit_condition(
        Recovered::new_unchecked(transaction, sender),
        |output| {
            let output = output.result();
            counts |= touched::add_loaded(touched, index, &output.state, beneficiary);
            accept(output)
        },
    );
    counts |= executor.evm_mut().db_mut().database.take_called();
    match executed {
        Ok(Some(_)) if counts => touched.push((beneficiary, index)),
        Ok(Some(_)) => {}
        _ => touched.truncate(before),
    }
    executed
}

/// What comes after the transactions: requests, rewards, withdrawals.
pub(crate) fn finish<DB: DatabaseRef>(
    spec: &ChainSpec,
    mut executor: Executor<'_, '_, DB>,
    touched: Touched,
) -> Result<Outcome, ExecutionError> {
    let timestamp = executor.evm.block().timestamp().saturating_to();
    let mut requests = Requests::default();
    if spec.is_prague_active_at_timestamp(timestamp) {
        let deposits = requests::deposits(requests::deposit_contract(spec), &executor.receipts)?;
        if !deposits.is_empty() {
            requests.push_request_with_type(requests::DEPOSIT_TYPE, deposits);
        }
        // A call to an account without code succeeds, but here it must not.
        for contract in requests::REQUEST_CONTRACTS {
            let account = executor.evm.db_mut().basic(contract);
            let account = account.map_err(|error| ExecutionError::Evm(error.to_string()))?;
            if account.is_none_or(|account| account.code_hash == KECCAK256_EMPTY) {
                return Err(BlockError::SystemContractEmpty(contract).into());
            }
        }
        executor
            .system_caller
            .append_post_execution_changes(&mut executor.evm, &mut requests)
            .map_err(block_error)?;
    }
    let increments = post_block_balance_increments(
        spec,
        executor.evm.block(),
        executor.ctx.ommers,
        executor.ctx.withdrawals.as_deref(),
    );
    executor
        .evm
        .db_mut()
        .increment_balances(increments)
        .map_err(|error| BlockError::BalanceIncrement(error.to_string()))?;
    Ok(Outcome {
        receipts: executor.receipts,
        touched,
        requests,
        gas_used: executor.cumulative_tx_gas_used,
        blob_gas_used: executor.blob_gas_used,
    })
}

fn check_outcome(header: &Header, outcome: &Outcome) -> Result<(), BlockError> {
    if outcome.gas_used != header.gas_used {
        return Err(BlockError::GasUsed { expected: header.gas_used, got: outcome.gas_used });
    }
    let got = calculate_receipt_root(&outcome.receipts);
    if got != header.receipts_root {
        return Err(BlockError::ReceiptsRoot { expected: header.receipts_root, got });
    }
    if receipts::bloom(&outcome.receipts) != header.logs_bloom {
        return Err(BlockError::LogsBloom);
    }
    if let Some(expected) = header.requests_hash {
        let got = outcome.requests.requests_hash();
        if got != expected {
            return Err(BlockError::RequestsHash { expected, got });
        }
    }
    Ok(())
}

/// What an error of the executor says about the transaction; `Err` when it is not about it.
pub(crate) fn transaction_error(
    error: BlockExecutionError,
) -> Result<TransactionError, ExecutionError> {
    match error {
        BlockExecutionError::Validation(BlockValidationError::InvalidTx { error, .. }) => {
            Ok(match error.as_invalid_tx_err() {
                Some(reason) => TransactionError::Evm(reason.clone()),
                None => TransactionError::Other(error.to_string()),
            })
        }
        BlockExecutionError::Validation(
            BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas {
                transaction_gas_limit: limit,
                block_available_gas: available,
            },
        ) => Ok(TransactionError::GasLeft { limit, available }),
        other => Err(block_error(other)),
    }
}

/// What an error of the executor outside a transaction says about the block.
pub(crate) fn block_error(error: BlockExecutionError) -> ExecutionError {
    match error {
        BlockExecutionError::Validation(error) => BlockError::SystemCall(error.to_string()).into(),
        BlockExecutionError::Internal(error) => ExecutionError::Evm(error.to_string()),
    }
}
