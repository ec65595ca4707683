//! Simulated blocks as execution-apis shows them.

use crate::{
    error::halt,
    json::{HeaderJson, LogJson, LogPlace, Mined, Quantity, TransactionJson},
    revert,
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{B256, Bytes};
use mfenx_execution::{CallOutcome, SimulatedBlock, SimulatedCall};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

/// The code of a call that the EVM stopped.
const VM_ERROR: i32 = -32015;
/// The code of a call that reverted.
const REVERTED: i32 = 3;

/// The answer of `eth_simulateV1`.
pub(crate) struct SimulatedBlocks {
    pub(super) blocks: Vec<SimulatedBlock>,
    /// Whether transactions are shown in full, or by their hashes.
    pub(super) full: bool,
}

impl Serialize for SimulatedBlocks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.blocks.iter().map(|block| BlockJson {
            header: HeaderJson::new(&block.header, block.header.hash()),
            size: Quantity(block.size),
            transactions: Transactions { block, full: self.full },
            uncles: [],
            withdrawals: block.withdrawals.as_deref(),
            calls: Calls(block),
        }))
    }
}

#[derive(Serialize)]
struct BlockJson<'a> {
    #[serde(flatten)]
    header: HeaderJson<'a>,
    size: Quantity<u64>,
    transactions: Transactions<'a>,
    uncles: [B256; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawals: Option<&'a [Withdrawal]>,
    calls: Calls<'a>,
}

struct Transactions<'a> {
    block: &'a SimulatedBlock,
    full: bool,
}

impl Serialize for Transactions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SimulatedBlock { header, transactions, .. } = self.block;
        let mut list = serializer.serialize_seq(Some(transactions.len()))?;
        for (index, unsigned) in transactions.iter().enumerate() {
            if self.full {
                let mined = Mined::of(header, header.hash(), index as u64);
                let transaction = &unsigned.transaction;
                let json = TransactionJson::unsigned(transaction, unsigned.sender, mined);
                list.serialize_element(&json)?;
            } else {
                list.serialize_element(unsigned.transaction.tx_hash())?;
            }
        }
        list.end()
    }
}

struct Calls<'a>(&'a SimulatedBlock);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SimulatedBlock { header, transactions, calls, .. } = self.0;
        let calls = transactions.iter().zip(calls).enumerate();
        serializer.collect_seq(calls.map(|(index, (transaction, call))| Call {
            call,
            place: LogPlace {
                transaction_hash: *transaction.transaction.tx_hash(),
                transaction_index: index as u64,
                ..LogPlace::start_of(header, header.hash())
            },
        }))
    }
}

struct Call<'a> {
    call: &'a SimulatedCall,
    /// Of the first log.
    place: LogPlace,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    message: String,
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Bytes>,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SimulatedCall { outcome, gas_used_max, logs } = self.call;
        // What a revert returns is shown with the error only.
        let nothing = Bytes::new();
        let (output, gas_used, error) = match outcome {
            CallOutcome::Success { output, gas_used, .. } => (output, gas_used, None),
            CallOutcome::Revert { output, gas_used } => {
                let message = revert::message(output);
                let error = ErrorJson { message, code: REVERTED, data: Some(output) };
                (&nothing, gas_used, Some(error))
            }
            CallOutcome::Halt { reason, gas_used } => {
                let error = ErrorJson { message: halt(reason), code: VM_ERROR, data: None };
                (&nothing, gas_used, Some(error))
            }
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("returnData", output)?;
        let logs: Vec<_> = logs
            .iter()
            .map(|log| LogJson::new(&log.log, &LogPlace { log_index: log.index, ..self.place }))
            .collect();
        map.serialize_entry("logs", &logs)?;
        map.serialize_entry("gasUsed", &Quantity(*gas_used))?;
        map.serialize_entry("maxUsedGas", &Quantity(*gas_used_max))?;
        map.serialize_entry("status", &Quantity(u64::from(error.is_none())))?;
        if let Some(error) = error {
            map.serialize_entry("error", &error)?;
        }
        map.end()
    }
}
