//! The environment in which calls on the head run, made once a block.

use alloy_primitives::B256;
use mfenx_chainspec::ChainSpec;
use mfenx_execution::{ChainEnv, evm_env};
use mfenx_primitives::SealedHeader;
use parking_lot::RwLock;

/// The environment of the last head that was asked for. A hash names all that it depends on.
#[derive(Debug, Default)]
pub(crate) struct HeadEnv(RwLock<Option<(B256, ChainEnv)>>);

impl HeadEnv {
    /// The environment of the block that `header` heads.
    pub(crate) fn of(&self, spec: &ChainSpec, header: &SealedHeader) -> ChainEnv {
        let hash = header.hash();
        if let Some((_, env)) = self.0.read().as_ref().filter(|(known, _)| *known == hash) {
            return env.clone();
        }
        let env = evm_env(spec, header);
        *self.0.write() = Some((hash, env.clone()));
        env
    }
}
