//! One simulated block.

use super::{
    BlockCalls, Left, NumberedLog, SimulateError, SimulateOptions, SimulatedBlock, SimulatedCall,
    SimulatedState, UnsignedTransaction, checks,
    transaction::{Prepared, prepare},
    transfers::LogCollector,
};
use crate::{
    call::{CallOutcome, call_error, call_evm, look_away},
    env::evm_env,
    error::CallError,
    execute::{IntermediateRoot, block_error},
    overrides::apply_accounts,
    precompiles::ChainPrecompiles,
    receipts::{bloom, receipt, set_post_state},
    requests,
};
use alloy_consensus::{
    EMPTY_ROOT_HASH, Header,
    proofs::{calculate_receipt_root, calculate_withdrawals_root},
};
use alloy_eips::{eip4844::DATA_GAS_PER_BLOB, eip4895::Withdrawal, eip7685::Requests};
use alloy_evm::{
    Evm,
    block::{SystemCaller, state_changes::post_block_balance_increments},
    eth::EthEvm,
};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{Sealed, TxKind};
use alloy_rlp::Encodable;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_trie::root::ordered_trie_root_with_encoder;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Receipt, SealedHeader};
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    context::result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultAndState},
    database::states::bundle_state::BundleRetention,
    database_interface::DatabaseCommitExt,
};

/// What a log takes beside its data, about.
const LOG_BYTES: usize = 256;

/// Where in the simulation a block stands.
pub(super) struct Position<'a> {
    pub(super) spec: &'a ChainSpec,
    pub(super) options: &'a SimulateOptions,
    pub(super) left: &'a mut Left,
}

type BlockEvm<'s, 'i, DB> = EthEvm<&'s mut SimulatedState<'i, DB>, LogCollector, ChainPrecompiles>;

/// What the calls of a block leave behind.
#[derive(Default)]
struct Progress {
    transactions: Vec<UnsignedTransaction>,
    receipts: Vec<Receipt>,
    calls: Vec<SimulatedCall>,
    gas_used: u64,
    blob_gas_used: u64,
    /// Deposits among the logs (EIP-6110).
    deposits: Vec<u8>,
}

