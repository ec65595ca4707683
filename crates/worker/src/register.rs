//! Becoming a worker.

use crate::{
    book::Book,
    contract::{Contract, events_of},
    device::Detected,
    error::WorkerError,
    interface::ICompute::{self, Device, IComputeEvents as Event, Terms},
    report::find,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use ed25519_dalek::{Signer, SigningKey};
use std::path::Path;

/// What a worker is registered with.
#[derive(Debug, Clone)]
pub struct Registration<'a> {
    /// Its key, which also signs the attestation.
    pub key: &'a SigningKey,
    /// Who may commit and open for it beside the operator; 0 for none.
    pub agent: Address,
    /// The class, an index into the contract's `classes()`.
    pub class: u8,
    /// Jobs at a time.
    pub capacity: u32,
    /// Least reward of a result, gwei.
    pub base: u64,
    /// And gwei for 10^12 multiply-adds.
    pub price: u64,
    /// The device.
    pub device: &'a Detected,
    /// Wei; the least that the contract takes when there is none.
    pub stake: Option<U256>,
}

/// The name of the worker that `operator` registers with `key`.
///
/// # Errors
/// The node does not answer.
pub fn name_of(
    contract: &Contract,
    operator: Address,
    key: &SigningKey,
) -> Result<Address, WorkerError> {
    let key = B256::from(key.verifying_key().to_bytes());
    contract.view(&ICompute::workerOfCall { operator, key })
}

/// Looks whether a directory can be that of this worker, and of no other, before anything is staked for
/// it.
///
/// # Errors
/// It is another worker's, or in use, or has read more of the chain than there is.
pub fn check_directory(
    contract: &Contract,
    worker: Address,
    directory: &Path,
) -> Result<(), WorkerError> {
    Book::open(directory, contract.chain_id(), worker, 0)?.check_head(contract.head()?.number)
}

/// A device as it is declared, and the key's signature on it and on the class.
pub(crate) fn declaration(
    contract: &Contract,
    operator: Address,
    signer: &SigningKey,
    class: u8,
    device: &Detected,
) -> Result<(Device, Bytes), WorkerError> {
    let (key, device) = (B256::from(signer.verifying_key().to_bytes()), Device::from(device));
    let call = ICompute::attestationDigestCall { operator, key, class, device: device.clone() };
    let digest = contract.view(&call)?;
    Ok((device, signer.sign(digest.as_slice()).to_bytes().to_vec().into()))
}

/// Registers a worker of the contract's account, unless it is registered, and says its name.
///
/// # Errors
/// The contract refuses, and says why.
pub fn register(contract: &Contract, it: &Registration<'_>) -> Result<Address, WorkerError> {
    let operator = contract.account();
    let key = B256::from(it.key.verifying_key().to_bytes());
    let worker = name_of(contract, operator, it.key)?;
    if find(contract, worker)?.is_some() {
        return Ok(worker);
    }
    let (device, signature) = declaration(contract, operator, it.key, it.class, it.device)?;
    let stake = match it.stake {
        Some(stake) => stake,
        None => U256::from(contract.view(&ICompute::paramsCall {})?.stakeMin),
    };
    let call = ICompute::registerCall {
        key,
        agent: it.agent,
        class: it.class,
        terms: Terms { capacity: it.capacity, base: it.base, price: it.price },
        device,
        signature,
    };
    let receipt = contract.send(&call, stake)?;
    let registered = events_of(&receipt).into_iter().find_map(|event| match event {
        Event::Registered(it) => Some(it.worker),
        _ => None,
    });
    Ok(registered.unwrap_or(worker))
}
