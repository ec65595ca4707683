//! Identifiers of subscriptions.

use alloy_primitives::hex;
use jsonrpsee::{core::traits::IdProvider, types::SubscriptionId};

/// Makes identifiers such as go-ethereum's: 128 random bits as a hexadecimal string, because
/// client libraries expect a string there.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubscriptionIds;

impl IdProvider for SubscriptionIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let random: [u8; 16] = rand::random();
        hex::encode_prefixed(random).into()
    }
}
