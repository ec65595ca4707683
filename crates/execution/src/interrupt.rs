//! Stopping the EVM in the middle of a call.
//!
//! Code cannot run longer than one contract is long without a jump, a call or a creation. So these
//! instructions ask whether to stop, and so do those that work through memory or read the database;
//! the others run at full speed. An inspector would be asked at every instruction.

use alloy_evm::eth::{EthEvm, EthEvmContext};
use alloy_primitives::{Address, B256, U256};
use mfenx_primitives::precompile;
use revm::{
    Database, DatabaseRef,
    bytecode::opcode,
    context::{ContextError, Host},
    database::{CacheDB, State, WrapDatabaseRef},
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        instructions::{
            InstructionTable, arithmetic, contract, control, host, instruction_table, memory,
            system,
        },
        interpreter::EthInterpreter,
    },
    state::{AccountInfo, Bytecode},
};
use std::{fmt, marker::PhantomData};

/// The chain's precompiles that take longer than most instructions.
const LONG: [Address; 4] =
    [precompile::ED25519, precompile::VRF, precompile::COMPUTE_VERIFY, precompile::MATRIX];

/// How many jumps pass between two questions; a jump costs 8 gas.
const JUMPS_PER_POLL: u32 = 128;
/// How many instructions that take longer than most pass between two questions.
const LONGER_PER_POLL: u32 = 8;
/// Bytes that an instruction may work through without a question of its own.
const UNASKED_BYTES_MAX: U256 = U256::from_limbs([32 * 1_024, 0, 0, 0]);

/// A database that carries the question whether to stop.
pub(crate) struct Guard<'i, DB> {
    db: DB,
    interrupt: &'i mut dyn FnMut() -> bool,
    jumps: u32,
    longer: u32,
    frames: u32,
    interrupted: bool,
    /// Whether whatever may take long in one step counts as interrupted.
    brief: bool,
}

impl<'i, DB> Guard<'i, DB> {
    pub(crate) fn new(db: DB, interrupt: &'i mut dyn FnMut() -> bool) -> Self {
        Self { db, interrupt, jumps: 0, longer: 0, frames: 0, interrupted: false, brief: false }
    }

    /// The same, stopping before a precompile that may take long and before long memory is worked
    /// through.
    pub(crate) const fn brief(mut self, brief: bool) -> Self {
        self.brief = brief;
        self
    }

    /// Whether a call was stopped.
    pub(crate) const fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// How many calls and creations there were, each with a frame of its own.
    pub(crate) const fn frames(&self) -> u32 {
        self.frames
    }

    /// Asks at most every [`JUMPS_PER_POLL`]th time.
    pub(crate) fn poll_at_jump(&mut self) -> bool {
        self.jumps = self.jumps.wrapping_add(1);
        self.jumps.is_multiple_of(JUMPS_PER_POLL) && self.poll()
    }

    /// Asks before an instruction that takes longer than most.
    pub(crate) fn poll_longer(&mut self, bytes: U256) -> bool {
        if bytes > UNASKED_BYTES_MAX {
            self.interrupted |= self.brief;
            return self.poll();
        }
        self.longer = self.longer.wrapping_add(1);
        self.longer.is_multiple_of(LONGER_PER_POLL) && self.poll()
    }

    /// Asks before a call of `target`, or before a creation.
    pub(crate) fn poll_frame(&mut self, target: Option<U256>) -> bool {
        self.frames = self.frames.saturating_add(1);
        self.interrupted |= self.brief && target.is_some_and(is_long);
        self.poll()
    }

    /// Asks every time.
    pub(crate) fn poll(&mut self) -> bool {
        self.interrupted |= (self.interrupt)();
        self.interrupted
    }
}

impl<DB> fmt::Debug for Guard<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("interrupted", &self.interrupted).finish_non_exhaustive()
    }
}

impl<DB: DatabaseRef> DatabaseRef for Guard<'_, DB> {
    type Error = DB::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        self.db.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, DB::Error> {
        self.db.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        self.db.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DB::Error> {
        self.db.block_hash_ref(number)
    }
}

/// A database of the EVM that can be asked whether to stop.
pub(crate) trait Interrupt {
    /// Asks at most every [`JUMPS_PER_POLL`]th time.
    fn poll_at_jump(&mut self) -> bool;
    /// Asks before an instruction that takes longer than most, and works through so many bytes.
    fn poll_longer(&mut self, bytes: U256) -> bool;
    /// Asks every time.
    fn poll(&mut self) -> bool;
    /// Asks before a call of `target`, a left-padded address, or before a creation.
    fn poll_frame(&mut self, _target: Option<U256>) -> bool {
        self.poll()
    }
}

