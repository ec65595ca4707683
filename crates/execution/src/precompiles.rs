//! The precompiles of a block: those of the fork, and the chain's own where they are active.
//!
//! Invariants: the chain's own behave as the fork's do. They are warm from the beginning
//! (EIP-2929), may be moved and replaced by overrides, and an account that delegates to one
//! (EIP-7702) has no code, although a byte of code stands at their addresses. A chain without them,
//! such as Ethereum's, sees no difference at all.

use crate::env::ChainEnv;
use alloy_evm::{
    Database,
    eth::{EthEvm, EthEvmContext},
    precompiles::{DynPrecompile, PrecompilesMap},
};
use alloy_primitives::{Address, B256, Bytes, b256, map::AddressSet};
use mfenx_precompiles::{Beacon, PrecompileResult as Outcome};
use mfenx_primitives::precompile::{self, PRECOMPILES};
use revm::{
    context::{Block as _, ContextError, JournalTr},
    handler::{PrecompileProvider, precompile_output_to_interpreter_result},
    interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult},
    precompile::{
        Precompile, PrecompileHalt, PrecompileId, PrecompileOutput, PrecompileResult,
        PrecompileSpecId, Precompiles,
    },
    primitives::hardfork::SpecId,
};
use std::sync::OnceLock;

/// Keccak-256 of [`precompile::PRECOMPILE_CODE`].
const CODE_HASH: B256 = b256!("bcc90f2d6dada5b18e155c17a1c0a55920aae94f39857d39d0d8ed07ae8f228b");

/// What the EVM of one block has for precompiles.
#[derive(Debug)]
pub(crate) struct ChainPrecompiles {
    map: PrecompilesMap,
    /// Those of the block before anybody moved one.
    initial: &'static Precompiles,
    /// Where the one stands that reads beyond its input; nowhere where it is not active or was
    /// replaced.
    beacon: Option<Address>,
    /// Whether the chain's own are among them.
    own: bool,
}

impl ChainPrecompiles {
    pub(crate) fn of(env: &ChainEnv) -> Self {
        let own = env.precompiles;
        let initial = initial(env.evm.cfg_env.spec, own);
        let beacon = own.then_some(precompile::BEACON);
        Self { map: PrecompilesMap::from_static(initial), initial, beacon, own }
    }

    /// Whether a precompile stands at `address`.
    pub(crate) fn is_at(&self, address: &Address) -> bool {
        self.map.get(address).is_some()
    }

    /// Removes the one at `address`, and puts it at `destination` if there is one.
    pub(crate) fn displace(&mut self, address: Address, destination: Option<Address>) {
        let mut taken: Option<DynPrecompile> = None;
        self.map.apply_precompile(&address, |precompile| {
            taken = precompile;
            None
        });
        if self.beacon == destination && destination.is_some() {
            self.beacon = None;
        }
        if self.beacon == Some(address) {
            self.beacon = destination;
        }
        if let Some(destination) = destination {
            self.map.apply_precompile(&destination, |_| taken);
        }
    }
}

/// Puts `precompiles` into an EVM that has others.
pub(crate) fn install<DB: Database, I, P>(
    evm: EthEvm<DB, I, P>,
    precompiles: ChainPrecompiles,
    inspect: bool,
) -> EthEvm<DB, I, ChainPrecompiles> {
    EthEvm::new(evm.into_inner().with_precompiles(precompiles), inspect)
}

impl<DB: Database> PrecompileProvider<EthEvmContext<DB>> for ChainPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _: SpecId) -> bool {
        false
    }

    fn run(
        &mut self,
        context: &mut EthEvmContext<DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        if self.own {
            if self.beacon == Some(inputs.bytecode_address) {
                return Ok(Some(run_beacon(context, inputs)));
            }
            if inputs.known_bytecode.0 == CODE_HASH && delegates(context, inputs.bytecode_address) {
                let gas =
                    Gas::new_with_regular_gas_and_reservoir(inputs.gas_limit, inputs.reservoir);
                let result = InterpreterResult::new(InstructionResult::Stop, Bytes::new(), gas);
                return Ok(Some(result));
            }
        }
        self.map.run(context, inputs)
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.initial.addresses_set()
    }

    fn contains(&self, address: &Address) -> bool {
        self.is_at(address)
    }
}

