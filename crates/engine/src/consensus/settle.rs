//! From which height on keys sign of which this directory has no record.
//!
//! A directory without a record is new, or it was lost; one whose record is in doubt ([`Doubt`]) may
//! be an old copy. What its keys signed last must not be signed again. What can be known of it
//! follows from what others say of their heads. Let this node's own head be `n`, every block up to it
//! verified, and its keys have signed last for height `h`. Block `h - 1` was decided then, by a quorum
//! whose members all had block `h - 2`, durably.
//!
//! - *A quorum of others* that claim no more than `x <= n` has a member in common with that one, which
//!   is honest, so `h - 2 <= x`: nothing was signed from `x + 3` on. We do not count, for we are the
//!   member that forgot. Who claims more than `n` does not count either, until we have verified as
//!   much: a lie upwards leaves out the liar and nobody else, and as long as liars, dead ones and we
//!   are no more than the rule survives, the others are a quorum. A lie downwards is the fault that
//!   the quorum is there for; so is an authority that lost its blocks together with us.
//! - That holds for the heights that the present set decides. Blocks before its epoch were decided by
//!   others, so nothing up to its first height is signed. Of its epoch a quorum of it knows all but the
//!   last block; when that one alone is missing, the next epoch may be far ahead: nothing is settled.
//! - *At the head 0* everybody would begin the chain, and a chain that there is would be begun anew.
//!   So nobody signs before all the power, or a quorum of others, is connected with nothing. Fewer
//!   wait, and say so; [`trust_empty_directory`](super::EngineOptions::trust_empty_directory) is for
//!   whoever knows. What remains is a directory that is lost while the others have no block yet.
//! - *Whoever knows of higher heads syncs first*, strangers' included: the authorities of an old head
//!   may have been restored from old copies since they left. A claim that nobody serves holds us back
//!   for [`SYNC_FIRST`] at most.
//!
//! What authorities claimed is remembered for the run, the lowest of each: what these keys signed
//! before was signed before all of it.

use super::{
    driver::Driver,
    guard::{Doubt, Guard},
    log::Recovered,
    status::Participation,
};
use crate::{Epochs, error::EngineError, sets::Authorities};
use alloy_primitives::Address;
use mfenx_consensus::{Operator, thresholds};
use mfenx_network::{PeerId, PeerInfo};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// Whoever has `n` blocks verified that a quorum knows knows of nothing signed from `n + 3` on.
const HEIGHTS_TO_WAIT: u64 = 3;
/// Longest time that claims hold us back which nobody serves.
const SYNC_FIRST: Duration = Duration::from_secs(60);
/// A running chain is always a few blocks ahead of what was heard of it.
const CLOSE: u64 = 2;
/// What authorities of a new chain give each other to hear of all the others, too.
const GRACE: Duration = Duration::from_secs(1);
/// How often a waiting authority says what it waits for.
const SAY_AGAIN: Duration = Duration::from_secs(15);

/// The first height that keys did not sign at before a quorum of others claimed at most this head.
pub(super) const fn after_other_runs(head: u64) -> u64 {
    head.saturating_add(HEIGHTS_TO_WAIT)
}

/// Whether a claim is to be looked into before a directory without a record means anything; `waited`
/// is the time since a quorum claimed less, or since blocks last came that we were behind by.
pub(super) fn holds_back(claimed: u64, head: u64, waited: Duration) -> bool {
    let close = if head == 0 { 0 } else { CLOSE };
    claimed > head.saturating_add(close) && waited < SYNC_FIRST
}

/// Whether the authorities but `ours` are a quorum when all of them are heard. If not, at a head above
/// 0, nothing but the operator's word ends a doubt: they cannot decide without us, so the set stays
/// what it is, too.
pub(super) fn others_can_tell(authorities: &Authorities, ours: Option<Address>) -> bool {
    let set = authorities.set();
    let own = ours.and_then(|ours| set.by_operator(&Operator(ours))).map_or(0, |own| own.power);
    let others = set.total_power().saturating_sub(own);
    thresholds(set.quorum()).quorum.is_met(others, set.total_power())
}

/// The lowest head that each authority in force claimed in this run. As many as there are authorities.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<PeerId, u64>);

