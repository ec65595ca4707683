//! The opcode logger: every step of the EVM, in the form that execution-apis specifies
//! (`OpcodeTransactionTrace`). It writes text while the EVM runs and keeps nothing else.

use crate::recording::{Recording, Text};
use alloy_primitives::{Address, Bytes, U256, map::HashMap};
use revm::{
    Inspector,
    bytecode::opcode::{self, OpCode},
    context::{ContextTr, JournalTr, result::ExecutionResult},
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, LoopControl, MemoryTr, ReturnData},
    },
};
use std::collections::BTreeMap;

/// What of a step to write.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepOptions {
    pub(crate) disable_stack: bool,
    pub(crate) disable_storage: bool,
    pub(crate) enable_memory: bool,
    pub(crate) enable_return_data: bool,
    /// Steps to write; 0 for all.
    pub(crate) limit: u64,
}

/// The opcode logger.
pub(crate) struct StepLogger {
    options: StepOptions,
    /// Longest text of one transaction.
    bytes_max: usize,
    text: Text,
    /// Length of the text before the last step.
    before: usize,
    steps: u64,
    /// The step that has begun.
    current: Option<Step>,
    /// Slots seen so far, by contract.
    storage: HashMap<Address, BTreeMap<U256, U256>>,
    refunds: Refunds,
}

#[derive(Clone, Copy)]
struct Step {
    op: u8,
    gas: u64,
    stack: usize,
    /// The slot and, for `SSTORE`, the new value.
    slot: Option<(U256, Option<U256>)>,
}

/// The refund counter of the transaction; the EVM counts it by frame.
#[derive(Default)]
struct Refunds {
    /// What stood when each of the open frames began.
    frames: Vec<i64>,
    total: i64,
}

impl StepLogger {
    pub(crate) fn new(options: StepOptions, bytes_max: usize) -> Self {
        Self {
            options,
            bytes_max,
            text: Text::default(),
            before: 0,
            steps: 0,
            current: None,
            storage: HashMap::default(),
            refunds: Refunds::default(),
        }
    }

    /// Forgets the transaction.
    pub(crate) fn empty(&mut self) {
        self.text.clear();
        self.before = 0;
        self.steps = 0;
        self.current = None;
        self.storage.clear();
        self.refunds = Refunds::default();
    }

    /// Writes the result of the transaction. The output of one that neither returned nor reverted
    /// is empty.
    pub(crate) fn write(&self, out: &mut Text, result: &ExecutionResult) {
        out.raw("{\"gas\":");
        out.decimal(result.tx_gas_used());
        out.raw(if result.is_success() { ",\"failed\":false" } else { ",\"failed\":true" });
        out.raw(",\"returnValue\":");
        out.bytes(result.output().map_or(&[], |output: &Bytes| output.as_ref()));
        out.raw(",\"structLogs\":[");
        out.append(&self.text);
        out.raw("]}");
    }

    fn begin(&mut self, interp: &Interpreter, depth: usize) {
        let (op, stack) = (interp.bytecode.opcode(), interp.stack.data().as_slice());
        let memory = interp.memory.size();
        // What this step can write, at most: nothing is written only to be thrown away.
        let mut bytes = 256;
        if !self.options.disable_stack {
            bytes += 70 * stack.len();
        }
        if self.options.enable_memory {
            bytes += 70 * memory.div_ceil(32);
        }
        if self.options.enable_return_data {
            bytes += 2 * interp.return_data.buffer().len();
        }
        if self.text.len().saturating_add(bytes) > self.bytes_max {
            self.before = usize::MAX;
            return;
        }
        let text = &mut self.text;
        if self.steps > 0 {
            text.raw(",");
        }
        self.steps += 1;
        text.raw("{\"pc\":");
        text.decimal(interp.bytecode.pc() as u64);
        text.raw(",\"op\":\"");
        match OpCode::new(op) {
            Some(op) => text.raw(op.as_str()),
            None => text.raw(&format!("opcode {op:#x} not defined")),
        }
        text.raw("\",\"gas\":");
        text.decimal(interp.gas.remaining());
        text.raw(",\"depth\":");
        text.decimal(depth as u64);
        if !self.options.disable_stack {
            text.raw(",\"stack\":[");
            let mut first = true;
            for word in stack {
                text.comma(&mut first);
                text.quantity(*word);
            }
            text.raw("]");
        }
        if self.options.enable_memory && memory > 0 {
            text.raw(",\"memory\":[");
            let mut first = true;
            for chunk in interp.memory.slice(0..memory).chunks(32) {
                text.comma(&mut first);
                text.bytes(chunk);
            }
            text.raw("]");
        }
        if self.options.enable_return_data && !interp.return_data.buffer().is_empty() {
            text.raw(",\"returnData\":");
            text.bytes(interp.return_data.buffer());
        }
        let slot = match (op, stack) {
            (opcode::SLOAD, [.., slot]) => Some((*slot, None)),
            (opcode::SSTORE, [.., value, slot]) => Some((*slot, Some(*value))),
            _ => None,
        };
        let gas = interp.gas.remaining();
        self.current = Some(Step { op, gas, stack: stack.len(), slot });
    }

