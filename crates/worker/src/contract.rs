//! The Compute contract as a worker, a buyer or an authority calls it.

use crate::{
    error::WorkerError,
    interface::{COMPUTE_ADDRESS, ICompute},
    refusal,
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_sol_types::{SolCall, SolEvent, SolEventInterface};
use mfenx_client::{Client, ClientError, Receipt, ReceiptLog, Sender, Sent};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// Gas above the estimate of a batch: what failed when it was tried may cost more when it does not.
const GAS_RESERVE: u64 = 300_000;
/// Longest wait for a receipt, in seconds.
const INCLUSION_SECONDS_MAX: u64 = 60;

/// A head: height and timestamp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
}

#[derive(Deserialize)]
struct HeaderJson {
    number: U64,
    timestamp: U64,
}

/// An event and the block it is in.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) block: u64,
    pub(crate) event: ICompute::IComputeEvents,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogJson {
    block_number: U64,
    #[serde(flatten)]
    log: ReceiptLog,
}

#[derive(Deserialize)]
struct SimulatedBlock {
    calls: Vec<SimulatedCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedCall {
    status: U64,
    return_data: Bytes,
}

/// The contract, reached through a node, and the account that calls it.
#[derive(Debug, Clone)]
pub struct Contract {
    client: Client,
    sender: Sender,
    chain_id: u64,
}

impl Contract {
    /// Reaches the contract.
    ///
    /// # Errors
    /// Nobody answers, or the chain has no such contract.
    pub fn connect(
        client: Client,
        sender: impl FnOnce(Client, u64) -> Sender,
    ) -> Result<Self, WorkerError> {
        let chain_id = client.quantity("eth_chainId", json!([]))?;
        let code: Bytes = client.call("eth_getCode", json!([COMPUTE_ADDRESS, "latest"]))?;
        if code.is_empty() {
            let url = client.url().to_owned();
            return Err(WorkerError::NoContract { url, address: COMPUTE_ADDRESS });
        }
        let sender = sender(client.clone(), chain_id);
        Ok(Self { client, sender, chain_id })
    }

    /// The chain.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The account that pays.
    pub const fn account(&self) -> Address {
        self.sender.address()
    }

    /// What a view returns in the latest state.
    ///
    /// # Errors
    /// The node does not answer, or the contract refuses.
    pub fn view<C: SolCall>(&self, call: &C) -> Result<C::Return, WorkerError> {
        self.client.view(COMPUTE_ADDRESS, call, "latest").map_err(WorkerError::from_client)
    }

    /// The head.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn head(&self) -> Result<Head, WorkerError> {
        let head: HeaderJson =
            self.client.call("eth_getBlockByNumber", json!(["latest", false]))?;
        Ok(Head { number: head.number.to(), timestamp: head.timestamp.to() })
    }

    /// What the precompile at the beacon's address gives for `height`: the VRF output.
    ///
    /// # Errors
    /// The node does not answer, or has no beacon of that block.
    pub fn vrf_output(&self, height: u64) -> Result<Bytes, WorkerError> {
        let call = crate::interface::beaconCall { height: U256::from(height) };
        let found = self.client.view(crate::interface::BEACON_ADDRESS, &call, "latest");
        Ok(found.map_err(WorkerError::from_client)?.beta)
    }

