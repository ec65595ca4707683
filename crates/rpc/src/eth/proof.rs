//! `eth_getProof`: Merkle proofs of an account and of slots of it (EIP-1186).

use crate::{
    context::Context,
    error::RpcError,
    json::Quantity,
    method::{Method, Param},
    params::{Args, digits, slot, unquote},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use jsonrpsee::core::RegisterMethodError;
use mfenx_storage::{AccountProof, SlotProof};
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::{Duration, Instant};

/// Slots that are proved before it is asked whether to go on.
const SLOTS_AT_A_TIME: usize = 64;

const GET_PROOF: Method = Method {
    name: "eth_getProof",
    summary: "An account and slots of its storage, with Merkle proofs.",
    params: &[
        Param::required("address", "Address"),
        Param::required("storageKeys", "StorageSlot[]"),
        Param::optional("block", "BlockId"),
    ],
    result: "AccountProof",
    example: r#"["0x5fbdb2315678afecb367f032d93f642f64180aa3",["0x1"],"latest"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &GET_PROOF, get_proof)
}

/// The answer. An account that does not exist has, as in go-ethereum, zero for its hashes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProofJson {
    address: Address,
    account_proof: Vec<Bytes>,
    balance: Quantity<U256>,
    code_hash: B256,
    nonce: Quantity<u64>,
    storage_hash: B256,
    storage_proof: Vec<SlotJson>,
}

#[derive(Serialize)]
struct SlotJson {
    key: KeyJson,
    value: Quantity<U256>,
    proof: Vec<Bytes>,
}

/// A slot as it was asked for: 32 bytes, or a number.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum KeyJson {
    Word(B256),
    Number(Quantity<U256>),
}

impl KeyJson {
    fn parse(json: &str) -> Result<Self, &'static str> {
        let text = unquote(json)?;
        let value = slot(text)?;
        let digits = digits(text).unwrap_or(text).len();
        Ok(if digits.div_ceil(2) == B256::len_bytes() {
            Self::Word(value.into())
        } else {
            Self::Number(Quantity(value))
        })
    }

    fn slot(self) -> B256 {
        match self {
            Self::Word(slot) => slot,
            Self::Number(Quantity(slot)) => slot.into(),
        }
    }
}

fn get_proof(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<ProofJson, RpcError> {
    let limits = &context.limits;
    let deadline = Instant::now() + Duration::from_millis(limits.proof_time_ms_max);
    let address = args.address(0)?;
    let keys = keys(args, limits.proof_slots_max)?;
    let block = args.block_or_latest(2)?;
    let reader = context.store.reader()?;
    let number = block.existing_number(&reader)?;
    let slots: Vec<B256> = keys.iter().map(|key| key.slot()).collect();
    let (first, rest) = slots.split_at(slots.len().min(SLOTS_AT_A_TIME));
    let mut proof = reader.proof_at(number, address, first)?;
    for slots in rest.chunks(SLOTS_AT_A_TIME) {
        if cancel.is_cancelled() {
            return Err(RpcError::Cancelled);
        }
        if Instant::now() > deadline {
            return Err(RpcError::CallTimeout { seconds: limits.proof_time_ms_max / 1_000 });
        }
        proof.slots.extend(reader.proof_at(number, address, slots)?.slots);
    }
    Ok(answer(address, proof, &keys))
}

fn keys(args: &Args<'_>, most: usize) -> Result<Vec<KeyJson>, RpcError> {
    let keys: Vec<&RawValue> = match args.json(1) {
        None => return Err(RpcError::MissingArgument { index: 1 }),
        Some(json) => serde_json::from_str(json)
            .map_err(|_| RpcError::argument(1, "a list of storage keys is expected here"))?,
    };
    if keys.len() > most {
        return Err(RpcError::argument(1, format!("too many slots (max {most})")));
    }
    let key = |(index, key): (usize, &&RawValue)| {
        KeyJson::parse(key.get()).map_err(|reason| {
            RpcError::argument(1, format!("unable to decode storage key {index}: {reason}"))
        })
    };
    keys.iter().enumerate().map(key).collect()
}

fn answer(address: Address, proof: AccountProof, keys: &[KeyJson]) -> ProofJson {
    let slots = keys.iter().zip(proof.slots).map(|(key, slot)| {
        let SlotProof { value, nodes, .. } = slot;
        SlotJson { key: *key, value: Quantity(value), proof: nodes }
    });
    let storage_proof = slots.collect();
    let state = proof.state;
    ProofJson {
        address,
        account_proof: proof.nodes,
        balance: Quantity(state.map_or(U256::ZERO, |state| state.balance)),
        code_hash: state.map_or(B256::ZERO, |state| state.code_hash),
        nonce: Quantity(state.map_or(0, |state| state.nonce)),
        storage_hash: state.map_or(B256::ZERO, |_| proof.storage_root),
        storage_proof,
    }
}
