//! The inspector of a replay: the caller's, beside the check that valid blocks need.

use crate::collisions::StorageCollisions;
use alloy_primitives::{Address, Log, U256};
use revm::{
    Inspector,
    context::ContextTr,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter::EthInterpreter,
    },
};

/// An inspector that looks at some transactions, and at creations always where a creation can
/// collide with storage.
pub(super) struct Inspected<I> {
    pub(super) inspector: I,
    collisions: StorageCollisions,
    looking: bool,
}

impl<I> Inspected<I> {
    pub(super) const fn new(collisions: StorageCollisions, inspector: I) -> Self {
        Self { inspector, collisions, looking: false }
    }

    /// Whether to look at the next transaction; says whether the EVM must call this at all.
    pub(super) const fn look(&mut self, looking: bool) -> bool {
        self.looking = looking;
        looking || !self.collisions.is_empty()
    }
}

impl<CTX, I> Inspector<CTX, EthInterpreter> for Inspected<I>
where
    CTX: ContextTr,
    I: Inspector<CTX, EthInterpreter>,
{
    #[inline]
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.looking {
            self.inspector.initialize_interp(interp, context);
        }
    }

    #[inline]
    fn step(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.looking {
            self.inspector.step(interp, context);
        }
    }

    #[inline]
    fn step_end(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        if self.looking {
            self.inspector.step_end(interp, context);
        }
    }

    fn log(&mut self, context: &mut CTX, log: Log) {
        if self.looking {
            self.inspector.log(context, log);
        }
    }

    fn log_full(&mut self, interp: &mut Interpreter, context: &mut CTX, log: Log) {
        if self.looking {
            self.inspector.log_full(interp, context, log);
        }
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if self.looking { self.inspector.call(context, inputs) } else { None }
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if self.looking {
            self.inspector.call_end(context, inputs, outcome);
        }
    }

    /// The caller's inspector first: a collision raises the nonce, and its `create_end` follows in
    /// any case.
    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let asked = if self.looking { self.inspector.create(context, inputs) } else { None };
        if asked.is_some() || self.collisions.is_empty() {
            return asked;
        }
        self.collisions.create(context, inputs)
    }

    fn create_end(
        &mut self,
        context: &mut CTX,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        if self.looking {
            self.inspector.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if self.looking {
            self.inspector.selfdestruct(contract, target, value);
        }
    }
}
