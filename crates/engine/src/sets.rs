//! The authorities of the next height, with their seed and the peers they are.

use crate::{
    authorities::{AuthoritiesError, Epochs, read_authorities},
    chain::{Chain, head_of},
    error::EngineError,
};
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::{Operator, ValidatorSet, ValidatorSetError};
use mfenx_network::PeerId;
use mfenx_primitives::{Authority, Quorum, SealedHeader};
use mfenx_storage::Reader;
use std::{collections::BTreeMap, sync::Arc};

/// The authorities of one height.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    set: ValidatorSet,
    peers: Arc<BTreeMap<Operator, PeerId>>,
    epoch: u64,
}

impl Authorities {
    /// The set with the seed of its height.
    pub(crate) const fn set(&self) -> &ValidatorSet {
        &self.set
    }

    /// The epoch the set is of.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The peer that an authority is.
    pub(crate) fn peer_of(&self, operator: &Operator) -> Option<PeerId> {
        self.peers.get(operator).copied()
    }

    /// The authority that a peer is.
    pub(crate) fn operator_of(&self, peer: &PeerId) -> Option<Operator> {
        self.peers.iter().find(|(_, known)| *known == peer).map(|(operator, _)| *operator)
    }

    /// The peers of all.
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.peers.values().copied()
    }
}

/// Reads sets, and remembers that of the last epoch asked for.
#[derive(Debug, Clone)]
pub(crate) struct Sets {
    spec: Arc<ChainSpec>,
    epochs: Epochs,
    quorum: Quorum,
    last: Option<Authorities>,
}

impl Sets {
    pub(crate) fn new(spec: Arc<ChainSpec>) -> Result<Self, EngineError> {
        let epochs = Epochs::of_chain(&spec).ok_or(AuthoritiesError::NoConsensus)?;
        let quorum = spec.consensus().ok_or(AuthoritiesError::NoConsensus)?.quorum;
        Ok(Self { spec, epochs, quorum, last: None })
    }

    /// How heights are divided.
    pub(crate) const fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// The epoch of a height.
    pub(crate) const fn epoch_of(&self, height: u64) -> u64 {
        self.epochs.epoch_of(height)
    }

    /// The authorities of the child of the snapshot's head.
    pub(crate) fn after_head(&mut self, reader: &Reader) -> Result<Authorities, EngineError> {
        let head = head_of(reader)?;
        let seed = Chain::next_seed(reader, &head)?;
        let epoch = self.epoch_of(head.number.saturating_add(1));
        let mut authorities = match self.last.take().filter(|last| last.epoch == epoch) {
            Some(last) => last,
            None => self.read(reader, &head, epoch)?,
        };
        authorities.set = authorities.set.with_seed(seed);
        self.last = Some(authorities.clone());
        Ok(authorities)
    }

    /// The authorities of any epoch whose set is final in the snapshot's state, without a seed; none
    /// of one that is later.
    pub(crate) fn of_epoch(
        &self,
        reader: &Reader,
        epoch: u64,
    ) -> Result<Option<ValidatorSet>, EngineError> {
        let head = head_of(reader)?;
        if self.epochs.final_from(epoch) > head.number {
            return Ok(None);
        }
        self.read(reader, &head, epoch).map(|authorities| Some(authorities.set))
    }

    fn read(
        &self,
        reader: &Reader,
        head: &SealedHeader,
        epoch: u64,
    ) -> Result<Authorities, EngineError> {
        let members = read_authorities(reader.latest_state(), &self.spec, head, epoch)?;
        let (members, set) = usable(members, self.quorum)?;
        let peers = members.iter().filter_map(|member| {
            let peer = PeerId::from_bytes(&member.peer_id).ok()?;
            Some((Operator(member.operator), peer))
        });
        Ok(Authorities { set, peers: Arc::new(peers.collect()), epoch })
    }
}

/// The authorities of an epoch that has begun at the snapshot's head, in canonical order: those that
/// certificates and headers name by their index.
///
/// # Errors
/// The chain has no authorities, or the store is damaged.
pub fn authorities_of(
    reader: &Reader,
    spec: &ChainSpec,
    epoch: u64,
) -> Result<Vec<Authority>, EngineError> {
    let quorum = spec.consensus().ok_or(AuthoritiesError::NoConsensus)?.quorum;
    let head = head_of(reader)?;
    let members = read_authorities(reader.latest_state(), spec, &head, epoch)?;
    let (mut members, _) = usable(members, quorum)?;
    members.sort_by_key(|member| member.operator);
    Ok(members)
}

/// The members that can be in a set at all.
///
/// The registry cannot tell whether a key is a point of its curve. One that is none was voted in by
/// mistake: its authority is left out by everybody alike, so that the mistake does not stop the
/// chain. Its power does not count, either.
fn usable(
    mut members: Vec<Authority>,
    quorum: Quorum,
) -> Result<(Vec<Authority>, ValidatorSet), ValidatorSetError> {
    loop {
        let error = match ValidatorSet::new(&members, quorum, Default::default()) {
            Ok(set) => return Ok((members, set)),
            Err(error) => error,
        };
        let culprit = match &error {
            ValidatorSetError::Size(_) => return Err(error),
            ValidatorSetError::Duplicate(operator)
            | ValidatorSetError::ConsensusKey(operator, _)
            | ValidatorSetError::VrfKey(operator)
            | ValidatorSetError::Power(operator) => *operator,
        };
        tracing::warn!(operator = %culprit, %error, "left an authority out of its set");
        members.retain(|member| member.operator != culprit);
    }
}
