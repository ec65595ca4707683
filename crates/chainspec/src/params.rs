//! Parameters of our own, which stand in a genesis file under `config.mfenx`.

use serde::{Deserialize, Serialize};

/// Parameters of block production; each has a default, so that any Ethereum genesis file will do.
///
/// The two times are for consensus between authorities. Until there is one nobody goes by them: a
/// development chain has its own option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChainParams {
    /// Gas limit toward which a proposer moves, by at most 1/1024 of the parent's per block.
    pub gas_limit_target: u64,
    /// Time between blocks while there are transactions, in milliseconds.
    pub block_time_ms: u64,
    /// Time after which an idle chain makes an empty block, in milliseconds.
    pub idle_block_time_ms: u64,
}

impl Default for ChainParams {
    fn default() -> Self {
        Self { gas_limit_target: 120_000_000, block_time_ms: 1_000, idle_block_time_ms: 5_000 }
    }
}

impl ChainParams {
    /// The range of gas limits a header may hold: at least 5,000, at most 2^63-1.
    pub(crate) const fn is_valid(&self) -> bool {
        self.gas_limit_target >= 5_000
            && self.gas_limit_target <= i64::MAX as u64
            && self.block_time_ms > 0
            && self.idle_block_time_ms >= self.block_time_ms
    }
}
