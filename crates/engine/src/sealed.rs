//! Blocks of a file together with what is kept beside them: who decided them and their randomness.
//!
//! A plain block has none of it. On a chain of authorities a seal is a [`Decision`], verified against
//! the authorities in force; on a development chain a [`Sidecar`], of which the header commits to the
//! output and the block before to the seed. Blocks that read beacons can be executed only where the
//! seals of the blocks before them are, and only with seals can an authority go on from a file.

use crate::{
    candidate::check_builder,
    chain::{Chain, head_of},
    error::{BlockFault, EngineError, ImportError},
    randomness::{Sidecar, mix_hash},
    sets::Sets,
};
use alloy_primitives::B256;
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::{Decision, Domain, ValidatorSet, verify_certificate};
use mfenx_primitives::{Block, CommittedBlock, RecoveredBlock, SealedHeader};
use mfenx_storage::{Reader, StoreError};
use std::sync::Arc;

/// Faults that are told one by one.
const FAULTS_MAX: usize = 16;

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
            let seed = Chain::next_seed(&reader, &parent).map_err(ImportError::from)?;
            check_sidecar(seed, block.header.mix_hash, seal)?;
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

/// The seal of a block of a chain without authorities, at a height with this seed.
fn check_sidecar(seed: B256, header_mix_hash: B256, seal: &[u8]) -> Result<(), BlockFault> {
    let sidecar = Sidecar::decode(seal).ok_or(BlockFault::Seal)?;
    if sidecar.seed != seed {
        return Err(BlockFault::Seed);
    }
    if header_mix_hash != mix_hash(&sidecar.beta) {
        return Err(BlockFault::MixHash);
    }
    Ok(())
}

/// What was found of the seals in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Blocks with a seal.
    pub sealed: u64,
    /// Blocks without one: those of a plain file.
    pub plain: u64,
    /// Seals that do not hold.
    pub fault_count: u64,
    /// The first of them, in words.
    pub faults: Vec<String>,
}

/// Verifies every seal in the store: certificates and turns against the authorities in force, proofs of
/// randomness, and that each seed follows from the block before. Blocking, a fraction of a millisecond a
/// signature.
///
/// # Errors
/// The store cannot be read, or lacks what the authorities are read from.
pub fn check_seals(reader: &Reader, spec: &Arc<ChainSpec>) -> Result<SealReport, EngineError> {
    let sets = spec.consensus().is_some().then(|| Sets::new(Arc::clone(spec))).transpose()?;
    let domain = Domain { chain_id: spec.chain_id(), genesis_hash: spec.genesis_header().hash() };
    let header = |number| reader.header(number)?.ok_or(StoreError::NotInitialized);
    let (head, mut parent) = (head_of(reader)?, header(0)?);
    let mut report = SealReport::default();
    let mut last: Option<(u64, ValidatorSet)> = None;
    for number in 1..=head.number {
        let child = header(number)?;
        let Some(seal) = reader.certificate(number)? else {
            report.plain += 1;
            parent = child;
            continue;
        };
        report.sealed += 1;
        let seed = Chain::next_seed(reader, &parent)?;
        let checked = match &sets {
            None => check_sidecar(seed, child.mix_hash, &seal),
            Some(sets) => {
                let epoch = sets.epoch_of(number);
                let set = match last.take().filter(|(known, _)| *known == epoch) {
                    Some((_, set)) => Some(set),
                    None => sets.of_epoch(reader, epoch)?,
                };
                // An epoch that has begun is final.
                let Some(set) = set.map(|set| set.with_seed(seed)) else {
                    return Err(StoreError::NotInitialized.into());
                };
                let checked = check_decision(&domain, &set, (&parent, &child), &seal);
                last = Some((epoch, set));
                checked
            }
        };
        if let Err(fault) = checked {
            report.fault_count += 1;
            if report.faults.len() < FAULTS_MAX {
                report.faults.push(format!("seal of block {number}: {fault}"));
            }
        }
        parent = child;
    }
    Ok(report)
}

/// The seal of a block that authorities decided.
fn check_decision(
    domain: &Domain,
    set: &ValidatorSet,
    (parent, child): (&SealedHeader, &SealedHeader),
    seal: &[u8],
) -> Result<(), BlockFault> {
    let Decision { seed, proof, certificate } =
        Decision::decode(seal).map_err(|_| BlockFault::Seal)?;
    if seed != set.seed() {
        return Err(BlockFault::Seed);
    }
    if certificate.height.0 != child.number || certificate.block_hash != child.hash() {
        return Err(BlockFault::OtherCertificate);
    }
    verify_certificate(domain, set, &certificate)?;
    check_builder(domain, set, parent, child, &proof)
}
