//! The guard against signing twice: one small file, `signed`, that names the last message signed.
//!
//! The log of the height holds every message of ours, and a restarted machine says the same again.
//! The guard is for the day when the log is gone, cut off or of another time: it remembers height,
//! round, step and digest of the last signature, and nothing at or before it is signed again unless
//! the log has it.
//!
//! Two slots are written in turn, each with a sequence number and a checksum, so that a torn write
//! leaves the slot before. A torn slot is that of a signature which never left.

use super::log::open_or_create;
use mfenx_consensus::{Round, VoteType, WalEntry, encode_proposal, encode_vote};
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"mfenxsg1";
const SLOT_BYTES: usize = 85;
/// Slots stand in different sectors.
const SLOT_STRIDE: u64 = 4096;

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
        "guard against signing twice {path} is damaged. Check the disk. If nothing else runs with \
         these keys, move the file away together with the log beside it: the node will follow, and \
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

/// The guard.
#[derive(Debug)]
pub(super) struct Guard {
    file: File,
    path: PathBuf,
    sequence: u64,
    /// Votes are allowed from this height on; none while that is not known.
    votes_from: Option<u64>,
    last: Signed,
    dirty: bool,
}

impl Guard {
    /// Opens the guard. A file that is not there is one that knows nothing, which is not the same
    /// as nothing having been signed.
    pub(super) fn open(path: &Path) -> Result<Self, GuardError> {
        let failed = |source| GuardError::File { path: path.into(), source };
        let mut file = open_or_create(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.by_ref().take(2 * SLOT_STRIDE).read_to_end(&mut bytes).map_err(failed)?;
        let slot = |at: u64| bytes.get(at as usize..).and_then(read_slot);
        let newest = [slot(0), slot(SLOT_STRIDE)].into_iter().flatten().max_by_key(|slot| slot.0);
        let path = path.to_owned();
        match newest {
            Some((sequence, votes_from, last)) => {
                Ok(Self { file, path, sequence, votes_from: Some(votes_from), last, dirty: false })
            }
            // The first slot was torn as it was made: nothing had been signed.
            None if bytes.len() < SLOT_BYTES => Ok(Self {
                file,
                path,
                sequence: 0,
                votes_from: None,
                last: Signed::default(),
                dirty: false,
            }),
            None => Err(GuardError::Damaged { path }),
        }
    }

    /// The height from which on votes are allowed; none while nobody has said.
    pub(super) const fn votes_from(&self) -> Option<u64> {
        self.votes_from
    }

    /// Says from which height on votes are allowed. Takes effect on disk with [`Self::sync`].
    pub(super) const fn set_votes_from(&mut self, height: u64) {
        self.votes_from = Some(height);
        self.dirty = true;
    }

    /// Whether this node may sign at `height`, given what the log holds of it.
    pub(super) fn may_sign(&self, height: u64, log: &[WalEntry]) -> bool {
        if self.votes_from.is_none_or(|from| height < from) || height < self.last.height {
            return false;
        }
        height > self.last.height || log.iter().any(|entry| Signed::of(entry) == Some(self.last))
    }

    /// Whether the last message is a precommit of this round, or a later one.
    pub(super) fn reaches(&self, height: u64, round: u32) -> bool {
        self.last.place() >= (height, round, 2)
    }

    /// Notes a message that was signed; it may leave after [`Self::sync`].
    ///
    /// # Errors
    /// [`GuardError::SignedAlready`]: it must not leave.
    pub(super) fn note(&mut self, signed: Signed) -> Result<(), GuardError> {
        if signed == self.last {
            return Ok(());
        }
        if signed.place() <= self.last.place() && self.last != Signed::default() {
            return Err(GuardError::SignedAlready { height: signed.height, round: signed.round });
        }
        self.last = signed;
        self.dirty = true;
        Ok(())
    }

    /// Makes what was noted durable. Blocking.
    pub(super) fn sync(&mut self) -> Result<(), GuardError> {
        if !self.dirty {
            return Ok(());
        }
        self.sequence += 1;
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&self.sequence.to_be_bytes());
        slot.extend_from_slice(&self.votes_from.unwrap_or(u64::MAX).to_be_bytes());
        slot.extend_from_slice(&self.last.height.to_be_bytes());
        slot.extend_from_slice(&self.last.round.to_be_bytes());
        slot.push(self.last.step);
        slot.extend_from_slice(&self.last.digest);
        let checksum = blake3::hash(&slot);
        slot.extend(checksum.as_bytes().iter().take(16));
        let at = if self.sequence.is_multiple_of(2) { SLOT_STRIDE } else { 0 };
        let written = self.file.write_all_at(&slot, at).and_then(|()| self.file.sync_data());
        written.map_err(|source| GuardError::File { path: self.path.clone(), source })?;
        self.dirty = false;
        Ok(())
    }
}

/// Sequence, first height of votes, last message.
fn read_slot(bytes: &[u8]) -> Option<(u64, u64, Signed)> {
    let slot = bytes.get(..SLOT_BYTES)?;
    let (covered, checksum) = slot.split_at(SLOT_BYTES - 16);
    if !blake3::hash(covered).as_bytes().starts_with(checksum) {
        return None;
    }
    let rest = covered.strip_prefix(MAGIC)?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (votes_from, rest) = rest.split_first_chunk()?;
    let (height, rest) = rest.split_first_chunk()?;
    let (round, rest) = rest.split_first_chunk()?;
    let (&step, digest) = rest.split_first()?;
    let signed = Signed {
        height: u64::from_be_bytes(*height),
        round: u32::from_be_bytes(*round),
        step,
        digest: digest.try_into().ok()?,
    };
    Some((u64::from_be_bytes(*sequence), u64::from_be_bytes(*votes_from), signed))
}
