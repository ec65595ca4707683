//! The guard against signing twice: one small file, `signed`, that names the last message signed.
//!
//! The log of the height holds every message of ours, and a restarted machine says the same again.
//! The guard is for the day when the log is gone, cut off or of another time: it remembers height,
//! round, step and digest of the last signature, and nothing at or before it is signed again unless
//! the log has it.
//!
//! A guard can be wrong in one way: by being older than the last signature. Where there is reason to
//! think so it is in [`Doubt`], which forbids every signature until [`super::settle`] finds out from
//! which height on they are safe. The doubt is part of the file ([`super::slots`]), so that no restart
//! forgets it.

use super::slots::{Record, Slots};
use mfenx_consensus::{Round, VoteType, WalEntry, encode_proposal, encode_vote};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The guard cannot be used, or forbids a signature.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The file could not be read or written.
    #[error("guard against signing twice {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither slot is sound.
    #[error(
        "guard against signing twice {path} is damaged, or of another version of this program. Check \
         the disk. If nothing else runs with these keys, move the file away together with the log beside it: the node will follow, and \
         vote again when a quorum of others is connected and has decided two more blocks"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A signature would come at or before the last one.
    #[error(
        "refused to sign at height {height}, round {round}: these keys have signed there, or later, \
         already. Does a second node run with them?"
    )]
    SignedAlready {
        /// The height.
        height: u64,
        /// The round.
        round: u32,
    },
}

/// A message of ours, by place and content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) height: u64,
    pub(super) round: u32,
    /// 0 proposal, 1 prevote, 2 precommit: the order in which a round signs them.
    pub(super) step: u8,
    pub(super) digest: [u8; 32],
}

impl Signed {
    /// The message in a record; none for records of something else.
    pub(super) fn of(entry: &WalEntry) -> Option<Self> {
        let (height, round, step, bytes) = match entry {
            WalEntry::Vote(vote) => {
                let step = if vote.kind == VoteType::Prevote { 1 } else { 2 };
                (vote.height, vote.round, step, encode_vote(vote))
            }
            WalEntry::Proposal(proposal) => {
                (proposal.height, proposal.round, 0, encode_proposal(proposal))
            }
            WalEntry::Value(_) | WalEntry::Timeout(_) | WalEntry::Polka(_) => return None,
        };
        let round = Round::as_u32(&round)?;
        Some(Self { height: height.0, round, step, digest: *blake3::hash(&bytes).as_bytes() })
    }

    const fn place(&self) -> (u64, u32, u8) {
        (self.height, self.round, self.step)
    }
}

/// Why a guard may not know the last signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// There was none: the directory is new, or it was lost.
    Missing,
    /// It stands in another file than it was written into: somebody made a copy of it, and nobody
    /// knows when.
    Copied,
    /// A decided block has a later signature of these keys than it knows.
    Outdated,
}

impl Doubt {
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::Missing, Self::Copied, Self::Outdated];

    /// On disk; never 0.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Missing => 1,
            Self::Copied => 2,
            Self::Outdated => 3,
        }
    }

    pub(super) const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Missing),
            2 => Some(Self::Copied),
            3 => Some(Self::Outdated),
            _ => None,
        }
    }

    /// One word, for the audit log.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Copied => "copied",
            Self::Outdated => "outdated",
        }
    }

    /// In words.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => {
                "these keys may have signed here before, and this directory has no record of it"
            }
            Self::Copied => {
                "the record of what these keys signed, the file `signed`, is a copy (from a backup, \
                 or of a directory that was moved to another disk), and they may have signed since"
            }
            Self::Outdated => {
                "a decided block has a signature of these keys that the record in this directory does \
                 not know: the record is old"
            }
        }
    }
}

/// The guard.
#[derive(Debug)]
pub(super) struct Guard {
    slots: Slots,
    record: Record,
    /// Whether it was found to be a copy as it was opened.
    copied: bool,
    dirty: bool,
}

impl Guard {
    /// Opens the guard. A file that is not there is one that knows nothing, which is not the same
    /// as nothing having been signed; of one that is a copy the last message still forbids.
    pub(super) fn open(path: &Path) -> Result<Self, GuardError> {
        let mut copied = false;
        let (slots, record) = Slots::open(path, |found| match found {
            Some((record, true)) => record,
            Some((record, false)) => {
                copied = true;
                Record { doubt: Some(Doubt::Copied), ..record }
            }
            None => Record { doubt: Some(Doubt::Missing), votes_from: 0, last: Signed::default() },
        })?;
        Ok(Self { slots, record, copied, dirty: false })
    }

    /// Whether it was found to be a copy as it was opened.
    pub(super) const fn is_copy(&self) -> bool {
        self.copied
    }

    /// Whether a copy can be told from the file also when it is given the file's inode number.
    pub(super) const fn knows_birth(&self) -> bool {
        self.slots.knows_birth()
    }

    /// The last message that it knows.
    pub(super) const fn last(&self) -> &Signed {
        &self.record.last
    }

    /// The height from which on votes are allowed; none while that is in doubt.
    pub(super) const fn votes_from(&self) -> Option<u64> {
        if self.record.doubt.is_none() { Some(self.record.votes_from) } else { None }
    }

    /// Why no vote is allowed.
    pub(super) const fn doubt(&self) -> Option<Doubt> {
        self.record.doubt
    }

    /// Ends the doubt: votes are allowed from this height on, or a later one that is known to be
    /// needed. Takes effect on disk with [`Self::sync`], as all that follows.
    pub(super) fn settle(&mut self, height: u64) {
        self.record.doubt = None;
        self.forbid_below(height);
    }

    /// Allows votes everywhere behind the last one: somebody knows better.
    pub(super) const fn trust(&mut self) {
        self.record.doubt = None;
        self.record.votes_from = 0;
        self.dirty = true;
    }

    /// Allows no votes until it is settled anew from where on.
    pub(super) const fn doubt_it(&mut self, why: Doubt) {
        self.record.doubt = Some(why);
        self.dirty = true;
    }

    /// Allows no votes below a height, whatever else is known.
    pub(super) fn forbid_below(&mut self, height: u64) {
        self.record.votes_from = self.record.votes_from.max(height);
        self.dirty = true;
    }

    /// Whether this node may sign at `height`, given what the log holds of it.
    pub(super) fn may_sign(&self, height: u64, log: &[WalEntry]) -> bool {
        let last = self.record.last;
        if self.votes_from().is_none_or(|from| height < from) || height < last.height {
            return false;
        }
        height > last.height || log.iter().any(|entry| Signed::of(entry) == Some(last))
    }

    /// Whether the last message is a precommit of this round, or a later one.
    pub(super) fn reaches(&self, height: u64, round: u32) -> bool {
        self.record.last.place() >= (height, round, 2)
    }

    /// Notes a message that was signed; it may leave after [`Self::sync`].
    ///
    /// # Errors
    /// [`GuardError::SignedAlready`]: it must not leave.
    pub(super) fn note(&mut self, signed: Signed) -> Result<(), GuardError> {
        let last = self.record.last;
        if signed == last {
            return Ok(());
        }
        if signed.place() <= last.place() && last != Signed::default() {
            return Err(GuardError::SignedAlready { height: signed.height, round: signed.round });
        }
        self.record.last = signed;
        self.dirty = true;
        Ok(())
    }

    /// Makes what was noted durable. Blocking.
    pub(super) fn sync(&mut self) -> Result<(), GuardError> {
        if self.dirty {
            self.slots.write(self.record)?;
            self.dirty = false;
        }
        Ok(())
    }
}
