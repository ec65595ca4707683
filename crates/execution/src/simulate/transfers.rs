//! The logs of a call as `eth_simulateV1` numbers them, with moved ether among them.

use super::NumberedLog;
use alloy_primitives::{Address, B256, Log, LogData, U256, address, b256};
use revm::{
    Inspector,
    bytecode::opcode::SELFDESTRUCT,
    context::{ContextTr, JournalTr},
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult,
        Interpreter, InterpreterAction,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, LoopControl},
    },
};

/// Where ether is a token (ERC-7528).
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
/// Topic of `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Collects the logs of a block, call by call. Logs of frames that fail are dropped, and their
/// numbers are given again.
#[derive(Debug, Default)]
pub(super) struct LogCollector {
    with_transfers: bool,
    /// Of frames that have ended well or are open.
    logs: Vec<NumberedLog>,
    /// How many logs there were when each open frame began.
    frames: Vec<usize>,
    /// Logs of the calls before, in this block.
    before: u64,
    /// What the SELFDESTRUCT that runs will move if it succeeds: from, to, all of the balance.
    destroying: Option<(Address, Address, U256)>,
}

impl LogCollector {
    pub(super) fn new(with_transfers: bool) -> Self {
        Self { with_transfers, ..Self::default() }
    }

    /// Takes the logs of the call that has ended.
    pub(super) fn take(&mut self) -> Vec<NumberedLog> {
        self.frames.clear();
        self.before += self.logs.len() as u64;
        std::mem::take(&mut self.logs)
    }

    fn push(&mut self, log: Log) {
        let index = self.before + self.logs.len() as u64;
        self.logs.push(NumberedLog { log, index });
    }

    fn moved(&mut self, from: Address, to: Address, value: U256) {
        if self.with_transfers && !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = value.to_be_bytes_vec().into();
            self.push(Log { address: ETHER, data: LogData::new_unchecked(topics, data) });
        }
    }

    fn end(&mut self, is_ok: bool) {
        let began = self.frames.pop().unwrap_or_default();
        if !is_ok {
            self.logs.truncate(began);
        }
    }
}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for LogCollector {
    fn log(&mut self, _: &mut CTX, log: Log) {
        self.push(log);
    }

    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.frames.push(self.logs.len());
        // Code of another account called in one's own place moves nothing.
        if inputs.scheme != CallScheme::CallCode
            && let Some(value) = inputs.transfer_value()
        {
            self.moved(inputs.caller, inputs.target_address, value);
        }
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(outcome.result.is_ok());
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.frames.push(self.logs.len());
        if !inputs.value().is_zero() {
            // A failing read fails again where it is needed.
            let creator = context.journal_mut().load_account(inputs.caller()).ok()?;
            let created = inputs.created_address(creator.data.info.nonce);
            self.moved(inputs.caller(), created, inputs.value());
        }
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(outcome.result.is_ok());
    }

    // The EVM tells its inspector of no SELFDESTRUCT whose ether stays where it is.
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut CTX) {
        self.destroying = None;
        if !self.with_transfers || interpreter.bytecode.opcode() != SELFDESTRUCT {
            return;
        }
        let Some(target) = interpreter.stack.data().last() else { return };
        let contract = interpreter.input.target_address();
        // A failing read fails again where it is needed.
        if let Ok(account) = context.journal_mut().load_account(contract) {
            let target = Address::from_word(target.to_be_bytes().into());
            self.destroying = Some((contract, target, account.data.info.balance));
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut CTX) {
        let Some((contract, target, balance)) = self.destroying.take() else { return };
        if let Some(InterpreterAction::Return(result)) = interpreter.bytecode.action()
            && result.result == InstructionResult::SelfDestruct
        {
            self.moved(contract, target, balance);
        }
    }
}
