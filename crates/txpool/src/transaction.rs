//! A transaction as the pool keeps it, with what the pool asks of it all the time.

use crate::{
    blobs::{Sidecar, sidecar_bytes},
    config::PoolConfig,
    error::PoolError,
};
use alloy_consensus::Transaction as _;
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, U256};
use mfenx_primitives::RecoveredTransaction;
use std::{collections::BTreeSet, sync::Arc};

/// A transaction with its fees, cost and size at hand.
#[derive(Debug, Clone)]
pub(crate) struct PooledTransaction {
    pub(crate) transaction: Arc<RecoveredTransaction>,
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
    pub(crate) gas_limit: u64,
    /// Maximal fee per gas, in wei.
    pub(crate) max_fee: u128,
    /// Maximal priority fee per gas, or the gas price, in wei.
    pub(crate) tip: u128,
    /// Maximal fee per blob gas, in wei; none for a transaction without blobs.
    pub(crate) max_blob_fee: Option<u128>,
    /// Gas limit times maximal fee, the same of blob gas, plus value, in wei; the largest number if
    /// it is larger still.
    pub(crate) cost: U256,
    /// Encoded length (EIP-2718), with the sidecar.
    pub(crate) bytes: usize,
    /// The blobs, their commitments and proofs. It leaves with the transaction.
    pub(crate) sidecar: Option<Arc<Sidecar>>,
    /// Accounts that this transaction delegates (EIP-7702), each once.
    pub(crate) authorities: Box<[Address]>,
    /// Grows with every transaction that the pool takes in; breaks ties.
    pub(crate) arrival: u64,
    /// If executable: the lowest effective tip among this and its sender's earlier ones.
    pub(crate) floor: i128,
    /// Whether it stands in the executable front of its sender's queue.
    pub(crate) executable: bool,
}

impl PooledTransaction {
    /// Without its authorities, whose recovery is dear: see [`Self::recover_authorities`].
    pub(crate) fn new(transaction: RecoveredTransaction, sidecar: Option<Arc<Sidecar>>) -> Self {
        let tx = transaction.inner();
        let gas_cost = U256::from(tx.gas_limit()) * U256::from(tx.max_fee_per_gas());
        let max_blob_fee = tx.max_fee_per_blob_gas();
        let blob_cost = U256::from(tx.blob_gas_used().unwrap_or_default())
            * U256::from(max_blob_fee.unwrap_or_default());
        Self {
            hash: *tx.tx_hash(),
            sender: transaction.signer(),
            nonce: tx.nonce(),
            gas_limit: tx.gas_limit(),
            max_fee: tx.max_fee_per_gas(),
            tip: tx.priority_fee_or_price(),
            max_blob_fee,
            cost: gas_cost.saturating_add(blob_cost).saturating_add(tx.value()),
            bytes: tx.encode_2718_len() + sidecar.as_deref().map_or(0, sidecar_bytes),
            sidecar,
            authorities: Box::default(),
            arrival: 0,
            floor: i128::MAX,
            executable: false,
            transaction: Arc::new(transaction),
        }
    }

    /// Recovers who signed the authorizations that count on this chain. One elliptic-curve
    /// recovery each, so this belongs outside the pool's lock, after all cheaper checks.
    pub(crate) fn recover_authorities(&mut self, chain_id: u64) {
        let Some(list) = self.transaction.authorization_list() else { return };
        let authorities: BTreeSet<_> = list
            .iter()
            .filter(|signed| signed.chain_id.is_zero() || signed.chain_id == U256::from(chain_id))
            .filter_map(|signed| signed.recover_authority().ok())
            .collect();
        self.authorities = authorities.into_iter().collect();
    }

    /// What the block's author gets per gas at `base_fee`, negative when the base fee is not even
    /// covered; saturates above `i128::MAX`.
    pub(crate) fn effective_tip(&self, base_fee: u64) -> i128 {
        let signed = |fee: u128| i128::try_from(fee).unwrap_or(i128::MAX);
        signed(self.tip).min(signed(self.max_fee) - i128::from(base_fee))
    }

    /// Whether it carries blobs.
    pub(crate) const fn is_blob(&self) -> bool {
        self.max_blob_fee.is_some()
    }

    /// Whether the fees of `other` suffice to replace this transaction.
    pub(crate) fn check_replacement(
        &self,
        other: &Self,
        config: &PoolConfig,
    ) -> Result<(), PoolError> {
        let percent =
            if self.is_blob() { config.blob_price_bump_percent } else { config.price_bump_percent };
        let (needed_max_fee, needed_tip) =
            (raised(self.max_fee, percent), raised(self.tip, percent));
        let needed_blob_fee = self.max_blob_fee.map_or(0, |fee| raised(fee, percent));
        if other.max_fee < needed_max_fee
            || other.tip < needed_tip
            || other.max_blob_fee.unwrap_or(0) < needed_blob_fee
        {
            return Err(PoolError::ReplacementUnderpriced {
                needed_max_fee,
                needed_tip,
                needed_blob_fee,
            });
        }
        Ok(())
    }
}

/// `fee` raised by `percent`, rounded down, but by one at least.
const fn raised(fee: u128, percent: u8) -> u128 {
    let percent = percent as u128;
    let whole = (fee / 100).saturating_mul(percent);
    let rise = whole.saturating_add(fee % 100 * percent / 100);
    fee.saturating_add(if rise == 0 { 1 } else { rise })
}

#[cfg(test)]
mod tests {
    use super::raised;

    #[test]
    fn a_rise_is_exact_and_never_nothing() {
        assert_eq!(raised(0, 10), 1);
        assert_eq!(raised(9, 10), 10);
        assert_eq!(raised(19, 10), 20);
        assert_eq!(raised(105, 10), 115);
        assert_eq!(raised(1_000_000_007, 10), 1_100_000_007);
        assert_eq!(raised(100, 0), 101);
        assert_eq!(raised(u128::MAX, 100), u128::MAX);
    }
}
