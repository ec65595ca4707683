//! How a caller wants a trace: `TraceConfig` of execution-apis.

use super::steps::StepOptions;
use crate::{
    context::Context,
    error::RpcError,
    input,
    params::{Args, without_position},
};
use alloy_rpc_types_eth::state::StateOverride;
use mfenx_execution::BlockOverrides;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The last parameter of every method here. `reexec` is read past: no state is ever made again.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TraceConfig<'a> {
    pub(crate) tracer: Option<String>,
    #[serde(borrow)]
    pub(crate) tracer_config: Option<&'a RawValue>,
    timeout: Option<String>,
    limit: Option<u64>,
    disable_storage: Option<bool>,
    disable_stack: Option<bool>,
    enable_memory: Option<bool>,
    enable_return_data: Option<bool>,
    /// Only for calls.
    #[serde(deserialize_with = "input::state_overrides")]
    pub(crate) state_overrides: Option<StateOverride>,
    /// Only for calls.
    #[serde(deserialize_with = "input::block_overrides")]
    pub(crate) block_overrides: Option<BlockOverrides>,
    /// Only for calls: how many transactions of the block come before.
    tx_index: Option<String>,
    #[serde(skip)]
    position: usize,
}

impl<'a> TraceConfig<'a> {
    /// Reads parameter `position`; without one, the default.
    pub(crate) fn read(
        context: &Context,
        args: &Args<'a>,
        position: usize,
    ) -> Result<Self, RpcError> {
        let Some(json) = args.json(position) else {
            return Ok(Self { position, ..Self::default() });
        };
        let most = context.limits.override_bytes_max;
        if json.len() > most {
            let reason = format!("the configuration of a trace exceeds {most} bytes");
            return Err(RpcError::argument(position, reason));
        }
        match input::object::<Self>(json) {
            Ok(config) => Ok(Self { position, ..config }),
            Err(error) => Err(RpcError::argument(position, without_position(&error))),
        }
    }

    /// How long the caller wants to wait.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, RpcError> {
        let Some(text) = &self.timeout else { return Ok(None) };
        let wrong =
            || RpcError::argument(self.position, format!("time: invalid duration {text:?}"));
        duration(text).map(Some).ok_or_else(wrong)
    }

    /// How many transactions of the block come before the call; none for all.
    pub(crate) fn transactions_before(&self) -> Result<Option<usize>, RpcError> {
        let Some(text) = &self.tx_index else { return Ok(None) };
        let index = crate::params::quantity(text)
            .map_err(|reason| RpcError::argument(self.position, format!("txIndex: {reason}")))?;
        Ok(Some(usize::try_from(index).unwrap_or(usize::MAX)))
    }

    /// What the opcode logger is to write.
    pub(crate) fn steps(&self) -> StepOptions {
        StepOptions {
            disable_stack: self.disable_stack.unwrap_or(false),
            disable_storage: self.disable_storage.unwrap_or(false),
            enable_memory: self.enable_memory.unwrap_or(false),
            enable_return_data: self.enable_return_data.unwrap_or(false),
            limit: self.limit.unwrap_or(0),
        }
    }
}

/// A duration in the notation of Go: numbers with units, one behind the other.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = behind;
    }
    (!text.is_empty()).then_some(())?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("300ms", 300),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("0", 0),
            ("1500us", 1),
        ] {
            assert_eq!(duration(text).unwrap().as_millis(), milliseconds, "{text}");
        }
        for text in ["", "5", "s", "5 s", "-1s", "1x", "1s2", ".s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
