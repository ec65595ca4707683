//! A node as the registry is reached through it.

use super::error::RegistryError;
use crate::keys::OperatorKey;
use alloy_primitives::{B256, Bytes};
use alloy_sol_types::SolCall;
use mfenx_chainspec::REGISTRY_ADDRESS;
use mfenx_client::{Receipt, Sender, Sent};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// A node that answers JSON-RPC for a chain with a registry.
pub(super) struct Client(mfenx_client::Client);

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, RegistryError> {
        Ok(Self(mfenx_client::Client::new(url)?))
    }

    /// The result of a call that must have one.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RegistryError> {
        Ok(self.0.call(method, params)?)
    }

    /// A number.
    pub(super) fn quantity(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<u64, RegistryError> {
        Ok(self.0.quantity(method, params)?)
    }

    /// What a view of the registry returns in the state after `block`.
    pub(super) fn view<C: SolCall>(
        &self,
        call: &C,
        block: &str,
    ) -> Result<C::Return, RegistryError> {
        Ok(self.0.view(REGISTRY_ADDRESS, call, block)?)
    }

    /// Sends `input` to the registry as a transaction of the operator and waits for its receipt.
    pub(super) fn send(
        &self,
        chain_id: u64,
        key: &OperatorKey,
        input: Bytes,
        gas_reserve: u64,
        time_max: Duration,
    ) -> Result<(B256, Receipt), RegistryError> {
        let sender = Sender::new(self.0.clone(), chain_id, key.signer());
        let sent = Sent { input, gas_reserve, ..Sent::to(REGISTRY_ADDRESS) };
        let hash = sender.send(&sent)?;
        Ok((hash, sender.wait(hash, time_max)?))
    }

    /// Refuses a chain whose registry address holds no code.
    pub(super) fn check_registry(&self) -> Result<(), RegistryError> {
        let code: Bytes = self.call("eth_getCode", json!([REGISTRY_ADDRESS, "latest"]))?;
        if code.is_empty() {
            return Err(RegistryError::NoRegistry { url: self.0.url().to_owned() });
        }
        Ok(())
    }
}