impl Claims {
    /// Takes what is claimed now; the claims of authorities that were not heard before.
    pub(super) fn hear(&mut self, authorities: &Authorities, peers: &[PeerInfo]) -> Vec<u64> {
        self.0.retain(|peer, _| authorities.operator_of(peer).is_some());
        let mut news = Vec::new();
        for peer in peers.iter().filter(|peer| authorities.operator_of(&peer.peer).is_some()) {
            let number = peer.head.number;
            let lowest = self.0.entry(peer.peer).or_insert_with(|| {
                news.push(number);
                number
            });
            *lowest = number.min(*lowest);
        }
        news
    }

    /// The highest of all; 0 when there is none.
    pub(super) fn highest(&self) -> u64 {
        self.0.values().copied().max().unwrap_or(0)
    }

    /// The power of authorities but `ours` that claimed at most `head`.
    pub(super) fn power_within(
        &self,
        head: u64,
        authorities: &Authorities,
        ours: Option<Address>,
    ) -> u64 {
        let members = authorities.set().validators().iter();
        let within = |operator: &Operator| {
            let claim = authorities.peer_of(operator).and_then(|peer| self.0.get(&peer));
            Some(operator.0) != ours && claim.is_some_and(|claim| *claim <= head)
        };
        members.filter(|one| within(&one.operator)).map(|one| one.power).sum()
    }

    /// The lowest head that a quorum of others claims no more than; none when too few were heard.
    fn quorum_within(&self, authorities: &Authorities, ours: Option<Address>) -> Option<u64> {
        let set = authorities.set();
        let quorum = thresholds(set.quorum()).quorum;
        let is_met = |claim: &u64| {
            let others = self.power_within(*claim, authorities, ours);
            quorum.is_met(others, set.total_power())
        };
        self.0.values().copied().filter(is_met).min()
    }

    /// From which height on the keys of `ours` may sign that have no record; none while too little is
    /// known. See the module.
    pub(super) fn first_height_to_sign(
        &self,
        head: u64,
        authorities: &Authorities,
        ours: Option<Address>,
        epochs: Epochs,
    ) -> Option<u64> {
        let set = authorities.set();
        let claimed = self.quorum_within(authorities, ours).filter(|claimed| *claimed <= head);
        if head == 0 {
            let own = ours.and_then(|ours| set.by_operator(&Operator(ours)));
            let others = self.power_within(head, authorities, ours);
            let all = others.saturating_add(own.map_or(0, |own| own.power)) == set.total_power();
            return (claimed.is_some() || all).then_some(0);
        }
        let (claimed, epoch) = (claimed?, authorities.epoch());
        // Up to the first height of the epoch others decided the block before.
        let from = after_other_runs(claimed).max(epochs.first_block(epoch).saturating_add(1));
        // An epoch of one block has none before the last.
        let before_last = head.saturating_add(1) == epochs.last_block(epoch);
        let ends = claimed == head && before_last && epochs.blocks() > 1;
        (!ends).then_some(from)
    }

    /// Whom to look for, in words: authorities but `ours` that were not heard, or claim more.
    fn missing(&self, head: u64, authorities: &Authorities, ours: Option<Address>) -> String {
        let mut missing = Vec::new();
        for one in authorities.set().validators() {
            let operator = one.operator.0;
            let peer = authorities.peer_of(&one.operator);
            match peer.and_then(|peer| self.0.get(&peer)) {
                _ if Some(operator) == ours => {}
                None => missing.push(format!("{operator} was not heard")),
                Some(claim) if *claim > head => {
                    missing.push(format!("{operator} claims block {claim}"));
                }
                Some(_) => {}
            }
        }
        missing.join(", ")
    }
}

impl Driver {
    /// Hears what authorities claim, and finds out what follows from it.
    pub(super) fn settle_claims(&mut self) -> Result<(), EngineError> {
        if self.operator.is_none() {
            return Ok(());
        }
        let news = self.claims.hear(&self.authorities, &self.network.peers());
        self.settle_own_heights(&news);
        self.settle_guard()?;
        self.say_what_is_missing();
        Ok(())
    }

