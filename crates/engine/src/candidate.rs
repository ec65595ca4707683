//! Blocks of authorities before they are decided: building one, checking one, committing one.
//!
//! Invariants: a [`Candidate`] was executed on the head of its time and its root agreed; its proof
//! verifies under the key of the builder that its extraData names, whose turn its built round was,
//! and whose account is the beneficiary; its `mixHash` is of that proof's output.

use crate::{
    chain::{Chain, Outcome, Sealed, changed_accounts, head_of},
    error::{BlockFault, EngineError},
    metrics,
    source::PoolSource,
};
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::Decodable;
use mfenx_chainspec::EthereumHardforks;
use mfenx_consensus::{
    Certificate, Decision, Domain, ExtraData, Height, ValidatorSet, alpha, mix_hash,
    verify_certificate, verify_vrf,
};
use mfenx_execution::{BuildAttributes, Executed, build_block, next_gas_limit};
use mfenx_primitives::{
    Block, EMPTY_ROOT_HASH, Header, RecoverError, RecoveredBlock, SealedHeader, Transaction,
};
use mfenx_storage::Reader;
use mfenx_txpool::{DropReason, PoolHandle};
use mfenx_vrf::{Proof, SecretKey};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far a block's timestamp may be ahead of this machine's clock, in seconds. A block that comes
/// one second after its parent may always be.
const CLOCK_DRIFT_SECONDS: u64 = 10;

/// The longest payload: a block and its proof.
pub(crate) const PAYLOAD_BYTES_MAX: usize = mfenx_execution::MAX_BLOCK_RLP_BYTES + Proof::BYTES;

/// A block that could be decided, with what it does.
#[derive(Debug)]
pub(crate) struct Candidate {
    block: RecoveredBlock,
    executed: Executed,
    outcome: Outcome,
    proof: Proof,
    seed: B256,
}

impl Candidate {
    pub(crate) const fn hash(&self) -> B256 {
        self.block.hash()
    }

    /// The round it was built in, as its extraData says.
    pub(crate) fn built_round(&self) -> u32 {
        let extra = ExtraData::decode(&self.block.header().extra_data);
        // Checked before there was a candidate.
        extra.map_or(u32::MAX, |extra| extra.built_round)
    }

    /// `proof (80) || block`, as it travels and as the log keeps it.
    pub(crate) fn payload(&self) -> bytes::Bytes {
        payload(&self.proof, self.block.block()).into()
    }
}

/// Whose block is built, and when.
#[derive(Debug, Clone)]
pub(crate) struct BuildRequest {
    pub(crate) set: ValidatorSet,
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) operator: Address,
    pub(crate) time_max: Duration,
}

/// `proof (80) || block`.
pub(crate) fn payload(proof: &Proof, block: &Block) -> Vec<u8> {
    let mut bytes = proof.to_bytes().to_vec();
    alloy_rlp::Encodable::encode(block, &mut bytes);
    bytes
}

/// Reads a payload that holds exactly one proof and one block; nothing is checked but the format.
pub(crate) fn decode_payload(bytes: &[u8]) -> Result<(Proof, Block), BlockFault> {
    let short = BlockFault::Decode(alloy_rlp::Error::InputTooShort);
    let (proof, mut rest) = bytes.split_at_checked(Proof::BYTES).ok_or(short)?;
    let proof = Proof::from_bytes(proof).map_err(BlockFault::Proof)?;
    let block = Block::decode(&mut rest).map_err(BlockFault::Decode)?;
    if !rest.is_empty() {
        return Err(BlockFault::Decode(alloy_rlp::Error::Custom("bytes after the block")));
    }
    Ok((proof, block))
}

