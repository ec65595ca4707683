//! A call as a transaction that nobody signed.

use super::SimulateError;
use alloy_consensus::{
    EthereumTypedTransaction, Signed, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
    transaction::RlpEcdsaEncodableTx,
};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, keccak256};
use alloy_rlp::{BufMut, EMPTY_STRING_CODE, Encodable, Header as RlpHeader};
use alloy_rpc_types_eth::TransactionRequest;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::Transaction;
use revm::{context::TxEnv, primitives::hardfork::SpecId};

/// A transaction whose signature is three zeros, which no signed one has: its hash and encoding
/// are its own.
#[derive(Debug, Clone)]
pub struct UnsignedTransaction {
    /// The transaction with its hash. The signature of a legacy one would encode `v` otherwise.
    pub transaction: Transaction,
    /// Who sends it.
    pub sender: Address,
    /// As it stands in the block's trie (EIP-2718).
    pub encoded: Bytes,
}

impl UnsignedTransaction {
    /// Its length in the body of a block: typed ones stand in a string there.
    pub(super) fn body_length(&self) -> usize {
        if self.transaction.is_legacy() { self.encoded.len() } else { self.encoded.length() }
    }
}

/// What the EVM runs and what stands in the block.
pub(super) struct Prepared {
    pub(super) environment: TxEnv,
    pub(super) unsigned: UnsignedTransaction,
}

/// A call with everything filled in, in a block of `fork`.
///
/// # Errors
/// Fields that contradict each other or the chain.
pub(super) fn prepare(
    call: &TransactionRequest,
    spec: &ChainSpec,
    fork: SpecId,
    nonce: u64,
    gas: u64,
) -> Result<Prepared, SimulateError> {
    let refuse = |text: String| Err(SimulateError::Arguments(text));
    let has_fees = call.max_fee_per_gas.is_some() || call.max_priority_fee_per_gas.is_some();
    if call.gas_price.is_some() && has_fees {
        return refuse(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned(),
        );
    }
    let chain_id = spec.chain_id();
    if let Some(have) = call.chain_id.filter(|have| *have != chain_id) {
        return refuse(format!("chainId does not match node's (have={have}, want={chain_id})"));
    }
    let environment = environment(call, chain_id, fork, nonce, gas);
    let typed = typed(call, &environment, fork);
    let sender = environment.caller;
    Ok(Prepared { environment, unsigned: unsigned(typed, sender) })
}

/// The transaction of a call whose fields are filled in, under the rules of `fork`.
///
/// # Errors
/// Fields that contradict each other or the chain.
pub fn unsigned_transaction(
    call: &TransactionRequest,
    spec: &ChainSpec,
    fork: SpecId,
) -> Result<UnsignedTransaction, SimulateError> {
    let nonce = call.nonce.unwrap_or_default();
    let gas = call.gas.unwrap_or_default();
    prepare(call, spec, fork, nonce, gas).map(|prepared| prepared.unsigned)
}

fn environment(
    call: &TransactionRequest,
    chain_id: u64,
    fork: SpecId,
    nonce: u64,
    gas_limit: u64,
) -> TxEnv {
    let tx_type = if call.authorization_list.is_some() {
        4
    } else if call.blob_versioned_hashes.is_some() {
        3
    } else if fork >= SpecId::LONDON {
        2
    } else {
        u8::from(call.access_list.is_some() && fork >= SpecId::BERLIN)
    };
    // With a gas price, all of it above the base fee is the tip.
    let tip = call.gas_price.or(call.max_priority_fee_per_gas).unwrap_or_default();
    let mut environment = TxEnv {
        tx_type,
        caller: call.from.unwrap_or_default(),
        gas_limit,
        gas_price: call.gas_price.or(call.max_fee_per_gas).unwrap_or_default(),
        kind: call.to.unwrap_or(TxKind::Create),
        value: call.value.unwrap_or_default(),
        data: call.input.input().cloned().unwrap_or_default(),
        nonce,
        chain_id: Some(chain_id),
        access_list: call.access_list.clone().unwrap_or_default(),
        gas_priority_fee: (tx_type >= 2).then_some(tip),
        blob_hashes: call.blob_versioned_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: call.max_fee_per_blob_gas.unwrap_or_default(),
        authorization_list: Vec::new(),
    };
    if tx_type != 3 {
        environment.max_fee_per_blob_gas = 0;
        environment.blob_hashes = Vec::new();
    }
    environment.set_signed_authorization(call.authorization_list.clone().unwrap_or_default());
    environment
}

