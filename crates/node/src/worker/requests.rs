//! What an operator asks of the contract beside the work.

use super::{BackendChoice, WorkerAccess, device};
use crate::error::NodeError;
use alloy_primitives::{Address, B256, U256};
use mfenx_client::Receipt;
use mfenx_worker::{ICompute, Record, Status, Wishes};
use std::num::NonZeroUsize;

/// The worker as the contract has it, none when it is not registered; and what is held against it, of
/// one that is not registered against its key and operator.
///
/// # Errors
/// The node does not answer.
pub fn worker_status(access: &WorkerAccess) -> Result<(Option<Status>, Record), NodeError> {
    let opened = access.open()?;
    let contract = &opened.contract;
    if let Some(status) = mfenx_worker::status(contract, opened.name()?)? {
        let record = status.record.clone();
        return Ok((Some(status), record));
    }
    let key = opened.key.verifying_key().to_bytes().into();
    Ok((None, mfenx_worker::record(contract, opened.operator, key, B256::ZERO)?))
}

/// What an operator asks of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerRequest {
    /// Leave the pool; jobs under way are finished.
    Exit,
    /// Make the stake of a worker that has left due.
    Release,
    /// Pay out what is due to the operator, to this account.
    Withdraw(Option<Address>),
    /// Change which orders are taken; class and stake of these wishes are no terms.
    Terms(Wishes),
    /// Declare a device anew, and a class if there is one. The measurement is void after that.
    Attest {
        /// The kind of device.
        backend: BackendChoice,
        /// Which card, as CUDA counts them.
        card: usize,
        /// The class; none for the one that it has.
        class: Option<u8>,
    },
    /// Let this account commit, open and change terms beside the operator; 0 for none.
    Agent(Address),
    /// Stake so many wei more.
    Stake(U256),
}

/// Sends an operator's request; the transaction's receipt.
///
/// # Errors
/// The contract refuses, and says why; or there is no such device.
pub fn worker_request(access: &WorkerAccess, request: WorkerRequest) -> Result<Receipt, NodeError> {
    let opened = access.open()?;
    let (worker, contract) = (opened.name()?, &opened.contract);
    let receipt = match request {
        WorkerRequest::Exit => contract.send(&ICompute::exitCall { worker }, U256::ZERO),
        WorkerRequest::Release => contract.send(&ICompute::releaseCall { worker }, U256::ZERO),
        WorkerRequest::Withdraw(to) => {
            let to = to.unwrap_or_else(|| contract.account());
            contract.send(&ICompute::withdrawCall { to }, U256::ZERO)
        }
        WorkerRequest::Terms(wishes) => mfenx_worker::set_terms(contract, worker, &wishes),
        WorkerRequest::Attest { backend, card, class } => {
            let (_, detected) = device(backend, NonZeroUsize::MIN, card)?;
            mfenx_worker::attest(contract, worker, &opened.key, class, &detected)
        }
        WorkerRequest::Agent(agent) => {
            contract.send(&ICompute::setAgentCall { worker, agent }, U256::ZERO)
        }
        WorkerRequest::Stake(value) => contract.send(&ICompute::addStakeCall { worker }, value),
    };
    Ok(receipt?)
}

/// Ends a job, of whatever worker, that missed its deadline or its opening; the transaction's receipt.
/// Anybody may: an account is enough.
///
/// # Errors
/// The contract refuses, and says why.
pub fn lapse_job(access: &WorkerAccess, job: U256) -> Result<Receipt, NodeError> {
    let contract = access.contract(access.passphrase()?.as_ref())?;
    Ok(contract.send(&ICompute::lapseCall { job }, U256::ZERO)?)
}

/// Ends the benchmark that a round asked of a worker, of whomever, and that was not answered; the
/// transaction's receipt. Anybody may: an account is enough.
///
/// # Errors
/// The contract refuses, and says why.
pub fn miss_round(
    access: &WorkerAccess,
    round: U256,
    worker: Address,
) -> Result<Receipt, NodeError> {
    let contract = access.contract(access.passphrase()?.as_ref())?;
    Ok(contract.send(&ICompute::missCall { round, worker }, U256::ZERO)?)
}

/// Lets the contract look again whether a worker, of whomever, can be drawn; the transaction's receipt.
/// Anybody may: an account is enough.
///
/// # Errors
/// The contract refuses, and says why.
pub fn refresh_worker(access: &WorkerAccess, worker: Address) -> Result<Receipt, NodeError> {
    let contract = access.contract(access.passphrase()?.as_ref())?;
    Ok(contract.send(&ICompute::refreshCall { worker }, U256::ZERO)?)
}