impl Chain {
    /// Builds a block on the head. Blocking.
    pub(crate) fn build_candidate(
        &self,
        pool: &PoolHandle,
        vrf: &SecretKey,
        request: &BuildRequest,
    ) -> Result<Candidate, EngineError> {
        let reader = self.store().reader()?;
        let parent = head_of(&reader)?;
        let spec = self.spec();
        let BuildRequest { set, height, round, operator, time_max } = request;
        let number = *height;
        let (proof, output) = vrf.prove(&alpha(spec.chain_id(), Height(number), set.seed()));
        let index = set
            .index_of(&mfenx_consensus::Operator(*operator))
            .ok_or(EngineError::NotInSet { operator: *operator, height: number })?;
        let extra = ExtraData { built_round: *round, proposer_index: u32::from(index) };
        let timestamp = unix_time()?.as_secs().max(parent.timestamp.saturating_add(1));
        let attributes = BuildAttributes {
            timestamp,
            beneficiary: *operator,
            prev_randao: mix_hash(output.as_bytes()),
            gas_limit: next_gas_limit(parent.gas_limit, spec.params().gas_limit_target),
            extra_data: Bytes::copy_from_slice(&extra.encode()),
            parent_beacon_block_root: spec
                .is_cancun_active_at_timestamp(timestamp)
                .then_some(B256::ZERO),
            withdrawals: spec.is_shanghai_active_at_timestamp(timestamp).then(Vec::new),
        };
        let base_fee = spec.next_base_fee(&parent).unwrap_or_default();
        let mut source = PoolSource::new(pool.best(base_fee));
        let start = Instant::now();
        let mut out_of_time = || start.elapsed() > *time_max;
        let state = reader.latest_state();
        let built = build_block(spec, state, &parent, &attributes, &mut source, &mut out_of_time)
            .map_err(|source| EngineError::Build { number, source })?;
        let execution = start.elapsed();
        let invalid = source.into_invalid();
        metrics::rejected(invalid.len());
        for (hash, sender, reason) in &invalid {
            tracing::debug!(%hash, %sender, reason, "dropped a transaction that cannot be executed");
            pool.remove(hash, DropReason::Invalid(reason.clone()));
        }
        let (root, outcome) = crate::chain::outcome(&reader, &built.executed, execution)?;
        let (block, executed) = built.seal(root);
        Ok(Candidate { block, executed, outcome, proof, seed: set.seed() })
    }

    /// Checks and executes a block on the head. Blocking. `set` is that of the head's child.
    /// `fresh` asks for a timestamp that this machine's clock agrees with: of proposals, never of
    /// decided blocks. Senders of transactions that `pool` holds are not recovered again.
    pub(crate) fn check_candidate(
        &self,
        pool: &PoolHandle,
        set: &ValidatorSet,
        proof: Proof,
        block: Block,
        fresh: bool,
    ) -> Result<Candidate, BlockFault> {
        let reader = self.store().reader().map_err(crate::error::ImportError::from)?;
        let parent = head_of(&reader).map_err(crate::error::ImportError::from)?;
        check_builder(&self.domain(), set, &parent, &block.header, &proof)?;
        if fresh {
            check_clock(&parent, &block.header)?;
        }
        let block = recover_beside(pool, block).map_err(crate::error::ImportError::from)?;
        self.check_on(&reader, &parent, set.seed(), proof, block)
    }

    fn check_on(
        &self,
        reader: &Reader,
        parent: &SealedHeader,
        seed: B256,
        proof: Proof,
        block: RecoveredBlock,
    ) -> Result<Candidate, BlockFault> {
        let (executed, outcome) = self.check_and_execute(reader, parent, &block)?;
        Ok(Candidate { block, executed, outcome, proof, seed })
    }