/// A gas price makes it a legacy one whatever else there is, as do the forks that know no other
/// price.
fn typed(
    call: &TransactionRequest,
    tx: &TxEnv,
    fork: SpecId,
) -> EthereumTypedTransaction<TxEip4844> {
    let chain_id = tx.chain_id.unwrap_or_default();
    let TxEnv { gas_limit, nonce, value, kind, gas_price: max_fee_per_gas, .. } = *tx;
    let (input, access_list) = (tx.data.clone(), tx.access_list.clone());
    let max_priority_fee_per_gas = tx.gas_priority_fee.unwrap_or_default();
    if call.gas_price.is_some() || fork < SpecId::LONDON {
        let gas_price = max_fee_per_gas;
        return TxLegacy { chain_id: None, nonce, gas_price, gas_limit, to: kind, value, input }
            .into();
    }
    // A creation with blobs or authorizations is refused before anybody sees it.
    let to = kind.to().copied().unwrap_or_default();
    match tx.tx_type {
        4 => TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            authorization_list: call.authorization_list.clone().unwrap_or_default(),
            input,
        }
        .into(),
        3 => TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            blob_versioned_hashes: tx.blob_hashes.clone(),
            max_fee_per_blob_gas: tx.max_fee_per_blob_gas,
            input,
        }
        .into(),
        _ => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: kind,
            value,
            access_list,
            input,
        }
        .into(),
    }
}

fn unsigned(typed: EthereumTypedTransaction<TxEip4844>, sender: Address) -> UnsignedTransaction {
    let zeros = Signature::new(U256::ZERO, U256::ZERO, false);
    let mut encoded = Vec::new();
    match &typed {
        EthereumTypedTransaction::Legacy(tx) => encode_legacy(tx, &mut encoded),
        EthereumTypedTransaction::Eip2930(tx) => tx.eip2718_encode(&zeros, &mut encoded),
        EthereumTypedTransaction::Eip1559(tx) => tx.eip2718_encode(&zeros, &mut encoded),
        EthereumTypedTransaction::Eip4844(tx) => tx.eip2718_encode(&zeros, &mut encoded),
        EthereumTypedTransaction::Eip7702(tx) => tx.eip2718_encode(&zeros, &mut encoded),
    }
    let hash = keccak256(&encoded);
    let transaction = match typed {
        EthereumTypedTransaction::Legacy(tx) => Signed::new_unchecked(tx, zeros, hash).into(),
        EthereumTypedTransaction::Eip2930(tx) => {
            Signed::<TxEip2930>::new_unchecked(tx, zeros, hash).into()
        }
        EthereumTypedTransaction::Eip1559(tx) => Signed::new_unchecked(tx, zeros, hash).into(),
        EthereumTypedTransaction::Eip4844(tx) => Signed::new_unchecked(tx, zeros, hash).into(),
        EthereumTypedTransaction::Eip7702(tx) => Signed::new_unchecked(tx, zeros, hash).into(),
    };
    UnsignedTransaction { transaction, sender, encoded: encoded.into() }
}

/// With three zeros for a signature.
fn encode_legacy(tx: &TxLegacy, out: &mut Vec<u8>) {
    let payload_length = tx.rlp_encoded_fields_length() + 3;
    RlpHeader { list: true, payload_length }.encode(out);
    tx.rlp_encode_fields(out);
    out.put_bytes(EMPTY_STRING_CODE, 3);
}
