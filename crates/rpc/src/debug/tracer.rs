//! The tracers that can be named, behind one type.

use super::{
    calls::{CallTracer, CallTracerOptions, failure},
    config::TraceConfig,
    steps::StepLogger,
};
use crate::{
    error::RpcError,
    input::object,
    recording::{Place, Recording, Text},
};
use alloy_primitives::{Address, Log, U256};
use alloy_rpc_types_eth::TransactionInfo;
use alloy_rpc_types_trace::{
    geth::{FourByteFrame, PreStateConfig},
    parity::{Action, LocalizedTransactionTrace},
};
use revm::{
    DatabaseRef, Inspector,
    context::{ContextTr, result::ResultAndState},
    inspector::JournalExt,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter::EthInterpreter,
    },
};
use revm_inspectors::tracing::{
    FourByteInspector, GethTraceBuilder, TracingInspector, TracingInspectorConfig,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Names that a caller may give, besides none for the opcode logger.
pub(crate) const NAMES: [&str; 6] =
    ["callTracer", "prestateTracer", "4byteTracer", "flatCallTracer", "muxTracer", "noopTracer"];

/// A tracer with what it recorded.
pub(crate) enum Tracer {
    Steps(StepLogger),
    Calls(CallTracer),
    Flat {
        calls: TracingInspector,
        parity_errors: bool,
    },
    Prestate(PreStateConfig),
    FourByte(FourByteInspector),
    Noop,
    /// Several at once, each under its name.
    Mux(Vec<(String, Tracer)>),
}

/// `tracerConfig` of `flatCallTracer`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FlatOptions {
    convert_parity_errors: bool,
    include_precompiles: bool,
}

impl Tracer {
    /// The one that the configuration names; it is parameter `position` of its method.
    ///
    /// # Errors
    /// There is no such tracer, or its own configuration cannot be read.
    pub(crate) fn new(
        config: &TraceConfig<'_>,
        position: usize,
        bytes_max: usize,
    ) -> Result<Self, RpcError> {
        match config.tracer.as_deref() {
            None | Some("") => Ok(Self::Steps(StepLogger::new(config.steps(), bytes_max))),
            Some("muxTracer") => {
                let tracers: BTreeMap<String, Option<&RawValue>> =
                    options(config.tracer_config, position)?;
                let named = |(name, config): (String, Option<&RawValue>)| {
                    let tracer = Self::named(&name, config, position)?;
                    Ok((name, tracer))
                };
                tracers.into_iter().map(named).collect::<Result<_, _>>().map(Self::Mux)
            }
            Some(name) => Self::named(name, config.tracer_config, position),
        }
    }

    fn named(name: &str, config: Option<&RawValue>, position: usize) -> Result<Self, RpcError> {
        Ok(match name {
            "callTracer" => {
                let options: CallTracerOptions = self::options(config, position)?;
                Self::Calls(CallTracer::new(options))
            }
            "prestateTracer" => Self::Prestate(options(config, position)?),
            "4byteTracer" => Self::FourByte(FourByteInspector::default()),
            "flatCallTracer" => {
                let options: FlatOptions = options(config, position)?;
                let calls = TracingInspectorConfig::default_parity()
                    .set_exclude_precompile_calls(!options.include_precompiles);
                Self::Flat {
                    calls: TracingInspector::new(calls),
                    parity_errors: options.convert_parity_errors,
                }
            }
            "noopTracer" => Self::Noop,
            _ => return Err(RpcError::UnknownTracer),
        })
    }

    /// Forgets the transaction.
    pub(crate) fn empty(&mut self) {
        match self {
            Self::Steps(steps) => steps.empty(),
            Self::Calls(calls) => calls.empty(),
            Self::Flat { calls, .. } => calls.fuse(),
            Self::FourByte(selectors) => *selectors = FourByteInspector::default(),
            Self::Prestate(_) | Self::Noop => {}
            Self::Mux(tracers) => tracers.iter_mut().for_each(|(_, tracer)| tracer.empty()),
        }
    }

