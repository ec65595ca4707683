//! Keys that run twice, found in what was decided.
//!
//! Two nodes with the same keys have the same peer ID, too. To others they are one peer that keeps
//! connecting anew, and of what the two say they rarely hear both; the two themselves never hear each
//! other. But certificates reach everybody. A node whose keys have signed a decided block stops when it
//! has not signed it itself: mostly this happens to a newcomer while it waits, before it signs at all.
//!
//! Blocks that an earlier run may have signed do not count, since a wiped or restored directory knows
//! nothing of them: those up to the one after the heads that peers have when they connect, and, for
//! the case that the peers were behind, too, those with a timestamp from before the start.

use super::driver::Driver;
use crate::error::EngineError;
use mfenx_consensus::{Certificate, Operator, ValidatorSet, thresholds};
use std::time::Duration;

/// A run that ended signed at most for the height after a head that its peers had.
const HEIGHTS_OF_OTHER_RUNS: u64 = 1;
/// How much later than the start a block must claim to be: a proposer's clock may be ahead so far.
const CLOCK_MARGIN: Duration = Duration::from_secs(10);

/// A decided block that an operator has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    height: u64,
    round: u32,
    /// When the block was proposed, in seconds since the Unix epoch.
    timestamp: u64,
}

impl Signed {
    /// None when the operator is not among the certificate's signers.
    pub(super) fn of(
        operator: Operator,
        set: &ValidatorSet,
        certificate: &Certificate,
        timestamp: u64,
    ) -> Option<Self> {
        let index = set.index_of(&operator)?;
        let signed = certificate.signatures.iter().any(|(signer, _)| *signer == index);
        let (height, round) = (certificate.height.0, certificate.round);
        signed.then_some(Self { height, round, timestamp })
    }

    /// Whether no earlier run can have signed it, given the first height that none signed and the
    /// time of the start.
    fn is_of_this_time(&self, from: u64, started: Duration) -> bool {
        self.height >= from && Duration::from_secs(self.timestamp) > started + CLOCK_MARGIN
    }
}

impl Driver {
    /// The voting power that is connected, ours included when `with_ours` and we are an authority.
    pub(super) fn power_connected(&self, with_ours: bool) -> u64 {
        let peers = self.network.peers();
        let connected = |operator: &Operator| {
            if self.operator == Some(operator.0) {
                return with_ours;
            }
            let peer = self.authorities.peer_of(operator);
            peer.is_some_and(|peer| peers.iter().any(|known| known.peer == peer))
        };
        let members = self.authorities.set().validators().iter();
        members.filter(|member| connected(&member.operator)).map(|member| member.power).sum()
    }

    /// The highest head that is known while a quorum is connected, with our power or without it;
    /// none while there is no such quorum.
    pub(super) fn head_of_quorum(&self, with_ours: bool) -> Option<u64> {
        let (set, power) = (self.authorities.set(), self.power_connected(with_ours));
        if !thresholds(set.quorum()).quorum.is_met(power, set.total_power()) {
            return None;
        }
        let peers = self.network.peers();
        let highest = peers.iter().map(|peer| peer.head.number).max().unwrap_or(0);
        Some(highest.max(self.head.number))
    }

    /// Finds out from which height on nobody but this run signs with its keys.
    pub(super) fn settle_own_heights(&mut self) {
        if self.operator.is_some() && self.own_from.is_none() {
            self.own_from = self.head_of_quorum(true).map(after_other_runs);
        }
    }

    /// A peer connected that has this head: whoever was asked before may have been behind.
    pub(super) fn hear_of_head(&mut self, number: u64) {
        if let Some(from) = &mut self.own_from {
            *from = after_other_runs(number).max(*from);
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
        let started = Self::unix_now()?.saturating_sub(self.started.elapsed());
        for one in signed {
            let Signed { height, round, .. } = one;
            if one.is_of_this_time(from, started) && !journal.reaches(height, round) {
                return Err(EngineError::SignedElsewhere { height });
            }
        }
        Ok(())
    }
}

/// The first height that no run signed which ended before its peers had this head.
const fn after_other_runs(head: u64) -> u64 {
    head.saturating_add(HEIGHTS_OF_OTHER_RUNS + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{keys, spec};
    use super::*;
    use mfenx_consensus::{Height, Signature};
    use mfenx_primitives::{B256, Quorum};

    /// A certificate of block 7, signed by those with these indices in the set.
    fn certificate(signers: &[u8]) -> Certificate {
        let signatures = signers.iter().map(|index| (*index, Signature([0; 64]))).collect();
        Certificate { height: Height(7), round: 2, block_hash: B256::ZERO, signatures }
    }

    #[test]
    fn only_the_signers_of_a_certificate_have_signed() {
        let spec = spec(3, Quorum::Majority, 1_000);
        let params = spec.consensus().unwrap();
        let set = ValidatorSet::new(&params.authorities, params.quorum, B256::ZERO).unwrap();
        let ours = Operator(keys(1).operator);
        let index = set.index_of(&ours).unwrap();
        let others: Vec<u8> = (0..3).filter(|other| *other != index).collect();
        assert_eq!(Signed::of(ours, &set, &certificate(&others), 5), None);
        let signed = Signed::of(ours, &set, &certificate(&[index]), 5);
        assert_eq!(signed, Some(Signed { height: 7, round: 2, timestamp: 5 }));
        let stranger = Operator(keys(9).operator);
        assert_eq!(Signed::of(stranger, &set, &certificate(&[0, 1, 2]), 5), None);
    }

    #[test]
    fn what_an_earlier_run_may_have_signed_is_no_proof() {
        let started = Duration::from_secs(1_000);
        let signed = |height, timestamp| Signed { height, round: 0, timestamp };
        let from = after_other_runs(5);
        assert_eq!(from, 7, "the block after the head may have been signed before");
        assert!(!signed(6, 2_000).is_of_this_time(from, started));
        assert!(signed(7, 2_000).is_of_this_time(from, started));
        assert!(!signed(7, 1_010).is_of_this_time(from, started), "a clock ten seconds ahead");
        assert!(signed(7, 1_011).is_of_this_time(from, started));
    }
}
