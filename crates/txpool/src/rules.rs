//! What the chain's rules say about a transaction before anybody looks at its sender's account.

use crate::{
    blobs::{BlobRules, Sidecar, sidecar_bytes},
    config::PoolConfig,
    error::PoolError,
};
use alloy_consensus::{Transaction as _, Typed2718};
use alloy_eips::Encodable2718;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Header, Transaction};
use revm::{
    context_interface::cfg::GasParams,
    primitives::{eip3860::MAX_INITCODE_SIZE, hardfork::SpecId},
};

/// The rules at one head block, as go-ethereum's pool applies them: the fork in force is that of
/// the head, for the time of the next block is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    fork: SpecId,
    gas: GasParams,
    chain_id: u64,
    block_gas_limit: u64,
    gas_limit_cap: Option<u64>,
    max_tx_bytes: usize,
    max_blob_tx_bytes: usize,
    min_tip: u128,
    accepts_blobs: bool,
    /// None before Cancun.
    blobs: Option<BlobRules>,
}

impl Rules {
    pub(crate) fn at(spec: &ChainSpec, head: &Header, config: &PoolConfig) -> Self {
        let fork = alloy_evm::spec(spec, head);
        Self {
            fork,
            gas: GasParams::new_spec(fork),
            chain_id: spec.chain_id(),
            block_gas_limit: head.gas_limit,
            gas_limit_cap: spec.tx_gas_limit_cap_at(head.timestamp),
            max_tx_bytes: config.max_tx_bytes,
            max_blob_tx_bytes: config.max_blob_tx_bytes,
            accepts_blobs: spec.accepts_blobs(),
            blobs: BlobRules::at(spec, head.timestamp),
            min_tip: config.min_tip_wei,
        }
    }

    pub(crate) const fn fork(&self) -> SpecId {
        self.fork
    }

    pub(crate) const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    pub(crate) const fn block_gas_limit(&self) -> u64 {
        self.block_gas_limit
    }

    /// Every check that needs no state, in go-ethereum's order; the proofs of a sidecar are left to
    /// [`blobs::verify`](crate::blobs::verify).
    pub(crate) fn check(
        &self,
        tx: &Transaction,
        sidecar: Option<&Sidecar>,
    ) -> Result<(), PoolError> {
        self.check_form(tx, sidecar)?;
        self.check_gas_limit(tx.gas_limit())?;
        let (tip, max_fee) = (tx.priority_fee_or_price(), tx.max_fee_per_gas());
        if tip > max_fee {
            return Err(PoolError::TipAboveFeeCap { tip, max_fee });
        }
        self.check_signature(tx)?;
        if tx.nonce() == u64::MAX {
            return Err(PoolError::NonceMax);
        }
        self.check_intrinsic_gas(tx)?;
        if tip < self.min_tip {
            return Err(PoolError::TipTooLow { tip, needed: self.min_tip });
        }
        if tx.authorization_list().is_some_and(<[_]>::is_empty) {
            return Err(PoolError::EmptyAuthorizationList);
        }
        match (tx, self.blobs) {
            (Transaction::Eip4844(tx), Some(blobs)) => blobs.check(tx.tx(), sidecar),
            _ => Ok(()),
        }
    }

    /// Type, size, protection against replay, size of init code.
    fn check_form(&self, tx: &Transaction, sidecar: Option<&Sidecar>) -> Result<(), PoolError> {
        let ty = tx.ty();
        if tx.is_eip4844() && !self.accepts_blobs {
            return Err(PoolError::UnsupportedType { ty });
        }
        let size = tx.encode_2718_len() + sidecar.map_or(0, sidecar_bytes);
        let limit = if tx.is_eip4844() { self.max_blob_tx_bytes } else { self.max_tx_bytes };
        if size > limit {
            return Err(PoolError::Oversized { size, limit });
        }
        let needs = [
            (ty != 0, SpecId::BERLIN, "Berlin"),
            (tx.is_eip1559(), SpecId::LONDON, "London"),
            (tx.is_eip4844(), SpecId::CANCUN, "Cancun"),
            (tx.is_eip7702(), SpecId::PRAGUE, "Prague"),
        ];
        if let Some((.., fork)) = needs.iter().find(|(is, fork, _)| *is && self.fork < *fork) {
            return Err(PoolError::TypeNotYetActive { ty, fork });
        }
        if !tx.is_replay_protected() {
            return Err(PoolError::Unprotected);
        }
        let size = tx.input().len();
        if tx.is_create() && self.fork >= SpecId::SHANGHAI && size > MAX_INITCODE_SIZE {
            return Err(PoolError::InitCodeTooLarge { size, limit: MAX_INITCODE_SIZE });
        }
        Ok(())
    }

    fn check_gas_limit(&self, gas_limit: u64) -> Result<(), PoolError> {
        if let Some(cap) = self.gas_limit_cap.filter(|cap| gas_limit > *cap) {
            return Err(PoolError::GasLimitTooHigh { cap, gas_limit });
        }
        let block_gas_limit = self.block_gas_limit;
        if gas_limit > block_gas_limit {
            return Err(PoolError::ExceedsBlockGasLimit { gas_limit, block_gas_limit });
        }
        Ok(())
    }

    /// Chain ID and EIP-2; that the sender is who signed was established by recovering it.
    fn check_signature(&self, tx: &Transaction) -> Result<(), PoolError> {
        let want = self.chain_id;
        if let Some(have) = tx.chain_id().filter(|have| *have != want) {
            return Err(PoolError::InvalidChainId { have, want });
        }
        if tx.signature().normalize_s().is_some() {
            return Err(PoolError::InvalidSignature);
        }
        Ok(())
    }

    /// EIP-2, 2028, 2930, 3860, 7702 and the floor of EIP-7623, by the execution's own tables.
    fn check_intrinsic_gas(&self, tx: &Transaction) -> Result<(), PoolError> {
        let list = tx.access_list();
        let accounts = list.map_or(0, |list| list.len() as u64);
        let keys = list.map_or(0, |list| list.storage_keys_count() as u64);
        let authorizations = tx.authorization_count().unwrap_or_default();
        let needed = self.gas.initial_tx_gas(
            tx.input(),
            tx.is_create(),
            accounts,
            keys,
            authorizations,
            None,
        );
        let gas = tx.gas_limit();
        if gas < needed.initial_total_gas() {
            return Err(PoolError::IntrinsicGas { gas, needed: needed.initial_total_gas() });
        }
        if self.fork >= SpecId::PRAGUE && gas < needed.floor_gas() {
            return Err(PoolError::FloorDataGas { gas, needed: needed.floor_gas() });
        }
        Ok(())
    }
}
