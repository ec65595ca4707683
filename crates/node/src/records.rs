//! Certificates, proofs and authorities, read for RPC.

use mfenx_chainspec::ChainSpec;
use mfenx_consensus::{
    Decision, Domain, Evidence, ExtraData, Height, NilOrVal, SignedProposal, SignedVote, alpha,
    permutation,
};
use mfenx_engine::{Epochs, authorities_of};
use mfenx_primitives::{Authority, Quorum};
use mfenx_rpc::{
    ConsensusRecords, DecisionRecord, EvidenceRecord, RpcError, SignedMessage, Validators,
};
use mfenx_storage::Reader;
use parking_lot::Mutex;
use std::sync::Arc;

/// The records of a chain with authorities.
struct Records {
    spec: Arc<ChainSpec>,
    epochs: Epochs,
    quorum: Quorum,
    /// The set of the epoch that was asked for last: most ask for the present one.
    last: Mutex<Option<(u64, Arc<Vec<Authority>>)>>,
}

/// The records of `spec`'s chain; none when it has no authorities.
pub(crate) fn of(spec: &Arc<ChainSpec>) -> Option<Arc<dyn ConsensusRecords>> {
    let epochs = Epochs::of_chain(spec)?;
    let quorum = spec.consensus()?.quorum;
    Some(Arc::new(Records { spec: Arc::clone(spec), epochs, quorum, last: Mutex::new(None) }))
}

impl Records {
    /// The authorities of an epoch that began at the head or before, in canonical order. They are
    /// the same at every block that has them.
    fn authorities(&self, reader: &Reader, epoch: u64) -> Result<Arc<Vec<Authority>>, RpcError> {
        let held = self.last.lock().clone();
        if let Some((_, authorities)) = held.filter(|(held, _)| *held == epoch) {
            return Ok(authorities);
        }
        let authorities = authorities_of(reader, &self.spec, epoch).map_err(internal)?;
        let authorities = Arc::new(authorities);
        *self.last.lock() = Some((epoch, Arc::clone(&authorities)));
        Ok(authorities)
    }

    fn decision(&self, reader: &Reader, number: u64) -> Result<Option<Decision>, RpcError> {
        let Some(bytes) = reader.certificate(number)? else { return Ok(None) };
        // A chain that began as a development chain has other records.
        Ok(Decision::decode(&bytes).ok())
    }
}

impl ConsensusRecords for Records {
    fn validators(&self, reader: &Reader, number: u64) -> Result<Validators, RpcError> {
        let epoch = self.epochs.epoch_of(number);
        let authorities = self.authorities(reader, epoch)?;
        let seed = self.decision(reader, number)?.map(|decision| decision.seed);
        let powers: Vec<_> = authorities.iter().map(|authority| authority.power).collect();
        Ok(Validators {
            epoch,
            first_block: self.epochs.first_block(epoch),
            last_block: self.epochs.last_block(epoch),
            quorum: self.quorum,
            turns: seed.map(|seed| permutation(seed, &powers)).unwrap_or_default(),
            authorities: authorities.to_vec(),
        })
    }

    fn record(&self, reader: &Reader, number: u64) -> Result<Option<DecisionRecord>, RpcError> {
        let Some(decision) = self.decision(reader, number)? else { return Ok(None) };
        let header = reader.header(number)?.ok_or(RpcError::HeaderNotFound)?;
        let extra = ExtraData::decode(&header.extra_data).map_err(internal)?;
        let next_seed = decision.next_seed();
        let certificate = decision.certificate;
        Ok(Some(DecisionRecord {
            round: certificate.round,
            block_hash: certificate.block_hash,
            signatures: certificate
                .signatures
                .iter()
                .map(|(index, signature)| (*index, signature.0))
                .collect(),
            built_round: extra.built_round,
            builder: extra.proposer_index,
            seed: decision.seed,
            alpha: alpha(self.spec.chain_id(), Height(number), decision.seed).to_vec(),
            output: *decision.proof.output().as_bytes(),
            proof: decision.proof.to_bytes().to_vec(),
            next_seed,
        }))
    }
}

/// Evidence as RPC shows it.
pub(crate) fn evidence(domain: &Domain, epochs: Epochs, found: &Evidence) -> EvidenceRecord {
    let vote = |vote: &SignedVote| SignedMessage {
        block_hash: match vote.value {
            NilOrVal::Val(hash) => Some(hash),
            NilOrVal::Nil => None,
        },
        signed: domain.vote_bytes(&vote.message),
        signature: vote.signature.0,
    };
    let proposal = |proposal: &SignedProposal| SignedMessage {
        block_hash: Some(proposal.value.0),
        signed: domain.proposal_bytes(&proposal.message),
        signature: proposal.signature.0,
    };
    EvidenceRecord {
        operator: found.operator().0,
        epoch: epochs.epoch_of(found.height().0),
        height: found.height().0,
        round: found.round(),
        kind: found.kind(),
        messages: match found {
            Evidence::Votes(pair) => [vote(&pair.0), vote(&pair.1)],
            Evidence::Proposals(pair) => [proposal(&pair.0), proposal(&pair.1)],
        },
        proof: found.encode(),
    }
}

fn internal(error: impl std::fmt::Display) -> RpcError {
    RpcError::Internal(format!("a record of consensus: {error}"))
}