    /// Writes what it recorded of a transaction with this gas limit; `state` is the one before it.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) fn write<DB: DatabaseRef>(
        &mut self,
        out: &mut Text,
        gas_limit: u64,
        place: &Place,
        result: &ResultAndState,
        state: &DB,
    ) -> Result<(), RpcError> {
        match self {
            Self::Steps(steps) => steps.write(out, &result.result),
            Self::Calls(calls) => calls.write(out, gas_limit, place, &result.result)?,
            Self::Flat { calls, parity_errors } => {
                calls.set_transaction_gas_limit(gas_limit);
                calls.set_transaction_gas_used(result.result.tx_gas_used());
                out.value(&flat(calls, place, *parity_errors))?;
            }
            Self::Prestate(config) => {
                let builder = GethTraceBuilder::new(Vec::new());
                let accounts = builder
                    .geth_prestate_traces(result, config, state)
                    .map_err(|error| RpcError::Internal(error.to_string()))?;
                out.value(&accounts)?;
            }
            Self::FourByte(selectors) => out.value(&FourByteFrame::from(&*selectors))?,
            Self::Noop => out.raw("{}"),
            Self::Mux(tracers) => {
                out.raw("{");
                let mut first = true;
                for (name, tracer) in tracers {
                    out.comma(&mut first);
                    out.value(name)?;
                    out.raw(":");
                    tracer.write(out, gas_limit, place, result, state)?;
                }
                out.raw("}");
            }
        }
        Ok(())
    }
}

/// A configuration of a tracer; none is its default.
fn options<'a, T: Default + Deserialize<'a>>(
    config: Option<&'a RawValue>,
    position: usize,
) -> Result<T, RpcError> {
    let Some(config) = config.filter(|config| config.get() != "null") else {
        return Ok(T::default());
    };
    object(config.get()).map_err(|error| {
        let reason = crate::params::without_position(&error);
        RpcError::argument(position, format!("tracerConfig: {reason}"))
    })
}

/// The calls as a list, with go-ethereum's words for failures unless OpenEthereum's are wanted.
fn flat(
    calls: &TracingInspector,
    place: &Place,
    parity_errors: bool,
) -> Vec<LocalizedTransactionTrace> {
    let info = TransactionInfo {
        hash: place.hash,
        index: place.index,
        block_hash: place.block_hash,
        block_number: Some(place.block_number),
        ..Default::default()
    };
    let nodes = calls.traces().nodes();
    let failures: Vec<_> = nodes
        .iter()
        .filter(|node| !node.is_precompile())
        .map(|node| node.status().filter(|status| !status.is_ok()).map(failure))
        .collect();
    let mut traces = calls.clone().into_parity_builder().into_localized_transaction_traces(info);
    if !parity_errors {
        let called = traces
            .iter_mut()
            .filter(|trace| !matches!(trace.trace.action, Action::Selfdestruct(_)));
        for (trace, failure) in called.zip(failures) {
            trace.trace.error = failure;
        }
    }
    traces
}

impl Recording for Tracer {
    #[inline]
    fn step_bytes(&mut self) -> usize {
        match self {
            Self::Steps(steps) => steps.step_bytes(),
            // Only the opcode logger records steps, and it has no name to be multiplexed under.
            _ => 0,
        }
    }
}

macro_rules! delegate {
    ($self:ident, $inspector:ident => $call:expr) => {
        match $self {
            Self::Steps($inspector) => $call,
            Self::Calls($inspector) => $call,
            Self::Flat { calls: $inspector, .. } => $call,
            Self::FourByte($inspector) => $call,
            Self::Prestate(_) | Self::Noop => Default::default(),
            Self::Mux(tracers) => {
                tracers.iter_mut().for_each(|(_, $inspector)| {
                    $call;
                });
                Default::default()
            }
        }
    };
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX, EthInterpreter> for Tracer {
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        delegate!(self, tracer => tracer.initialize_interp(interp, context));
    }

    /// Only the opcode logger looks at steps.
    #[inline]
    fn step(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if let Self::Steps(steps) = self {
            steps.step(interp, context);
        }
    }

    #[inline]
    fn step_end(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if let Self::Steps(steps) = self {
            steps.step_end(interp, context);
        }
    }

    fn log(&mut self, context: &mut CTX, log: Log) {
        match self {
            Self::Calls(calls) => calls.log(context, log),
            Self::Mux(tracers) => {
                tracers.iter_mut().for_each(|(_, tracer)| tracer.log(context, log.clone()));
            }
            _ => {}
        }
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        delegate!(self, tracer => tracer.call(context, inputs))
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        delegate!(self, tracer => tracer.call_end(context, inputs, outcome));
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        delegate!(self, tracer => tracer.create(context, inputs))
    }

    fn create_end(
        &mut self,
        context: &mut CTX,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        delegate!(self, tracer => tracer.create_end(context, inputs, outcome));
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        delegate!(self, tracer =>
            Inspector::<CTX, EthInterpreter>::selfdestruct(tracer, contract, target, value));
    }
}