impl Position<'_> {
    /// Simulates the block that `header` begins, and seals it.
    pub(super) fn simulate<DB: DatabaseRef>(
        mut self,
        state: &mut SimulatedState<'_, DB>,
        mut header: Header,
        block: BlockCalls,
        state_root: &mut IntermediateRoot<'_>,
    ) -> Result<SimulatedBlock, SimulateError> {
        let BlockCalls { block_overrides, state_overrides, calls } = block;
        let mut env = evm_env(self.spec, &header);
        look_away(&mut env.evm, self.options.memory_bytes_max);
        // Fees are looked at before the EVM does.
        env.evm.cfg_env.disable_base_fee = true;
        block_overrides.apply_blob_base_fee(&mut env.evm);
        let mut precompiles = ChainPrecompiles::of(&env);
        apply_accounts(&state_overrides, state, &mut precompiles)?;
        let collector = LogCollector::new(self.options.trace_transfers);
        let mut evm = call_evm(&mut *state, env.evm, precompiles, collector);
        SystemCaller::new(self.spec)
            .apply_pre_execution_changes(&header, &mut evm)
            .map_err(|error| SimulateError::Block(block_error(error).to_string()))?;
        let mut progress = Progress::default();
        for call in &calls {
            self.call(&mut evm, &header, call, &mut progress, state_root)?;
        }
        let withdrawals = self.withdrawals(&header, block_overrides.withdrawals)?;
        let requests = self.finish(&mut evm, &header, withdrawals.as_deref(), &progress)?;
        drop(evm);
        if state.database.0.interrupted() {
            return Err(SimulateError::Interrupted);
        }
        state.merge_transitions(BundleRetention::PlainState);
        header.state_root = state_root(&state.bundle_state).map_err(SimulateError::Database)?;
        header.requests_hash = requests.map(|requests| requests.requests_hash());
        Ok(progress.seal(header, withdrawals))
    }

    fn call<DB: DatabaseRef>(
        &mut self,
        evm: &mut BlockEvm<'_, '_, DB>,
        header: &Header,
        call: &TransactionRequest,
        progress: &mut Progress,
        state_root: &mut IntermediateRoot<'_>,
    ) -> Result<(), SimulateError> {
        let sender = evm.db_mut().basic(call.from.unwrap_or_default());
        let sender = sender.map_err(|error| SimulateError::Database(Box::new(error)))?;
        let sender = sender.unwrap_or_default();
        let left = header.gas_limit.saturating_sub(progress.gas_used);
        let gas = call.gas.unwrap_or(left);
        if gas > left {
            return Err(SimulateError::BlockGas { gas, left });
        }
        let gas = gas.min(self.left.gas);
        let nonce = call.nonce.unwrap_or(sender.nonce);
        let Prepared { mut environment, unsigned } =
            prepare(call, self.spec, evm.cfg_env().spec, nonce, gas)?;
        let refused = |reason| SimulateError::Refused { sender: environment.caller, gas, reason };
        let (fork, block) = (evm.cfg_env().spec, evm.block());
        checks::check(&environment, &sender, fork, block, self.options).map_err(refused)?;
        let (at_end, creates) = (sender.nonce == u64::MAX, environment.kind == TxKind::Create);
        let blob_gas = environment.blob_hashes.len() as u64 * DATA_GAS_PER_BLOB;
        let caller = environment.caller;
        // Whoever offers nothing without validation is not held to the price of blob gas, but pays
        // it; the BLOBBASEFEE opcode sees it.
        if blob_gas > 0 && environment.max_fee_per_blob_gas == 0 {
            let blob = evm.block().blob_excess_gas_and_price;
            environment.max_fee_per_blob_gas = blob.map_or(0, |blob| blob.blob_gasprice);
        }
        // Nobody looks at the nonce any more, except for whether it is the largest.
        environment.nonce = 0;
        let outcome = evm.transact_raw(environment);
        if evm.db().database.0.interrupted() {
            return Err(SimulateError::Interrupted);
        }
        let ResultAndState { result, mut state } = match outcome {
            Ok(outcome) => outcome,
            Err(EVMError::Transaction(reason)) => {
                return Err(SimulateError::Refused { sender: caller, gas, reason });
            }
            Err(error) => return Err(call_error(caller, error).into()),
        };
        // Without validation the largest nonce is followed by zero, but creates nothing.
        if at_end
            && !creates
            && let Some(account) = state.get_mut(&caller)
        {
            account.info.nonce = 0;
        }
        let result = if at_end && creates {
            let (reason, gas) = (HaltReason::NonceOverflow, *result.gas());
            ExecutionResult::Halt { reason, gas, logs: Vec::new() }
        } else {
            result
        };
        evm.db_mut().commit(state);
        self.record(evm, header, unsigned, result, progress, state_root)?;
        progress.blob_gas_used += blob_gas;
        Ok(())
    }

    /// Counts what a call used, and keeps its transaction, receipt and result.
    fn record<DB: DatabaseRef>(
        &mut self,
        evm: &mut BlockEvm<'_, '_, DB>,
        header: &Header,
        unsigned: UnsignedTransaction,
        result: ExecutionResult,
        progress: &mut Progress,
        state_root: &mut IntermediateRoot<'_>,
    ) -> Result<(), SimulateError> {
        let (gas_used, gas_used_max) =
            (result.tx_gas_used(), result.gas().total_gas_spent().max(result.gas().floor_gas()));
        self.left.gas = self.left.gas.saturating_sub(gas_used);
        progress.gas_used = progress.gas_used.saturating_add(gas_used);
        let contract = requests::deposit_contract(self.spec);
        if self.spec.is_prague_active_at_timestamp(header.timestamp)
            && result.is_success()
            && requests::append_deposits(contract, result.logs(), &mut progress.deposits).is_none()
        {
            return Err(SimulateError::Block("unable to parse deposit data".to_owned()));
        }
        let kind = unsigned.transaction.tx_type();
        let logs = if result.is_success() { result.logs().to_vec() } else { Vec::new() };
        let mut receipt = receipt(kind, result.is_success(), progress.gas_used, logs);
        if !self.spec.is_byzantium_active_at_block(header.number) {
            let db = evm.db_mut();
            db.merge_transitions(BundleRetention::PlainState);
            let root = state_root(&db.bundle_state).map_err(SimulateError::Database)?;
            set_post_state(&mut receipt, root);
        }
        progress.receipts.push(receipt);
        progress.transactions.push(unsigned);
        let logs: Vec<NumberedLog> = evm.components_mut().1.take();
        let logged: usize = logs.iter().map(|log| log.log.data.data.len() + LOG_BYTES).sum();
        let bytes = result.output().map_or(0, |output| output.len()) + logged;
        let left = self.left.output_bytes.checked_sub(bytes);
        self.left.output_bytes =
            left.ok_or(SimulateError::OutputTooLarge { bytes_max: self.options.output_bytes_max })?;
        progress.calls.push(SimulatedCall {
            outcome: CallOutcome::from(result),
            gas_used_max,
            logs,
        });
        Ok(())
    }

    fn withdrawals(
        &self,
        header: &Header,
        wanted: Option<Vec<Withdrawal>>,
    ) -> Result<Option<Vec<Withdrawal>>, SimulateError> {
        if self.spec.is_shanghai_active_at_timestamp(header.timestamp) {
            return Ok(Some(wanted.unwrap_or_default()));
        }
        match wanted {
            Some(withdrawals) if !withdrawals.is_empty() => Err(SimulateError::Withdrawals),
            _ => Ok(None),
        }
    }

    /// What comes after the calls: requests, rewards, withdrawals. Chains without the contracts of
    /// EIP-7002 and EIP-7251 can be simulated.
    fn finish<DB: DatabaseRef>(
        &self,
        evm: &mut BlockEvm<'_, '_, DB>,
        header: &Header,
        withdrawals: Option<&[Withdrawal]>,
        progress: &Progress,
    ) -> Result<Option<Requests>, SimulateError> {
        let failed = |error| SimulateError::Block(block_error(error).to_string());
        let mut requests = None;
        if self.spec.is_prague_active_at_timestamp(header.timestamp) {
            let mut all = Requests::default();
            if !progress.deposits.is_empty() {
                all.push_request_with_type(requests::DEPOSIT_TYPE, progress.deposits.clone());
            }
            SystemCaller::new(self.spec)
                .append_post_execution_changes(evm, &mut all)
                .map_err(failed)?;
            requests = Some(all);
        }
        let ommers: &[Header] = &[];
        let increments = post_block_balance_increments(self.spec, evm.block(), ommers, withdrawals);
        evm.db_mut()
            .increment_balances(increments)
            .map_err(|error| SimulateError::Database(Box::new(error)))?;
        Ok(requests)
    }
}

