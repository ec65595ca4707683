//! Keys that run twice, found in what was decided.
//!
//! Two nodes with the same keys have the same peer ID, too. To others they are one peer that keeps
//! connecting anew, and of what the two say they rarely hear both; the two themselves never hear each
//! other. But certificates reach everybody. A node whose keys have signed a decided block stops when it
//! has not signed it itself: mostly this happens to a newcomer while it waits, before it signs at all.
//!
//! Blocks that an earlier run may have signed do not count, since a wiped or restored directory knows
//! nothing of them: those soon after the heads that authorities claim when they are first heard, and,
//! for the case that they were behind, too, those with a timestamp from before the start. A claim
//! counts for [`CLAIM_MAX`] blocks above our own head, once for each authority, so that a liar does
//! not switch this off.
//!
//! Such an earlier block proves something else, when the guard does not know of its signature and
//! should: that the guard is older than the block, however it came back. Then nothing more is signed
//! until it is settled anew from which height on. That is noticed as the block is synced; what was
//! signed before, at the first height of an old copy, it is too late for.

use super::{
    driver::Driver,
    guard::{Doubt, Guard},
    settle::after_other_runs,
};
use crate::error::EngineError;
use mfenx_consensus::{Certificate, Decision, Operator, ValidatorSet, thresholds};
use std::time::Duration;

