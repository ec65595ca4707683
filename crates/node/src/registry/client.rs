//! JSON-RPC over HTTP or HTTPS, one call at a time.
//!
//! Every wait has an end and every answer a longest length.

use super::{error::RegistryError, refusal::words};
use alloy_primitives::{Bytes, U64, hex};
use alloy_sol_types::SolCall;
use mfenx_chainspec::REGISTRY_ADDRESS;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest time of a call, from looking up the name to the last byte of the answer.
const CALL_TIME_MAX: Duration = Duration::from_secs(20);
/// A set of 128 authorities has 41 KiB in hexadecimal.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A node that answers JSON-RPC.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Fault>,
}

/// The error object of JSON-RPC.
#[derive(Deserialize)]
pub(super) struct Fault {
    message: String,
    data: Option<Value>,
}

impl Fault {
    /// What the contract reverted with, when it did.
    fn revert(&self) -> Option<Bytes> {
        hex::decode(self.data.as_ref()?.as_str()?).ok().map(Bytes::from)
    }
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, RegistryError> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let reason = "is neither http:// nor https://".to_owned();
            return Err(RegistryError::Url { url: url.into(), reason });
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_TIME_MAX))
            .http_status_as_error(false)
            // What a proxy of the environment would see is meant for the node alone.
            .proxy(None)
            .max_redirects(0)
            .build();
        Ok(Self { agent: config.into(), url: url.into() })
    }

    /// The result, or the error object, of a call.
    fn ask(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<Result<Value, Fault>, RegistryError> {
        let wrong =
            |reason: String| RegistryError::Answer { url: self.url.clone(), method, reason };
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .send(request.to_string());
        let mut response = match sent {
            Ok(response) => response,
            Err(ureq::Error::BadUri(reason)) => {
                return Err(RegistryError::Url { url: self.url.clone(), reason });
            }
            Err(error) => {
                let reason = error.to_string();
                return Err(RegistryError::Unreachable { url: self.url.clone(), reason });
            }
        };
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| wrong(error.to_string()))?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| wrong(format!("HTTP status {status}, and no answer of JSON-RPC")))?;
        match (answer.result, answer.error) {
            (_, Some(fault)) => Ok(Err(fault)),
            (result, None) => Ok(Ok(result.unwrap_or_default())),
        }
    }

    /// The result of a call that must have one.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RegistryError> {
        let result = self
            .ask(method, &params)?
            .map_err(|fault| RegistryError::Rpc { method, message: fault.message })?;
        serde_json::from_value(result).map_err(|error| RegistryError::Answer {
            url: self.url.clone(),
            method,
            reason: error.to_string(),
        })
    }

    /// A number.
    pub(super) fn quantity(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<u64, RegistryError> {
        self.call::<U64>(method, params).map(|number| number.to())
    }

    /// What a transaction object would do; the registry's refusal in words.
    pub(super) fn attempt(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Bytes, RegistryError> {
        match self.ask(method, &params)? {
            Ok(result) => serde_json::from_value(result).map_err(|error| RegistryError::Answer {
                url: self.url.clone(),
                method,
                reason: error.to_string(),
            }),
            Err(fault) => Err(match fault.revert() {
                Some(reason) => RegistryError::Refused(words(&reason)),
                None => RegistryError::Rpc { method, message: fault.message },
            }),
        }
    }

    /// What a view of the registry returns in the state after `block`.
    pub(super) fn view<C: SolCall>(
        &self,
        call: &C,
        block: &str,
    ) -> Result<C::Return, RegistryError> {
        let input = Bytes::from(call.abi_encode());
        let params = json!([{"to": REGISTRY_ADDRESS, "input": input}, block]);
        let output = self.attempt("eth_call", params)?;
        C::abi_decode_returns_validate(&output).map_err(|error| RegistryError::Answer {
            url: self.url.clone(),
            method: "eth_call",
            reason: error.to_string(),
        })
    }

    /// Refuses a chain whose registry address holds no code.
    pub(super) fn check_registry(&self) -> Result<(), RegistryError> {
        let code: Bytes = self.call("eth_getCode", json!([REGISTRY_ADDRESS, "latest"]))?;
        if code.is_empty() {
            return Err(RegistryError::NoRegistry { url: self.url.clone() });
        }
        Ok(())
    }
}
