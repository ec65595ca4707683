//! Which accounts a transaction touches: all that the EVM loads.
//!
//! That is more than the parties of the transaction and of its calls, for code may look at any
//! account. The beneficiary of the block is loaded by every transaction for its tip, so it counts
//! only where it is sent to, called or created, or sends itself. Calls are noticed where the EVM
//! begins them: afterwards nothing tells them from a tip.

use crate::database::Source;
use alloy_evm::eth::{EthEvm, EthEvmContext};
use alloy_primitives::{Address, B256};
use revm::{
    Database, DatabaseRef,
    bytecode::opcode,
    context::Host,
    database::State,
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult,
        instructions::{contract, host},
        interpreter::EthInterpreter,
    },
    state::EvmState,
};
use std::mem;

/// Addresses with the index of the transaction that touched them.
pub(crate) type Touched = Vec<(Address, u32)>;

/// A database of the EVM that is told who is called.
pub(crate) trait Watch {
    /// Says that a call or the ether of a destroyed contract goes to `target`.
    fn called(&mut self, target: Address);
}

impl<DB: DatabaseRef> Watch for &mut State<Source<DB>> {
    fn called(&mut self, target: Address) {
        self.database.watch.called |= self.database.watch.beneficiary == target;
    }
}

/// Whether the beneficiary was called since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct BeneficiaryWatch {
    beneficiary: Address,
    called: bool,
}

type Ctx<'c, DB> = InstructionContext<'c, EthEvmContext<DB>, EthInterpreter>;

/// Tells the database the address that lies `DEPTH` below the top of the stack. Where there is
/// none, the instruction fails by itself.
fn tell<DB: Database + Watch, const DEPTH: usize>(ctx: &mut Ctx<'_, DB>) {
    if let Some(target) = ctx.interpreter.stack.data().iter().rev().nth(DEPTH) {
        let target = Address::from_word(B256::from(*target));
        ctx.host.journaled_state.database.called(target);
    }
}

fn call<DB: Database + Watch, const KIND: u8>(mut ctx: Ctx<'_, DB>) -> InstructionExecResult {
    // Gas first, then the callee.
    tell::<DB, 1>(&mut ctx);
    contract::call::<KIND, _, _>(ctx)
}

fn selfdestruct<DB: Database + Watch>(mut ctx: Ctx<'_, DB>) -> InstructionExecResult {
    tell::<DB, 0>(&mut ctx);
    host::selfdestruct(ctx)
}

/// Makes the calls of `evm` tell whom they call; gas costs stay.
pub(crate) fn install<DB, I, P>(evm: EthEvm<DB, I, P>, inspect: bool) -> EthEvm<DB, I, P>
where
    DB: alloy_evm::Database + Watch,
    EthEvmContext<DB>: Host,
{
    let mut inner = evm.into_inner();
    let table = inner.instruction.instruction_table_mut();
    let watched = [
        (opcode::CALL, Instruction::new(call::<DB, { opcode::CALL }>)),
        (opcode::CALLCODE, Instruction::new(call::<DB, { opcode::CALLCODE }>)),
        (opcode::DELEGATECALL, Instruction::new(call::<DB, { opcode::DELEGATECALL }>)),
        (opcode::STATICCALL, Instruction::new(call::<DB, { opcode::STATICCALL }>)),
        (opcode::SELFDESTRUCT, Instruction::new(selfdestruct::<DB>)),
    ];
    for (opcode, instruction) in watched {
        if let Some(entry) = table.get_mut(usize::from(opcode)) {
            *entry = instruction;
        }
    }
    EthEvm::new(inner, inspect)
}

/// Adds what transaction `index` loaded, all of `state`, except the beneficiary, about which it
/// returns whether the state alone says that it counts.
pub(crate) fn add_loaded(
    touched: &mut Touched,
    index: u32,
    state: &EvmState,
    beneficiary: Address,
) -> bool {
    let others = state.keys().filter(|address| **address != beneficiary);
    touched.extend(others.map(|address| (*address, index)));
    state.get(&beneficiary).is_some_and(|account| account.is_created())
}

impl<DB> Source<DB> {
    /// From now on notices calls to `beneficiary`.
    pub(crate) fn watch(&mut self, beneficiary: Address) {
        self.watch = BeneficiaryWatch { beneficiary, called: false };
    }

    /// Whether the beneficiary was called since this was asked last.
    pub(crate) fn take_called(&mut self) -> bool {
        mem::take(&mut self.watch.called)
    }
}
