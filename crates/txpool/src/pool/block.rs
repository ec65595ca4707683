//! What a new head block changes.

use super::Pool;
use crate::{
    event::{DropReason, PoolEvent},
    rules::Rules,
    transaction::PooledTransaction,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use mfenx_primitives::{AccountState, RecoveredBlock};
use std::sync::Arc;

impl Pool {
    /// Moves the pool to a new head: what it mined leaves, what can no longer stand in a block is
    /// dropped, the rest is divided anew by the accounts in `changed`. A sender that is not in
    /// `changed` keeps its balance, and its nonce but for what the block itself shows.
    pub(crate) fn on_block(
        &mut self,
        block: &RecoveredBlock,
        next_base_fee: u64,
        changed: &[(Address, AccountState)],
    ) {
        let rules = Rules::at(&self.spec, block.header(), &self.config);
        let forked = rules.fork() != self.rules.fork();
        if rules != *self.rules {
            self.rules = Arc::new(rules);
        }
        self.head_number = block.number();
        self.base_fee = next_base_fee;
        self.take_mined(block);
        for (address, account) in changed {
            if let Some(sender) = self.senders.get_mut(address) {
                sender.account = *account;
            }
        }
        let addresses: Vec<_> = self.senders.keys().copied().collect();
        for address in addresses {
            self.drop_impossible(address, forked);
            self.settle(address);
        }
    }

    fn take_mined(&mut self, block: &RecoveredBlock) {
        for (tx, signer) in block.transactions_with_sender() {
            let hash = *tx.tx_hash();
            if let Some((sender, nonce)) = self.by_hash.get(&hash).copied() {
                self.detach(sender, nonce);
                self.events.push(PoolEvent::Mined {
                    hash,
                    block_number: block.number(),
                    block_hash: block.hash(),
                });
            }
            if let Some(sender) = self.senders.get_mut(&signer) {
                let nonce = tx.nonce().saturating_add(1);
                sender.account.nonce = sender.account.nonce.max(nonce);
            }
        }
    }

    /// Drops those of a sender's transactions that no later block can hold either.
    fn drop_impossible(&mut self, address: Address, forked: bool) {
        let Some(sender) = self.senders.get(&address) else { return };
        let (account, limit) = (sender.account, self.rules.block_gas_limit());
        let impossible = |tx: &PooledTransaction| -> Option<DropReason> {
            if tx.nonce < account.nonce {
                Some(DropReason::Stale)
            } else if tx.gas_limit > limit {
                Some(DropReason::ExceedsBlockGasLimit)
            } else if tx.cost > account.balance {
                Some(DropReason::Unpayable)
            } else if forked {
                let checked = self.rules.check(tx.transaction.inner(), tx.sidecar.as_deref());
                checked.err().map(|error| DropReason::Invalid(error.to_string()))
            } else {
                None
            }
        };
        let dropped: Vec<_> = sender
            .transactions
            .iter()
            .filter_map(|(nonce, tx)| Some((*nonce, impossible(tx)?)))
            .collect();
        for (nonce, reason) in dropped {
            self.drop_transaction(address, nonce, reason);
        }
    }
}
