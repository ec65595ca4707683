//! Keys that run twice, found in what was decided.
//!
//! Two nodes with the same keys have the same peer ID, too. To others they are one peer that keeps
//! connecting anew, and of what the two say they rarely hear both; the two themselves never hear each
//! other. But certificates reach everybody. A node whose keys have signed a decided block stops when it
//! has not signed it itself: mostly this happens to a newcomer while it waits, before it signs at all.
//!
//! Blocks that were being decided when the node started do not count: an earlier run may have signed
//! them, of which a wiped or restored directory knows nothing.

use super::driver::Driver;
use crate::error::EngineError;
use mfenx_consensus::{Certificate, Operator, ValidatorSet, thresholds};

/// A run that ended signed at most for the height after a head that its peers had.
const HEIGHTS_OF_OTHER_RUNS: u64 = 1;

/// A decided block that an operator has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    height: u64,
    round: u32,
}

impl Signed {
    /// None when the operator is not among the certificate's signers.
    pub(super) fn of(
        operator: Operator,
        set: &ValidatorSet,
        certificate: &Certificate,
    ) -> Option<Self> {
        let index = set.index_of(&operator)?;
        let signed = certificate.signatures.iter().any(|(signer, _)| *signer == index);
        signed.then_some(Self { height: certificate.height.0, round: certificate.round })
    }
}

impl Driver {
    /// The highest head of a quorum that this node belongs to; none while it is not connected to one.
    pub(super) fn head_of_quorum(&self) -> Option<u64> {
        let set = self.authorities.set();
        let peers = self.network.peers();
        let connected = set.validators().iter().filter(|member| {
            let peer = self.authorities.peer_of(&member.operator);
            self.operator == Some(member.operator.0)
                || peer.is_some_and(|peer| peers.iter().any(|known| known.peer == peer))
        });
        let power = connected.map(|member| member.power).sum();
        if !thresholds(set.quorum()).quorum.is_met(power, set.total_power()) {
            return None;
        }
        let highest = peers.iter().map(|peer| peer.head.number).max().unwrap_or(0);
        Some(highest.max(self.head.number))
    }

    /// Finds out from which height on nobody but this run signs with its keys.
    pub(super) fn settle_own_heights(&mut self) {
        if self.operator.is_some() && self.own_from.is_none() {
            let head = self.head_of_quorum();
            self.own_from = head.map(|head| head.saturating_add(HEIGHTS_OF_OTHER_RUNS + 1));
        }
    }

    /// Whether every one of these blocks was signed here.
    ///
    /// # Errors
    /// One was signed elsewhere.
    pub(super) fn check_own(
        &self,
        signed: impl IntoIterator<Item = Signed>,
    ) -> Result<(), EngineError> {
        let (Some(from), Some(journal)) = (self.own_from, &self.journal) else { return Ok(()) };
        for Signed { height, round } in signed {
            if height >= from && !journal.reaches(height, round) {
                return Err(EngineError::SignedElsewhere { height });
            }
        }
        Ok(())
    }
}
