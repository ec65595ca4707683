//! Blocks of a file together with what is kept beside them: who decided them and their randomness.
//!
//! A plain block has none of it. On a chain of authorities a seal is a [`Decision`], verified against
//! the authorities in force; on a development chain a [`Sidecar`], of which the header commits to the
//! output and the block before to the seed. Blocks that read beacons can be executed only where the
//! seals of the blocks before them are, and only with seals can an authority go on from a file.

use crate::{
    chain::{Chain, head_of},
    error::{BlockFault, EngineError, ImportError},
    randomness::{Sidecar, mix_hash},
    sets::Sets,
};
use mfenx_consensus::Decision;
use mfenx_primitives::{Block, CommittedBlock, RecoveredBlock};
use std::sync::Arc;

/// Imports blocks with their seals.
#[derive(Debug)]
pub struct SealedImporter {
    chain: Chain,
    /// None on a chain without authorities.
    sets: Option<Sets>,
}

impl SealedImporter {
    /// For the chain whose writer this is.
    ///
    /// # Errors
    /// The chain's parameters of consensus cannot be used.
    pub fn new(chain: Chain) -> Result<Self, EngineError> {
        let spec = chain.spec();
        let sets = spec.consensus().is_some().then(|| Sets::new(Arc::clone(spec))).transpose()?;
        Ok(Self { chain, sets })
    }

    /// Verifies a block and its seal on the head, and commits both. Blocking.
    ///
    /// # Errors
    /// The block or its seal is wrong, or the store fails. Nothing is written.
    pub fn import(&mut self, block: Block, seal: &[u8]) -> Result<Arc<CommittedBlock>, BlockFault> {
        let store = self.chain.store();
        let reader = store.reader().map_err(ImportError::from)?;
        let parent = head_of(&reader).map_err(ImportError::from)?;
        let hash = block.header.hash_slow();
        self.chain.check_place(&reader, (&block.header, hash), &parent)?;
        let Some(sets) = &mut self.sets else {
            let sidecar = Sidecar::decode(seal).ok_or(BlockFault::Seal)?;
            let seed = Chain::next_seed(&reader, &parent).map_err(ImportError::from)?;
            if sidecar.seed != seed {
                return Err(BlockFault::Seed);
            }
            if block.header.mix_hash != mix_hash(&sidecar.beta) {
                return Err(BlockFault::MixHash);
            }
            let block = RecoveredBlock::recover(block).map_err(ImportError::from)?;
            let (executed, outcome) = self.chain.check_and_execute(&reader, &parent, &block)?;
            drop(reader);
            let committed = self.chain.commit(block, executed, &outcome, Some(seal));
            return Ok(committed.map_err(ImportError::from)?);
        };
        let authorities = sets.after_head(&reader).map_err(BlockFault::ours)?;
        drop(reader);
        let Decision { seed, proof, certificate } =
            Decision::decode(seal).map_err(|_| BlockFault::Seal)?;
        if seed != authorities.set().seed() {
            return Err(BlockFault::Seed);
        }
        let set = authorities.set();
        let candidate = self.chain.check_decided(set, &certificate, proof, block)?;
        let sealed = self.chain.commit_candidate(candidate, certificate);
        Ok(sealed.map_err(BlockFault::ours)?.committed)
    }
}