impl Progress {
    fn seal(self, mut header: Header, withdrawals: Option<Vec<Withdrawal>>) -> SimulatedBlock {
        header.gas_used = self.gas_used;
        header.blob_gas_used = header.blob_gas_used.map(|_| self.blob_gas_used);
        header.transactions_root =
            ordered_trie_root_with_encoder(&self.transactions, |transaction, out| {
                out.extend_from_slice(&transaction.encoded);
            });
        header.receipts_root = calculate_receipt_root(&self.receipts);
        header.logs_bloom = bloom(&self.receipts);
        header.withdrawals_root = withdrawals.as_ref().map(|list| match list.as_slice() {
            [] => EMPTY_ROOT_HASH,
            list => calculate_withdrawals_root(list),
        });
        let header: SealedHeader = Sealed::new(header);
        let size = size(&header, &self.transactions, withdrawals.as_ref());
        SimulatedBlock {
            header,
            size,
            transactions: self.transactions,
            withdrawals,
            calls: self.calls,
        }
    }
}

/// Length of the block in RLP.
fn size(
    header: &Header,
    transactions: &[UnsignedTransaction],
    withdrawals: Option<&Vec<Withdrawal>>,
) -> u64 {
    let list = |payload_length| {
        let header = alloy_rlp::Header { list: true, payload_length };
        header.length_with_payload()
    };
    let bodies = transactions.iter().map(UnsignedTransaction::body_length).sum();
    let withdrawals = withdrawals.map_or(0, Encodable::length);
    list(header.length() + list(bodies) + list(0) + withdrawals) as u64
}

impl From<CallError> for SimulateError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Override(error) => Self::Override(error),
            CallError::Interrupted => Self::Interrupted,
            CallError::OutputTooLarge { bytes_max } => Self::OutputTooLarge { bytes_max },
            CallError::Database(cause) => Self::Database(cause),
            CallError::Evm(cause) => Self::Evm(cause),
            CallError::Transaction(reason) => Self::Evm(reason.to_string()),
            CallError::InsufficientFunds { address, have, want } => Self::Refused {
                sender: address,
                gas: 0,
                reason: InvalidTransaction::LackOfFundForMaxFee {
                    fee: Box::new(want),
                    balance: Box::new(have),
                },
            },
        }
    }
}