    /// Events of blocks `from` to `to` with one of `signatures`; `of` is the worker whose name stands
    /// in the topic with this index.
    pub(crate) fn events(
        &self,
        (from, to): (u64, u64),
        signatures: &[B256],
        of: Option<(usize, Address)>,
    ) -> Result<Vec<Happened>, WorkerError> {
        let mut topics = vec![json!(signatures)];
        if let Some((index, worker)) = of {
            topics.resize(index, json!(null));
            topics.push(json!([worker.into_word()]));
        }
        let filter = json!([{
            "address": COMPUTE_ADDRESS, "topics": topics,
            "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"),
        }]);
        let logs: Vec<LogJson> = self.client.call("eth_getLogs", filter)?;
        let events = logs.into_iter().filter_map(|log| {
            let event = ICompute::IComputeEvents::decode_log(&log.log.to_log()).ok()?.data;
            Some(Happened { block: log.block_number.to(), event })
        });
        Ok(events.collect())
    }

    /// Sends one call and waits until it is in a block.
    ///
    /// # Errors
    /// The contract refuses, or the transaction does not get into a block.
    pub fn send(&self, call: &impl SolCall, value: U256) -> Result<Receipt, WorkerError> {
        let input = Bytes::from(call.abi_encode());
        let sent = Sent { input, value, gas_reserve: 50_000, ..Sent::to(COMPUTE_ADDRESS) };
        self.wait(self.sender.send(&sent).map_err(WorkerError::from_client)?)
    }

    /// Why a call would be refused in the latest state; none when it would not.
    ///
    /// # Errors
    /// The node does not answer.
    pub(crate) fn refusal(&self, call: &[u8]) -> Result<Option<String>, WorkerError> {
        let from = self.sender.address();
        let input = Bytes::copy_from_slice(call);
        let request = json!([{"from": from, "to": COMPUTE_ADDRESS, "input": input}, "latest"]);
        match self.client.attempt::<Bytes>("eth_call", request) {
            Ok(_) => Ok(None),
            Err(ClientError::Reverted(reason)) => Ok(Some(refusal::words(&reason))),
            Err(ClientError::Rpc { message, .. }) => Ok(Some(message)),
            Err(error) => Err(error.into()),
        }
    }

    /// What each of `calls` would give back in the next block, one after the other as [`Self::send_batch`]
    /// has them; none for those that would be refused. From a node that simulates no blocks the first
    /// alone has an answer.
    ///
    /// # Errors
    /// The node does not answer.
    pub(crate) fn answers(&self, calls: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, WorkerError> {
        let from = self.sender.address();
        let objects: Vec<_> = calls
            .iter()
            .map(|call| json!({"from": from, "to": COMPUTE_ADDRESS, "input": Bytes::copy_from_slice(call)}))
            .collect();
        let payload = json!([{"blockStateCalls": [{"calls": objects}]}, "latest"]);
        match self.client.call::<Vec<SimulatedBlock>>("eth_simulateV1", payload) {
            Ok(blocks) => {
                let done = blocks.into_iter().flat_map(|block| block.calls);
                Ok(done.map(|it| (it.status == U64::from(1)).then_some(it.return_data)).collect())
            }
            Err(ClientError::Rpc { .. }) => {
                let Some(first) = objects.first() else { return Ok(Vec::new()) };
                match self.client.attempt::<Bytes>("eth_call", json!([first, "latest"])) {
                    Ok(answer) => Ok(vec![Some(answer)]),
                    Err(ClientError::Reverted(_) | ClientError::Rpc { .. }) => Ok(vec![None]),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends several calls as one transaction and waits until it is in a block.
    ///
    /// # Errors
    /// As [`Self::send`]. What fails among the calls is no error.
    pub(crate) fn send_batch(&self, calls: Vec<Bytes>) -> Result<Receipt, WorkerError> {
        let input = Bytes::from(ICompute::batchCall { calls }.abi_encode());
        let sent = Sent { input, gas_reserve: GAS_RESERVE, ..Sent::to(COMPUTE_ADDRESS) };
        self.wait(self.sender.send(&sent).map_err(WorkerError::from_client)?)
    }

    fn wait(&self, hash: B256) -> Result<Receipt, WorkerError> {
        let receipt = self.sender.wait(hash, Duration::from_secs(INCLUSION_SECONDS_MAX))?;
        if receipt.status == U64::from(1) { Ok(receipt) } else { Err(WorkerError::Reverted) }
    }
}

/// The events of a receipt that the contract made.
pub(crate) fn events_of(receipt: &Receipt) -> Vec<ICompute::IComputeEvents> {
    let logs = receipt.logs.iter().filter(|log| log.address == COMPUTE_ADDRESS);
    logs.filter_map(|log| ICompute::IComputeEvents::decode_log(&log.to_log()).ok())
        .map(|event| event.data)
        .collect()
}

/// The signature hash of an event.
pub(crate) const fn signature<E: SolEvent>() -> B256 {
    E::SIGNATURE_HASH
}
