//! Whether an account took part in a transaction, and who created it.

use alloy_primitives::{Address, U256};
use revm::{
    Inspector,
    context::ContextTr,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, interpreter::EthInterpreter,
    },
};

/// Notices whether an account calls, is called, lends its code, creates, is created, or gets what
/// a destroyed contract leaves: what Otterscan counts as a part in a transaction. Reverted calls
/// count. Needs no memory.
#[derive(Debug)]
pub(super) struct Parties {
    account: Address,
    /// Whether it took part.
    pub(super) found: bool,
    /// Who created it last, if that succeeded.
    pub(super) creator: Option<Address>,
}

impl Parties {
    pub(super) const fn new(account: Address) -> Self {
        Self { account, found: false, creator: None }
    }
}

impl<CTX: ContextTr> Inspector<CTX, EthInterpreter> for Parties {
    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let parties = [inputs.caller, inputs.target_address, inputs.bytecode_address];
        self.found |= parties.contains(&self.account);
        None
    }

    fn create(&mut self, _: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.found |= inputs.caller() == self.account;
        None
    }

    fn create_end(&mut self, _: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        if outcome.address == Some(self.account) {
            self.found = true;
            if outcome.result.is_ok() {
                self.creator = Some(inputs.caller());
            }
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, _: U256) {
        self.found |= [contract, target].contains(&self.account);
    }
}