impl<DB: DatabaseRef> Interrupt for WrapDatabaseRef<Guard<'_, DB>> {
    fn poll_at_jump(&mut self) -> bool {
        self.0.poll_at_jump()
    }

    fn poll_longer(&mut self, bytes: U256) -> bool {
        self.0.poll_longer(bytes)
    }

    fn poll(&mut self) -> bool {
        self.0.poll()
    }

    fn poll_frame(&mut self, target: Option<U256>) -> bool {
        self.0.poll_frame(target)
    }
}

impl<DB> Interrupt for CacheDB<Guard<'_, DB>> {
    fn poll_at_jump(&mut self) -> bool {
        self.db.poll_at_jump()
    }

    fn poll_longer(&mut self, bytes: U256) -> bool {
        self.db.poll_longer(bytes)
    }

    fn poll(&mut self) -> bool {
        self.db.poll()
    }

    fn poll_frame(&mut self, target: Option<U256>) -> bool {
        self.db.poll_frame(target)
    }
}

impl<DB: DatabaseRef> Interrupt for &mut State<WrapDatabaseRef<Guard<'_, DB>>> {
    fn poll_at_jump(&mut self) -> bool {
        self.database.0.poll_at_jump()
    }

    fn poll_longer(&mut self, bytes: U256) -> bool {
        self.database.0.poll_longer(bytes)
    }

    fn poll(&mut self) -> bool {
        self.database.0.poll()
    }
}

/// Whether a call of `target` runs native code that may take long: a precompile other than ECRECOVER,
/// SHA-256, the identity, BLAKE3 and the beacon.
pub(crate) fn is_long(target: U256) -> bool {
    let reserved = U256::from(0x1_0000);
    if target < reserved {
        return ![1, 2, 4].map(U256::from).contains(&target);
    }
    let own = |address: Address| target == U256::from_be_bytes(address.into_word().0);
    LONG.into_iter().any(own)
}

type Ctx<'c, DB> = InstructionContext<'c, EthEvmContext<DB>, EthInterpreter>;

fn stop<DB: Database>(ctx: Ctx<'_, DB>) -> InstructionExecResult {
    ctx.host.error = Err(ContextError::Custom("interrupted".into()));
    Err(InstructionResult::FatalExternalError)
}

fn jump<DB: Database + Interrupt, const CONDITIONAL: bool>(
    ctx: Ctx<'_, DB>,
) -> InstructionExecResult {
    if ctx.host.journaled_state.database.poll_at_jump() {
        return stop(ctx);
    }
    if CONDITIONAL { control::jumpi(ctx) } else { control::jump(ctx) }
}

fn call<DB: Database + Interrupt, const KIND: u8>(ctx: Ctx<'_, DB>) -> InstructionExecResult {
    let target = ctx.interpreter.stack.peek(1).unwrap_or_default();
    if ctx.host.journaled_state.database.poll_frame(Some(target)) {
        return stop(ctx);
    }
    contract::call::<KIND, _, _>(ctx)
}

fn create<DB: Database + Interrupt, const IS_CREATE2: bool>(
    ctx: Ctx<'_, DB>,
) -> InstructionExecResult {
    if ctx.host.journaled_state.database.poll_frame(None) {
        return stop(ctx);
    }
    contract::create::<IS_CREATE2, _, _>(ctx)
}

/// Where an instruction that takes longer than most has the number of bytes it works through, from
/// the top of the stack.
const fn length_operand(opcode: u8) -> Option<usize> {
    match opcode {
        opcode::KECCAK256 | opcode::LOG0..=opcode::LOG4 => Some(1),
        opcode::CALLDATACOPY | opcode::CODECOPY | opcode::RETURNDATACOPY | opcode::MCOPY => Some(2),
        opcode::EXTCODECOPY => Some(3),
        _ => None,
    }
}

fn longer<DB: Database + Interrupt, const OPCODE: u8>(ctx: Ctx<'_, DB>) -> InstructionExecResult {
    let bytes = const { length_operand(OPCODE) }
        .and_then(|index| ctx.interpreter.stack.peek(index).ok())
        .unwrap_or_default();
    if ctx.host.journaled_state.database.poll_longer(bytes) {
        return stop(ctx);
    }
    match OPCODE {
        opcode::KECCAK256 => system::keccak256(ctx),
        opcode::EXP => arithmetic::exp(ctx),
        opcode::CALLDATACOPY => system::calldatacopy(ctx),
        opcode::CODECOPY => system::codecopy(ctx),
        opcode::RETURNDATACOPY => system::returndatacopy(ctx),
        opcode::MCOPY => memory::mcopy(ctx),
        opcode::BALANCE => host::balance(ctx),
        opcode::EXTCODESIZE => host::extcodesize(ctx),
        opcode::EXTCODECOPY => host::extcodecopy(ctx),
        opcode::EXTCODEHASH => host::extcodehash(ctx),
        opcode::BLOCKHASH => host::blockhash(ctx),
        opcode::SLOAD => host::sload(ctx),
        opcode::SSTORE => host::sstore(ctx),
        opcode::LOG0 => host::log::<0, _>(ctx),
        opcode::LOG1 => host::log::<1, _>(ctx),
        opcode::LOG2 => host::log::<2, _>(ctx),
        opcode::LOG3 => host::log::<3, _>(ctx),
        opcode::LOG4 => host::log::<4, _>(ctx),
        _ => control::unknown(ctx),
    }
}

