//! Identifiers of subscriptions.

use jsonrpsee::{core::traits::IdProvider, types::SubscriptionId};

/// Makes identifiers such as go-ethereum's: 128 random bits as a quantity, in a string because
/// client libraries expect one there.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubscriptionIds;

impl IdProvider for SubscriptionIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        format!("{:#x}", rand::random::<u128>()).into()
    }
}
