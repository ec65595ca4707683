//! What a precompile gives back.

use crate::abi;
use alloy_primitives::Bytes;

/// It needs more gas than it was given. All that it was given is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfGas;

/// It returned or reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Gas that it took.
    pub gas_used: u64,
    /// Whether the input was malformed; then `bytes` is an `Error(string)`.
    pub reverted: bool,
    /// What it returned.
    pub bytes: Bytes,
}

/// How a precompile ended.
pub type PrecompileResult = Result<Output, OutOfGas>;

/// Gas of one call: charged first, spent then.
pub(crate) struct Gas {
    limit: u64,
    used: u64,
}

impl Gas {
    /// Begins with `base`.
    pub(crate) fn charge(limit: u64, base: u64) -> Result<Self, OutOfGas> {
        let mut gas = Self { limit, used: 0 };
        gas.charge_more(base)?;
        Ok(gas)
    }

    pub(crate) fn charge_more(&mut self, amount: u64) -> Result<(), OutOfGas> {
        let used = self.used.saturating_add(amount);
        if used > self.limit {
            return Err(OutOfGas);
        }
        self.used = used;
        Ok(())
    }

    pub(crate) fn returns(self, bytes: impl Into<Bytes>) -> PrecompileResult {
        Ok(Output { gas_used: self.used, reverted: false, bytes: bytes.into() })
    }

    /// Reverts; the gas charged so far stays charged.
    pub(crate) fn reverts(self, reason: &str) -> PrecompileResult {
        Ok(Output { gas_used: self.used, reverted: true, bytes: abi::error(reason).into() })
    }
}

/// Words of 32 bytes that so many bytes take.
pub(crate) const fn words(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(32)
}