    /// Checks a block that others decided, then executes it on the head. Blocking.
    pub(crate) fn check_decided(
        &self,
        set: &ValidatorSet,
        certificate: &Certificate,
        proof: Proof,
        block: Block,
    ) -> Result<Candidate, BlockFault> {
        let hash = block.header.hash_slow();
        if certificate.height.0 != block.header.number || certificate.block_hash != hash {
            return Err(BlockFault::OtherCertificate);
        }
        let domain = self.domain();
        verify_certificate(&domain, set, certificate)?;
        let reader = self.store().reader().map_err(crate::error::ImportError::from)?;
        let parent = head_of(&reader).map_err(crate::error::ImportError::from)?;
        check_builder(&domain, set, &parent, &block.header, &proof)?;
        let block = RecoveredBlock::recover(block).map_err(crate::error::ImportError::from)?;
        self.check_on(&reader, &parent, set.seed(), proof, block)
    }

    /// Makes a candidate the head, with its certificate. Blocking.
    pub(crate) fn commit_candidate(
        &self,
        candidate: Candidate,
        certificate: Certificate,
    ) -> Result<Sealed, EngineError> {
        let Candidate { block, executed, outcome, proof, seed } = candidate;
        let changed = changed_accounts(&executed.bundle);
        let decision = Decision { seed, proof, certificate }.encode();
        let committed = self.commit(block, executed, &outcome, Some(&decision))?;
        Ok(Sealed { committed, changed })
    }
}

/// The block with its senders: those that the pool recovered when it admitted the transactions, the
/// others recovered now.
///
/// This is as safe as recovering all: a hash covers the whole transaction with its signature, and the
/// pool's is compared field by field besides, so its sender is what recovery would give.
fn recover_beside(pool: &PoolHandle, block: Block) -> Result<RecoveredBlock, RecoverError> {
    let mut pooled = 0;
    let known = |transaction: &Transaction| {
        let known = pool.get(transaction.tx_hash())?;
        (known.inner() == transaction).then(|| {
            pooled += 1;
            known.signer()
        })
    };
    let block = RecoveredBlock::recover_unknown(block, known)?;
    metrics::senders(pooled, block.senders().len());
    Ok(block)
}

/// Builder, turn, randomness and beneficiary.
pub(crate) fn check_builder(
    domain: &Domain,
    set: &ValidatorSet,
    parent: &SealedHeader,
    header: &Header,
    proof: &Proof,
) -> Result<(), BlockFault> {
    if header.number != parent.number.saturating_add(1) || header.parent_hash != parent.hash() {
        let (number, parent) = (header.number, header.parent_hash);
        return Err(BlockFault::NotNext { number, parent });
    }
    let extra = ExtraData::decode(&header.extra_data)?;
    let output = verify_vrf(domain, set, Height(header.number), extra, proof)?;
    if header.mix_hash != mix_hash(output.as_bytes()) {
        return Err(BlockFault::MixHash);
    }
    let builder = set.proposer(extra.built_round).operator.0;
    if header.beneficiary != builder {
        return Err(BlockFault::Beneficiary { builder, got: header.beneficiary });
    }
    // A withdrawal would create money (EIP-4895), and there is no beacon chain to speak of.
    if header.withdrawals_root.is_some_and(|root| root != EMPTY_ROOT_HASH) {
        return Err(BlockFault::NotOurs("withdrawals"));
    }
    if header.parent_beacon_block_root.is_some_and(|root| !root.is_zero()) {
        return Err(BlockFault::NotOurs("a beacon block"));
    }
    Ok(())
}

/// A clock that is ahead must not drag the chain's time along: such a proposer's blocks are refused
/// in their round, and others take its turn.
fn check_clock(parent: &SealedHeader, header: &Header) -> Result<(), BlockFault> {
    let now = unix_time().map_err(|_| BlockFault::Clock { ahead: u64::MAX })?.as_secs();
    let latest = now.saturating_add(CLOCK_DRIFT_SECONDS).max(parent.timestamp.saturating_add(1));
    if header.timestamp > latest {
        return Err(BlockFault::Clock { ahead: header.timestamp.saturating_sub(now) });
    }
    Ok(())
}

/// Time since the Unix epoch.
pub(crate) fn unix_time() -> Result<Duration, EngineError> {
    SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| EngineError::Clock)
}

#[cfg(test)]
mod tests;
