//! What traces have in common: an inspector that may record only so much, the text of the result,
//! and how long all of it may take.
//!
//! Memory: while a transaction runs, its inspector holds at most `RpcLimits::trace_bytes_max`
//! bytes by [`Bounded`]'s count, and so does the text of what is finished. A trace that would need
//! more ends with an error that says what to ask for instead.

mod place;
mod text;
mod time;

pub(crate) use place::{Place, block_after_parent};
pub(crate) use text::{Json, Text};
pub(crate) use time::TraceTime;

use crate::error::RpcError;
use alloy_primitives::{Address, Log, U256};
use revm::{
    Inspector,
    context::{ContextError, ContextTr},
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter::EthInterpreter, interpreter_types::LoopControl,
    },
};
use revm_inspectors::tracing::TracingInspector;

/// What a method answers with; none is `null`.
pub(crate) type Answer = Option<Json>;

/// What the record of a call counts for, without its data.
const CALL_BYTES: usize = 768;
/// What the record of a log counts for, without its data.
const LOG_BYTES: usize = 256;
/// What the record of a step counts for, memory it writes included where that is a word.
const STEP_BYTES: usize = 384;

/// An inspector that says how much it holds on to.
pub(crate) trait Recording {
    /// Bytes that the last step added.
    fn step_bytes(&mut self) -> usize {
        0
    }
}

impl Recording for TracingInspector {
    #[inline]
    fn step_bytes(&mut self) -> usize {
        match (self.config().record_steps, self.limit_exceeded()) {
            (false, false) => 0,
            (true, false) => STEP_BYTES,
            (_, true) => usize::MAX,
        }
    }
}

/// An inspector that may record only so much; beyond that the EVM fails.
pub(crate) struct Bounded<T> {
    pub(crate) inspector: T,
    bytes_max: usize,
    bytes: usize,
    full: bool,
}

impl<T> Bounded<T> {
    pub(crate) const fn new(inspector: T, bytes_max: usize) -> Self {
        Self { inspector, bytes_max, bytes: 0, full: false }
    }

    /// How much it may record.
    pub(crate) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Makes it ready for the next transaction; the inspector is to be emptied, too.
    pub(crate) const fn empty(&mut self) {
        self.bytes = 0;
    }

    /// An error of a run, or that the inspector gave up.
    pub(crate) fn error(
        &self,
        error: mfenx_execution::CallError,
        time: &TraceTime<'_>,
    ) -> RpcError {
        if self.full {
            return RpcError::TraceTooLarge { bytes_max: self.bytes_max };
        }
        time.error(error)
    }

    #[inline]
    fn charge(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.full |= self.bytes > self.bytes_max;
        !self.full
    }

    #[cold]
    fn fail<CTX: ContextTr>(context: &mut CTX) {
        if context.error().is_ok() {
            *context.error() = Err(ContextError::Custom("the trace is too large".into()));
        }
    }

    #[cold]
    fn halt<CTX: ContextTr>(interp: &mut Interpreter, context: &mut CTX) {
        Self::fail(context);
        interp.bytecode.action().take();
        interp.bytecode.reset_action();
        interp.halt_fatal();
    }
}

impl<CTX, T> Inspector<CTX, EthInterpreter> for Bounded<T>
where
    CTX: ContextTr,
    T: Inspector<CTX, EthInterpreter> + Recording,
{
    #[inline]
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.full {
            return Self::halt(interp, context);
        }
        self.inspector.initialize_interp(interp, context);
    }

    #[inline]
    fn step(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.full {
            return Self::halt(interp, context);
        }
        self.inspector.step(interp, context);
    }

    #[inline]
    fn step_end(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.full {
            return Self::halt(interp, context);
        }
        self.inspector.step_end(interp, context);
        let bytes = self.inspector.step_bytes();
        if bytes != 0 && !self.charge(bytes) {
            Self::halt(interp, context);
        }
    }

    fn log(&mut self, context: &mut CTX, log: Log) {
        if self.charge(LOG_BYTES + log.data.data.len()) {
            self.inspector.log(context, log);
        } else {
            Self::fail(context);
        }
    }

    fn log_full(&mut self, interp: &mut Interpreter, context: &mut CTX, log: Log) {
        if self.charge(LOG_BYTES + log.data.data.len()) {
            self.inspector.log_full(interp, context, log);
        } else {
            Self::halt(interp, context);
        }
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if self.charge(CALL_BYTES + inputs.input.len()) {
            return self.inspector.call(context, inputs);
        }
        Self::fail(context);
        None
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if self.charge(outcome.result.output.len()) {
            self.inspector.call_end(context, inputs, outcome);
        } else {
            Self::fail(context);
        }
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        if self.charge(CALL_BYTES + inputs.init_code().len()) {
            return self.inspector.create(context, inputs);
        }
        Self::fail(context);
        None
    }

    fn create_end(
        &mut self,
        context: &mut CTX,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        if self.charge(outcome.result.output.len()) {
            self.inspector.create_end(context, inputs, outcome);
        } else {
            Self::fail(context);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if !self.full {
            self.inspector.selfdestruct(contract, target, value);
        }
    }
}