    fn end(&mut self, interp: &mut Interpreter) {
        let Some(step) = self.current.take() else { return };
        self.text.raw(",\"gasCost\":");
        self.text.decimal(step.gas.saturating_sub(interp.gas.remaining()));
        let status =
            interp.bytecode.action().as_ref().and_then(|action| action.instruction_result());
        let failed = status.is_some_and(|status| status.is_halt());
        if let (false, false, Some((slot, stored))) =
            (self.options.disable_storage, failed, step.slot)
            && let Some(value) = stored.or_else(|| interp.stack.data().last().copied())
        {
            self.write_storage(interp.input.target_address(), slot, value);
        }
        let refund = self.refunds.total;
        if refund > 0 {
            self.text.raw(",\"refund\":");
            self.text.decimal(refund.unsigned_abs());
        }
        if let Some(error) = status.and_then(|status| fault(status, step)) {
            self.text.raw(",\"error\":\"");
            self.text.raw(&error);
            self.text.raw("\"");
        }
        self.text.raw("}");
    }

    /// All slots of the contract seen so far, with this one; the text has to have room for them.
    fn write_storage(&mut self, contract: Address, slot: U256, value: U256) {
        let slots = self.storage.entry(contract).or_default();
        slots.insert(slot, value);
        if self.text.len().saturating_add(140 * slots.len()) > self.bytes_max {
            self.before = usize::MAX;
            return;
        }
        self.text.raw(",\"storage\":{");
        let mut first = true;
        for (slot, value) in slots.iter() {
            self.text.comma(&mut first);
            self.text.word(*slot);
            self.text.raw(":");
            self.text.word(*value);
        }
        self.text.raw("}");
    }
}

/// The reason for which a step did not happen at all; one that failed while it ran has none, as in
/// go-ethereum.
fn fault(status: InstructionResult, step: Step) -> Option<String> {
    use InstructionResult as Result;
    let inputs = OpCode::new(step.op).map_or(0, |op| op.inputs());
    Some(match status {
        Result::OutOfGas | Result::MemoryOOG | Result::MemoryLimitOOG => "out of gas".to_owned(),
        Result::InvalidOperandOOG => "gas uint64 overflow".to_owned(),
        Result::ReentrancySentryOOG => "not enough gas for reentrancy sentry".to_owned(),
        Result::StackUnderflow => format!("stack underflow ({} <=> {inputs})", step.stack),
        Result::StackOverflow => format!("stack limit reached 1024 ({})", step.stack),
        _ => return None,
    })
}

impl Recording for StepLogger {
    fn step_bytes(&mut self) -> usize {
        if self.before == usize::MAX {
            return usize::MAX;
        }
        let bytes = self.text.len() - self.before;
        self.before = self.text.len();
        bytes
    }
}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for StepLogger {
    fn step(&mut self, interp: &mut Interpreter, context: &mut CTX) {
        self.current = None;
        if self.options.limit == 0 || self.steps < self.options.limit {
            self.begin(interp, context.journal().depth());
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, _: &mut CTX) {
        let frame = self.refunds.frames.last().copied().unwrap_or(0);
        self.refunds.total = frame.saturating_add(interp.gas.refunded());
        self.end(interp);
    }

    fn call(&mut self, _: &mut CTX, _: &mut CallInputs) -> Option<CallOutcome> {
        self.refunds.frames.push(self.refunds.total);
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, _: &mut CallOutcome) {
        self.refunds.frames.pop();
    }

    fn create(&mut self, _: &mut CTX, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.refunds.frames.push(self.refunds.total);
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, _: &mut CreateOutcome) {
        self.refunds.frames.pop();
    }
}