/// Whether the account delegates to one of the chain's own precompiles. It was loaded for the call.
fn delegates<DB: Database>(context: &mut EthEvmContext<DB>, account: Address) -> bool {
    let Ok(account) = context.journaled_state.load_account_with_code(account) else { return false };
    let target = account.data.info.code.as_ref().and_then(|code| code.eip7702_address());
    target.is_some_and(|target| PRECOMPILES.contains(&target))
}

/// Reads the beacon as the database answers; its failure ends the transaction, as that of any
/// other read.
fn run_beacon<DB: Database>(
    context: &mut EthEvmContext<DB>,
    inputs: &CallInputs,
) -> InterpreterResult {
    let input = inputs.input.bytes(context);
    let current = context.block.number().saturating_to();
    let database = &mut context.journaled_state.database;
    let asked = mfenx_precompiles::beacon(&input, inputs.gas_limit, current, |height| {
        Beacon::read(height, |number| database.block_hash(number))
    });
    match asked {
        Ok(outcome) => {
            let output = evm_output(outcome, inputs.reservoir);
            precompile_output_to_interpreter_result(output, inputs.gas_limit)
        }
        Err(error) => {
            context.error = Err(ContextError::Db(error));
            let gas = Gas::new(inputs.gas_limit);
            InterpreterResult::new(InstructionResult::FatalExternalError, Bytes::new(), gas)
        }
    }
}

fn evm_output(outcome: Outcome, reservoir: u64) -> PrecompileOutput {
    match outcome {
        Ok(output) if output.reverted => {
            PrecompileOutput::revert(output.gas_used, output.bytes, reservoir)
        }
        Ok(output) => PrecompileOutput::new(output.gas_used, output.bytes, reservoir),
        Err(mfenx_precompiles::OutOfGas) => {
            PrecompileOutput::halt(PrecompileHalt::OutOfGas, reservoir)
        }
    }
}

/// The precompiles of a fork, with the chain's own or without.
fn initial(spec: SpecId, own: bool) -> &'static Precompiles {
    const KINDS: usize = PrecompileSpecId::NEXT as usize + 1;
    static WITH_OWN: [OnceLock<Precompiles>; KINDS] = [const { OnceLock::new() }; KINDS];
    let kind = PrecompileSpecId::from_spec_id(spec);
    let fork = Precompiles::new(kind);
    match WITH_OWN.get(kind as usize) {
        Some(both) if own => both.get_or_init(|| {
            let mut both = fork.clone();
            both.extend(own_precompiles());
            both
        }),
        _ => fork,
    }
}

macro_rules! own {
    ($address:ident, $name:literal, $function:path) => {
        Precompile::new(
            PrecompileId::Custom(std::borrow::Cow::Borrowed($name)),
            precompile::$address,
            |input, gas_limit, reservoir| -> PrecompileResult {
                Ok(evm_output($function(input, gas_limit), reservoir))
            },
        )
    };
}

fn own_precompiles() -> [Precompile; 6] {
    [
        own!(BLAKE3, "BLAKE3", mfenx_precompiles::blake3),
        own!(ED25519, "ED25519_VERIFY", mfenx_precompiles::ed25519_verify),
        own!(VRF, "VRF_VERIFY", mfenx_precompiles::vrf_verify),
        own!(BEACON, "BEACON", without_blocks),
        own!(COMPUTE_VERIFY, "COMPUTE_VERIFY", mfenx_precompiles::compute_verify),
        own!(MATRIX, "MATRIX_MULTIPLY", mfenx_precompiles::multiply),
    ]
}

/// Stands in the map where [`run_beacon`] is run: nothing gets here.
const fn without_blocks(_: &[u8], _: u64) -> Outcome {
    Err(mfenx_precompiles::OutOfGas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn the_code_hash_is_that_of_the_code() {
        assert_eq!(keccak256(precompile::PRECOMPILE_CODE), CODE_HASH);
    }

    #[test]
    fn forks_have_theirs_and_ours_beside_them() {
        for (spec, count) in [(SpecId::FRONTIER, 4), (SpecId::CANCUN, 10), (SpecId::OSAKA, 18)] {
            assert_eq!(initial(spec, false).len(), count);
            assert_eq!(initial(spec, true).len(), count + own_precompiles().len());
        }
    }
}
