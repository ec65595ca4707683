//! The calls of a transaction in the order in which they begin, as Otterscan draws them.

use crate::{json::Quantity, recording::Recording};
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    Inspector,
    context::{ContextTr, JournalTr},
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, CreateScheme,
        interpreter::EthInterpreter,
    },
};
use serde::Serialize;

/// A call, a creation, or the end of a contract.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    #[serde(rename = "type")]
    ty: &'static str,
    /// Calls around it: 0 for the transaction's own.
    depth: usize,
    from: Address,
    to: Address,
    /// In wei; null where a call cannot bring any.
    value: Option<Quantity<U256>>,
    input: Bytes,
    output: Bytes,
}

/// What moves ether, creates a contract or destroys one.
#[derive(Debug, Serialize)]
pub(super) struct Operation {
    /// 0: a transfer, 1: a destruction, 2: `CREATE`, 3: `CREATE2`.
    #[serde(rename = "type")]
    ty: u8,
    from: Address,
    to: Address,
    value: Quantity<U256>,
}

impl Operation {
    /// What a call inside of a transaction is; none for one without ether, and for the
    /// transaction's own.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let value = call.value.filter(|_| call.depth > 0)?;
        let ty = match call.ty {
            "CALL" if !value.0.is_zero() => 0,
            "SELFDESTRUCT" => 1,
            "CREATE" => 2,
            "CREATE2" => 3,
            _ => return None,
        };
        Some(Self { ty, from: call.from, to: call.to, value })
    }
}

/// Records every call but those of precompiles without ether, reverted ones included.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// Where the calls that have not ended stand; none for those that are not recorded.
    open: Vec<Option<usize>>,
}

impl Calls {
    pub(super) fn into_calls(self) -> Vec<Call> {
        self.calls
    }

    fn begin(&mut self, call: Call) {
        self.open.push(Some(self.calls.len()));
        self.calls.push(call);
    }

    fn end(&mut self, output: &Bytes) {
        let call = self.open.pop().flatten().and_then(|place| self.calls.get_mut(place));
        if let Some(call) = call {
            call.output = output.clone();
        }
    }
}

impl Recording for Calls {}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for Calls {
    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        // As go-ethereum reports them: code that runs for another account is called by that.
        let (ty, from, to) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, inputs.target_address),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, inputs.target_address),
            CallScheme::CallCode => ("CALLCODE", inputs.caller, inputs.bytecode_address),
            CallScheme::DelegateCall => {
                ("DELEGATECALL", inputs.target_address, inputs.bytecode_address)
            }
        };
        let is_precompile = context.journal().precompile_addresses().contains(&to);
        if is_precompile && !self.open.is_empty() && !inputs.transfers_value() {
            self.open.push(None);
            return None;
        }
        let value = match inputs.scheme {
            CallScheme::Call | CallScheme::CallCode => Some(Quantity(inputs.call_value())),
            CallScheme::StaticCall | CallScheme::DelegateCall => None,
        };
        let input = inputs.input.bytes(context);
        let depth = self.open.len();
        self.begin(Call { ty, depth, from, to, value, input, output: Bytes::new() });
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(&outcome.result.output);
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let creator = context.journal_mut().load_account(inputs.caller());
        let nonce = creator.ok()?.data.info.nonce;
        let ty = match inputs.scheme() {
            CreateScheme::Create => "CREATE",
            CreateScheme::Create2 { .. } | CreateScheme::Custom { .. } => "CREATE2",
        };
        self.begin(Call {
            ty,
            depth: self.open.len(),
            from: inputs.caller(),
            to: inputs.created_address(nonce),
            value: Some(Quantity(inputs.value())),
            input: inputs.init_code().clone(),
            output: Bytes::new(),
        });
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(&outcome.result.output);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.calls.push(Call {
            ty: "SELFDESTRUCT",
            depth: self.open.len(),
            from: contract,
            to: target,
            value: Some(Quantity(value)),
            input: Bytes::new(),
            output: Bytes::new(),
        });
    }
}