/// Ethereum's instructions, of which those that may take long ask whether to stop; gas costs stay.
pub(crate) const fn polled_instructions<DB>() -> InstructionTable<EthInterpreter, EthEvmContext<DB>>
where
    DB: alloy_evm::Database + Interrupt,
    EthEvmContext<DB>: Host,
{
    const { Polled::<DB>::TABLE }
}

/// The table of a database, made at compile time.
struct Polled<DB>(PhantomData<DB>);

impl<DB> Polled<DB>
where
    DB: alloy_evm::Database + Interrupt,
    EthEvmContext<DB>: Host,
{
    // By constants, when the program is compiled.
    #[allow(clippy::indexing_slicing)]
    const TABLE: InstructionTable<EthInterpreter, EthEvmContext<DB>> = {
        let mut table = instruction_table();
        table[opcode::JUMP as usize] = Instruction::new(jump::<DB, false>);
        table[opcode::JUMPI as usize] = Instruction::new(jump::<DB, true>);
        table[opcode::CALL as usize] = Instruction::new(call::<DB, { opcode::CALL }>);
        table[opcode::CALLCODE as usize] = Instruction::new(call::<DB, { opcode::CALLCODE }>);
        table[opcode::DELEGATECALL as usize] =
            Instruction::new(call::<DB, { opcode::DELEGATECALL }>);
        table[opcode::STATICCALL as usize] = Instruction::new(call::<DB, { opcode::STATICCALL }>);
        table[opcode::CREATE as usize] = Instruction::new(create::<DB, false>);
        table[opcode::CREATE2 as usize] = Instruction::new(create::<DB, true>);
        table[opcode::KECCAK256 as usize] = Instruction::new(longer::<DB, { opcode::KECCAK256 }>);
        table[opcode::EXP as usize] = Instruction::new(longer::<DB, { opcode::EXP }>);
        table[opcode::CALLDATACOPY as usize] =
            Instruction::new(longer::<DB, { opcode::CALLDATACOPY }>);
        table[opcode::CODECOPY as usize] = Instruction::new(longer::<DB, { opcode::CODECOPY }>);
        table[opcode::RETURNDATACOPY as usize] =
            Instruction::new(longer::<DB, { opcode::RETURNDATACOPY }>);
        table[opcode::MCOPY as usize] = Instruction::new(longer::<DB, { opcode::MCOPY }>);
        table[opcode::BALANCE as usize] = Instruction::new(longer::<DB, { opcode::BALANCE }>);
        table[opcode::EXTCODESIZE as usize] =
            Instruction::new(longer::<DB, { opcode::EXTCODESIZE }>);
        table[opcode::EXTCODECOPY as usize] =
            Instruction::new(longer::<DB, { opcode::EXTCODECOPY }>);
        table[opcode::EXTCODEHASH as usize] =
            Instruction::new(longer::<DB, { opcode::EXTCODEHASH }>);
        table[opcode::BLOCKHASH as usize] = Instruction::new(longer::<DB, { opcode::BLOCKHASH }>);
        table[opcode::SLOAD as usize] = Instruction::new(longer::<DB, { opcode::SLOAD }>);
        table[opcode::SSTORE as usize] = Instruction::new(longer::<DB, { opcode::SSTORE }>);
        table[opcode::LOG0 as usize] = Instruction::new(longer::<DB, { opcode::LOG0 }>);
        table[opcode::LOG1 as usize] = Instruction::new(longer::<DB, { opcode::LOG1 }>);
        table[opcode::LOG2 as usize] = Instruction::new(longer::<DB, { opcode::LOG2 }>);
        table[opcode::LOG3 as usize] = Instruction::new(longer::<DB, { opcode::LOG3 }>);
        table[opcode::LOG4 as usize] = Instruction::new(longer::<DB, { opcode::LOG4 }>);
        table
    };
}

/// Makes the instructions of `evm` [ask](polled_instructions) whether to stop.
///
/// `inspect` says whether the inspector is asked.
pub(crate) fn install<DB, I, P>(evm: EthEvm<DB, I, P>, inspect: bool) -> EthEvm<DB, I, P>
where
    DB: alloy_evm::Database + Interrupt,
    EthEvmContext<DB>: Host,
{
    let mut inner = evm.into_inner();
    *inner.instruction.instruction_table_mut() = polled_instructions();
    EthEvm::new(inner, inspect)
}