/// How far above our own head a claim is taken for true.
const CLAIM_MAX: u64 = 512;
/// How much later than the start a block must claim to be: a proposer's clock may be ahead so far.
const CLOCK_MARGIN: Duration = Duration::from_secs(10);
/// Blocks of the store that the record is compared with at the start.
const COMPARED: u64 = 16;

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

    /// Finds out from which height on nobody but this run signs with its keys: when a quorum, ours
    /// included, claims no more than we have verified. `news` are claims of authorities that were not
    /// heard before: whoever was heard first may have been behind.
    pub(super) fn settle_own_heights(&mut self, news: &[u64]) {
        let (set, head) = (self.authorities.set(), self.head.number);
        let ours = self.operator.and_then(|operator| set.by_operator(&Operator(operator)));
        let others = self.claims.power_within(head, &self.authorities, self.operator);
        let power = others.saturating_add(ours.map_or(0, |ours| ours.power));
        let quorum = thresholds(set.quorum()).quorum.is_met(power, set.total_power());
        self.own_from = match self.own_from {
            Some(from) => raised(from, head, news),
            None if quorum => raised(after_other_runs(head), head, &[self.claims.highest()]),
            None => None,
        };
    }

    /// Whether these keys are all the voting power.
    pub(super) fn has_all_power(&self) -> bool {
        let set = self.authorities.set();
        let ours = self.operator.and_then(|operator| set.by_operator(&Operator(operator)));
        ours.is_some_and(|ours| ours.power == set.total_power())
    }

    /// Whether every one of these blocks was signed here, in this run or in one that the guard
    /// remembers. One that an earlier run signed, and of which the guard should know, ends votes
    /// until it is settled anew from where on; the caller starts a height after this.
    ///
    /// # Errors
    /// One was signed elsewhere.
    pub(super) fn check_own(
        &mut self,
        signed: impl IntoIterator<Item = Signed>,
    ) -> Result<(), EngineError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let started = Self::unix_now()?.saturating_sub(self.started.elapsed());
        let mut unknown = None;
        for one in signed {
            let Signed { height, round, .. } = one;
            if journal.guard().reaches(height, round) {
                continue;
            }
            if self.own_from.is_some_and(|from| one.is_of_this_time(from, started)) {
                return Err(EngineError::SignedElsewhere { height });
            }
            unknown = unknown.max(Some(height));
        }
        unknown.map_or(Ok(()), |height| self.learn_own(height))
    }

    /// Compares the record with the last blocks of the store: they are not of one time when one of
    /// the two was restored without the other.
    pub(super) fn check_record(&mut self) -> Result<(), EngineError> {
        let head = self.head.number;
        let Some(operator) = self.operator.map(Operator).filter(|_| head > 0) else {
            return Ok(());
        };
        let reader = self.chain.store().reader()?;
        let epoch = self.sets.epoch_of(head);
        let Some(set) = self.sets.of_epoch(&reader, epoch)? else { return Ok(()) };
        let first = self.sets.epochs().first_block(epoch).max(head.saturating_sub(COMPARED - 1));
        let mut signed = Vec::new();
        for number in first.max(1)..=head {
            let Some(bytes) = reader.certificate(number)? else { continue };
            let Ok(decision) = Decision::decode(&bytes) else { continue };
            // Of a run before this one, whatever its clock said.
            signed.extend(Signed::of(operator, &set, &decision.certificate, 0));
        }
        drop(reader);
        self.check_own(signed)
    }

    /// These keys signed a decided block in an earlier run, and this directory does not know of it.
    fn learn_own(&mut self, height: u64) -> Result<(), EngineError> {
        let knows = self.options.trust_empty_directory || self.has_all_power();
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let next = height.saturating_add(1);
        match journal.votes_from() {
            // It was settled, and still is, that something may have been signed there.
            Some(from) if from >= next => return Ok(()),
            Some(_) if !knows => {}
            // In doubt already, or with nobody to ask. What is decided needs no vote any more.
            _ => return journal.change_guard(|guard| guard.forbid_below(next)),
        }
        journal.change_guard(|guard| {
            guard.forbid_below(next);
            guard.doubt_it(Doubt::Outdated);
        })?;
        let last = journal.guard().last().height;
        tracing::error!(
            height,
            last,
            "block {height} was decided with a signature of these keys, and the record in this \
             directory ends at height {last}: it is an old copy, or another node signed while this \
             one was down. NOT VOTING until the heads of a quorum of other authorities show from \
             which block on that is safe. If the directory was restored, there is nothing to do; if \
             not, find the other node"
        );
        self.outbox.clear();
        self.machine = None;
        self.settled_since = None;
        self.audit_doubt(Some(height));
        Ok(())
    }

    /// Says that the record is a copy, if it is.
    pub(super) fn say_copied(&mut self) {
        let Some(guard) = self.journal.as_ref().map(|journal| journal.guard()) else { return };
        if !guard.is_copy() {
            return;
        }
        let last = guard.last();
        tracing::warn!(
            height = last.height,
            round = last.round,
            "THIS DIRECTORY IS A COPY: the record of what these keys signed was written into another \
             file. It ends at height {}, and the keys may have signed since. The node follows until a \
             quorum of other authorities was connected, it has every block that they have, and others \
             have decided two more; then it votes. If you moved the directory to another disk or \
             machine, and nothing ran with these keys since, start once with --trust-empty-log",
            last.height,
        );
        self.audit_doubt(None);
    }

    /// Says that a copy of the record may pass for the record, if it may.
    pub(super) fn say_blind(&self) {
        let guard = self.journal.as_ref().map(|journal| journal.guard());
        if guard.is_none_or(Guard::knows_birth) {
            return;
        }
        tracing::warn!(
            "the file system of this directory does not tell when a file was born, as ext4 with inodes \
             of 128 bytes: a record of signatures that is restored from a backup can get the inode \
             number of the old one, and is not noticed then. Put the directory on another file \
             system, or delete `signed` and `consensus.log` in its `consensus` before the node is \
             started on a restored one"
        );
    }
}

/// The first height of this run alone when `claims` are heard besides; always some.
fn raised(from: u64, head: u64, claims: &[u64]) -> Option<u64> {
    let taken = |claim: &u64| after_other_runs((*claim).min(head.saturating_add(CLAIM_MAX)));
    claims.iter().map(taken).chain([from]).max()
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
        assert_eq!(from, 8, "the two blocks after the head may have been signed before");
        assert!(!signed(7, 2_000).is_of_this_time(from, started));
        assert!(signed(8, 2_000).is_of_this_time(from, started));
        assert!(!signed(8, 1_010).is_of_this_time(from, started), "a clock ten seconds ahead");
        assert!(signed(8, 1_011).is_of_this_time(from, started));
    }
    #[test]
    fn a_liar_switches_this_off_for_a_while_and_not_for_good() {
        assert_eq!(raised(13, 10, &[]), Some(13));
        assert_eq!(raised(13, 10, &[9, 15]), Some(18));
        assert_eq!(raised(13, 10, &[u64::MAX]), Some(10 + CLAIM_MAX + 3));
    }
}
