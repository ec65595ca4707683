//! One call at a time.

use crate::ClientError;
use alloy_primitives::{Address, Bytes, U64, hex};
use alloy_sol_types::SolCall;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// Longest time of a call, from looking up the name to the last byte of the answer.
const CALL_TIME_MAX: Duration = Duration::from_secs(20);
/// A set of 128 authorities has 41 KiB in hexadecimal; the logs of a few thousand blocks stay below.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A node that answers JSON-RPC. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Fault>,
}

/// The error object of JSON-RPC.
#[derive(Debug, Clone, Deserialize)]
pub struct Fault {
    /// What kind of error.
    #[serde(default)]
    pub code: i64,
    /// In words.
    pub message: String,
    /// Of a revert, what the contract gave back, in hexadecimal.
    pub data: Option<Value>,
}

impl Fault {
    /// What a contract reverted with, when it did.
    pub fn revert(&self) -> Option<Bytes> {
        hex::decode(self.data.as_ref()?.as_str()?).ok().map(Bytes::from)
    }
}

impl Client {
    /// A client of the node at `url`. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError::Url`] when it begins with neither `http://` nor `https://`.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let reason = "is neither http:// nor https://".to_owned();
            return Err(ClientError::Url { url: url.into(), reason });
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

    /// The node.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The result, or the error object, of a call.
    ///
    /// # Errors
    /// Nobody answers, or not as a node does.
    pub fn ask(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<Result<Value, Fault>, ClientError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .send(request.to_string());
        let mut response = match sent {
            Ok(response) => response,
            Err(ureq::Error::BadUri(reason)) => {
                return Err(ClientError::Url { url: self.url.clone(), reason });
            }
            Err(error) => {
                let reason = error.to_string();
                return Err(ClientError::Unreachable { url: self.url.clone(), reason });
            }
        };
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| self.wrong(method, error.to_string()))?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            self.wrong(method, format!("HTTP status {status}, and no answer of JSON-RPC"))
        })?;
        match (answer.result, answer.error) {
            (_, Some(fault)) => Ok(Err(fault)),
            (result, None) => Ok(Ok(result.unwrap_or_default())),
        }
    }

    /// The result of a call that must have one.
    ///
    /// # Errors
    /// As [`Self::ask`]; the node refuses, or the result is of another type.
    pub fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, ClientError> {
        let result = self.ask(method, &params)?.map_err(|fault| refused(method, &fault))?;
        serde_json::from_value(result).map_err(|error| self.wrong(method, error.to_string()))
    }

    /// A number of at most 64 bits.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn quantity(&self, method: &'static str, params: Value) -> Result<u64, ClientError> {
        self.call::<U64>(method, params).map(|number| number.to())
    }

    /// What a transaction object would give back, or do.
    ///
    /// # Errors
    /// As [`Self::call`]; [`ClientError::Reverted`] with what the contract gave back.
    pub fn attempt<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, ClientError> {
        match self.ask(method, &params)? {
            Ok(result) => serde_json::from_value(result)
                .map_err(|error| self.wrong(method, error.to_string())),
            Err(fault) => Err(match fault.revert() {
                Some(reason) => ClientError::Reverted(reason),
                None => refused(method, &fault),
            }),
        }
    }

    /// What a view of the contract at `to` returns in the state after `block`.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub fn view<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        block: &str,
    ) -> Result<C::Return, ClientError> {
        let input = Bytes::from(call.abi_encode());
        let params = json!([{"to": to, "input": input}, block]);
        let output: Bytes = self.attempt("eth_call", params)?;
        C::abi_decode_returns_validate(&output)
            .map_err(|error| self.wrong("eth_call", error.to_string()))
    }

    fn wrong(&self, method: &'static str, reason: String) -> ClientError {
        ClientError::Answer { url: self.url.clone(), method, reason }
    }
}

fn refused(method: &'static str, fault: &Fault) -> ClientError {
    ClientError::Rpc { method, code: fault.code, message: fault.message.clone() }
}