    /// Finds out what a new directory, or one with an old record, means, and begins to vote when
    /// nothing stands against it any more. Keys that are not in force yet are looked at as well, so that they need not wait when
    /// they are.
    fn settle_guard(&mut self) -> Result<(), EngineError> {
        if self.participation == Participation::Validator {
            return Ok(());
        }
        let height = self.height();
        let Some(journal) = &self.journal else { return Ok(()) };
        if journal.votes_from().is_none() {
            let (authorities, head) = (&self.authorities, self.head.number);
            let (ours, epochs) = (self.operator, self.sets.epochs());
            let from = self.claims.first_height_to_sign(head, authorities, ours, epochs);
            let Some(from) = from else {
                self.settled_since = None;
                return Ok(());
            };
            let since = *self.settled_since.get_or_insert_with(Instant::now);
            if self.should_sync_first(since) {
                return Ok(());
            }
            let Some(journal) = &mut self.journal else { return Ok(()) };
            journal.change_guard(|guard| guard.settle(from))?;
            tracing::info!(
                from = journal.votes_from(),
                "it is known by now what these keys may have signed: voting from there on"
            );
        }
        let allowed = self.journal.as_ref().is_some_and(|journal| journal.may_sign(height, &[]));
        if self.participation == Participation::Waiting && allowed && !self.is_gathering() {
            return self.start_height(Recovered::default());
        }
        Ok(())
    }

    /// Whether somebody may have more than we, given since when a quorum says that it has not.
    fn should_sync_first(&self, since: Instant) -> bool {
        let since = self.sync.progress().map_or(since, |progress| progress.max(since));
        holds_back(self.sync.claimed(), self.head.number, since.elapsed())
    }

    /// Whether a new chain still waits for its authorities to be connected, at most
    /// [`gather_time`](super::EngineOptions::gather_time), or for them to hear of each other.
    pub(super) fn is_gathering(&self) -> bool {
        if self.height() != 1 {
            return false;
        }
        let alone = self.authorities.set().validators().len() == 1;
        let heard = self.settled_since.is_some_and(|since| since.elapsed() < GRACE) && !alone;
        let power = self.power_connected(true);
        let missing = power < self.authorities.set().total_power();
        heard || (missing && self.started.elapsed() < self.options.gather_time)
    }

    /// Says again and again what an authority waits for that does not vote.
    fn say_what_is_missing(&mut self) {
        let told = *self.told_missing.get_or_insert_with(Instant::now);
        if self.participation != Participation::Waiting || told.elapsed() < SAY_AGAIN {
            return;
        }
        self.told_missing = Some(Instant::now());
        let (head, authorities) = (self.head.number, &self.authorities);
        let missing = self.claims.missing(head, authorities, self.operator);
        let guard = self.journal.as_ref().map(|journal| journal.guard());
        let doubt = guard.and_then(Guard::doubt).unwrap_or(Doubt::Missing);
        match guard.and_then(Guard::votes_from) {
            Some(from) if from > head => tracing::warn!(
                head,
                from,
                "these keys do not vote before block {from}: until then others must decide. If they \
                 cannot, and these keys signed nothing on this chain that is not in this directory, \
                 start the node with --trust-empty-log"
            ),
            Some(_) => tracing::warn!(
                head,
                "these keys signed at this height and the log of it is gone: others must decide it"
            ),
            None if head == 0 && doubt == Doubt::Missing => tracing::warn!(
                missing,
                "NOT VOTING: this directory is empty, and a new chain begins when all of its \
                 authorities are connected, or a quorum besides this one. Start them, with each \
                 other as --bootnode. If this chain is new and they cannot be started, start this \
                 node with --trust-empty-log: it says that these keys never signed on this chain"
            ),
            None if head > 0 && !others_can_tell(authorities, self.operator) => tracing::warn!(
                head,
                missing,
                "NOT VOTING: {}, and the other authorities without this one are no quorum, however \
                 many are connected: nobody can tell, and waiting does not end this. Let the node \
                 catch up with every block that the others have, make certain that no other copy \
                 runs with these keys; if they signed nothing in the last blocks that is not in this \
                 directory, start the node with --trust-empty-log",
                doubt.reason(),
            ),
            None => tracing::warn!(
                head,
                missing,
                "NOT VOTING: {}, and too few authorities are connected to tell. Start them; only if \
                 these keys signed nothing in the last blocks that is not in this directory, start \
                 this node with --trust-empty-log",
                doubt.reason(),
            ),
        }
    }
}
