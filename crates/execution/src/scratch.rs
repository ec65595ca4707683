//! What is made for a call and can be used again for the next one: stacks, memory, the journal.
//!
//! Making and dropping them takes longer than the whole of a short call. Nothing of one call is seen
//! by another: the EVM clears what it is given, and what is left here after a call is only room. A
//! call that used much room, or went wrong, takes its room with it.

use crate::{
    call::call_error,
    env::ChainEnv,
    error::CallError,
    interrupt::{Guard, polled_instructions},
    precompiles::ChainPrecompiles,
};
use alloy_evm::{EvmEnv, eth::EthEvmContext};
use revm::{
    DatabaseRef,
    context::{
        Context, Evm, FrameStack, Journal, JournalEntry, JournalInner, JournalTr, LocalContext,
        TxEnv, result::ExecutionResult,
    },
    database::WrapDatabaseRef,
    handler::{EthFrame, Handler, MainnetHandler, instructions::EthInstructions},
    inspector::NoOpInspector,
    interpreter::instructions::{GasTable, gas_table_spec},
    primitives::hardfork::SpecId,
};
use std::fmt;

/// Frames that exist from the beginning; a call that needs more takes its room with it.
const FRAMES: u32 = 8;
/// Gas of a call whose room is kept: it bounds memory to half a megabyte, and journal and transient
/// storage to less.
const GAS_MAX: u64 = 500_000;
/// Bytes of calldata of a call whose room is kept, for frames hold on to it.
const DATA_BYTES_MAX: usize = 64 * 1_024;

/// Room for calls, one after the other. It holds about 300 KiB, and less than 2 MiB.
#[derive(Default)]
pub struct CallScratch(Option<Room>);

struct Room {
    spec: SpecId,
    /// Whether the chain's own precompiles are warm in the journal, beside those of the fork.
    own: bool,
    gas_table: Box<GasTable>,
    frames: FrameStack<EthFrame>,
    local: LocalContext,
    journal: JournalInner<JournalEntry>,
}

impl fmt::Debug for CallScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spec = self.0.as_ref().map(|room| room.spec);
        f.debug_struct("CallScratch").field("spec", &spec).finish_non_exhaustive()
    }
}

impl Room {
    fn new(spec: SpecId, own: bool, precompiles: &ChainPrecompiles) -> Self {
        let mut journal = JournalInner::new();
        journal.warm_addresses.set_precompile_addresses(precompiles.warm());
        Self {
            spec,
            own,
            gas_table: Box::new(gas_table_spec(spec)),
            frames: FrameStack::new_prealloc(FRAMES as usize),
            local: LocalContext::default(),
            journal,
        }
    }
}

impl CallScratch {
    #[cfg(test)]
    pub(crate) const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Runs one transaction on `db`, whose changes are forgotten. `env` is complete: the rules are
    /// turned off that calls need not keep.
    pub(crate) fn run<DB: DatabaseRef>(
        &mut self,
        db: Guard<'_, DB>,
        env: ChainEnv,
        request: TxEnv,
    ) -> Result<ExecutionResult, CallError> {
        let (own, precompiles) = (env.precompiles, ChainPrecompiles::of(&env));
        let EvmEnv { block_env: block, cfg_env: cfg } = env.evm;
        let (spec, sender, data_bytes) = (cfg.spec, request.caller, request.data.len());
        let room = self.0.take().filter(|room| (room.spec, room.own) == (spec, own));
        let Room { gas_table, frames, local, journal, .. } =
            room.unwrap_or_else(|| Room::new(spec, own, &precompiles));
        let mut journaled_state = Journal::new_with_inner(WrapDatabaseRef(db), journal);
        journaled_state.set_spec_id(spec);
        journaled_state.set_eip7708_config(
            cfg.amsterdam_eip7708_disabled,
            cfg.amsterdam_eip8246_delayed_clear_disabled,
        );
        let ctx: EthEvmContext<_> =
            Context { block, tx: request, cfg, journaled_state, chain: (), local, error: Ok(()) };
        let mut evm = Evm {
            ctx,
            inspector: NoOpInspector {},
            instruction: EthInstructions::new(polled_instructions(), *gas_table, spec),
            precompiles,
            frame_stack: frames,
        };
        let result = MainnetHandler::default().run(&mut evm);
        // Clears the journal; what is in it is dropped.
        evm.ctx.journaled_state.finalize();
        let Evm { ctx: Context { journaled_state, local, .. }, frame_stack: frames, .. } = evm;
        let Journal { database: WrapDatabaseRef(db), inner: journal } = journaled_state;
        if db.interrupted() {
            return Err(CallError::Interrupted);
        }
        let result: ExecutionResult = result.map_err(|error| call_error(sender, error))?;
        if result.tx_gas_used() <= GAS_MAX && db.frames() < FRAMES && data_bytes <= DATA_BYTES_MAX {
            self.0 = Some(Room { spec, own, gas_table, frames, local, journal });
        }
        Ok(result)
    }
}
