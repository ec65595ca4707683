//! Recomputes from scratch what the pool keeps up to date, for tests.

use super::Pool;
use crate::{blobs::sidecar_bytes, sender::Sender};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, U256};
use std::collections::{BTreeSet, HashMap};

impl Pool {
    /// Panics unless every invariant holds.
    pub(crate) fn audit(&self) {
        assert!(self.events.is_empty(), "unpublished events");
        let (mut count, mut executable, mut bytes) = (0, 0, 0);
        let mut authorities = HashMap::new();
        for (address, sender) in &self.senders {
            self.audit_sender(*address, sender);
            count += sender.len();
            executable += sender.executable();
            for tx in sender.transactions.values() {
                assert_eq!(self.by_hash.get(&tx.hash), Some(&(*address, tx.nonce)));
                let sidecar = tx.sidecar.as_deref().map_or(0, sidecar_bytes);
                assert_eq!(tx.bytes, tx.transaction.inner().encode_2718_len() + sidecar);
                assert_eq!(tx.is_blob(), sender.has_blobs(), "one kind a sender");
                bytes += tx.bytes;
                for authority in &tx.authorities {
                    *authorities.entry(*authority).or_insert(0) += 1;
                }
            }
        }
        assert_eq!(self.by_hash.len(), count);
        assert_eq!((self.executable, self.bytes), (executable, bytes));
        assert_eq!(self.authorities, authorities);
        let ranks: BTreeSet<_> = self
            .senders
            .iter()
            .filter_map(|(address, sender)| {
                Some((sender.rank_without(0, self.base_fee)?, *address))
            })
            .collect();
        assert_eq!(self.ranks, ranks);
        assert!(count <= self.config.max_transactions);
        assert!(bytes <= self.config.max_bytes);
        assert!(self.senders.len() <= self.config.max_senders);
    }

    fn audit_sender(&self, address: Address, sender: &Sender) {
        let most = self.config.max_per_sender + self.config.max_queued_per_sender;
        assert!((1..=most).contains(&sender.len()));
        assert!(sender.executable() <= self.config.max_per_sender);
        let (mut spent, mut next, mut floor) = (U256::ZERO, sender.account.nonce, i128::MAX);
        for (position, (nonce, tx)) in sender.transactions.iter().enumerate() {
            assert_eq!((tx.sender, tx.nonce), (address, *nonce));
            assert_eq!(tx.executable, position < sender.executable());
            assert!(*nonce >= sender.account.nonce);
            if tx.executable {
                assert_eq!(*nonce, next);
                next += 1;
                spent += tx.cost;
                floor = floor.min(tx.effective_tip(self.base_fee));
            }
        }
        assert!(spent <= sender.account.balance);
        assert_eq!((sender.spent(), sender.floor()), (spent, floor));
        if let Some(tx) = sender.transactions.get(&next) {
            // What stands next and cannot run is too dear, or one too many.
            let too_dear = spent.saturating_add(tx.cost) > sender.account.balance;
            assert!(too_dear || sender.executable() == self.config.max_per_sender);
        }
    }
}
