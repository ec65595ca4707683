//! The file of the guard: two slots, written in turn, and the file that they were written into.
//!
//! ```text
//! slot    "mfenxsg2" (8) || sequence (8) || inode (8) || birth (8) || doubt (1)
//!         || first height of votes (8) || height (8) || round (4) || step (1) || digest (32)
//!         || checksum (16)
//! ```
//!
//! Integers are big endian. Each slot has a checksum, so that a torn write leaves the slot before. A
//! torn slot is that of a signature which never left.
//!
//! A slot names the file it stands in: its inode, and when it was born if the file system tells. What
//! is read from another file was copied there, and is as old as the copy. The device is not named, for
//! its number may be another one after a reboot. A restart, a crash and a directory that is renamed
//! leave all of that as it is. At each start the file is made anew, beside the old one and then in its
//! place, so that a copy of an earlier run is found out also when it was written over the file.
//!
//! Not found out: a rolled back snapshot of a file system, a disk or a machine, in which the file is
//! the very same, and so is a hard link to it; a copy written over the file, with nothing started in
//! between; the directory that a copy was made of; where births are not told ([`Slots::knows_birth`]),
//! a copy that was given the number of the file it is of.

use super::guard::{Doubt, GuardError, Signed};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

const MAGIC: &[u8; 8] = b"mfenxsg2";
const SLOT_BYTES: usize = 102;
const CHECKSUM_BYTES: usize = 16;
/// Slots stand in different sectors.
const SLOT_STRIDE: u64 = 4096;

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) inode: u64,
    /// Nanoseconds since the Unix epoch; 0 when it is not told.
    pub(super) birth: u64,
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        // Until the year 2554.
        let birth = born.and_then(|born| u64::try_from(born.as_nanos()).ok()).unwrap_or(0);
        Ok(Self { inode: metadata.ino(), birth })
    }

    /// Whether a file that was given this one's number, once it is gone, can be told from it.
    const fn has_birth(self) -> bool {
        self.birth != 0
    }

    /// Whether this can be the same file as `other`. A birth that is told now and was not then, or the
    /// other way round, is that of another kernel.
    const fn may_be(self, other: Self) -> bool {
        let births = self.birth == other.birth || !self.has_birth() || !other.has_birth();
        self.inode == other.inode && births
    }
}

/// What a guard knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// Why it is not known from which height on votes are allowed; none when it is.
    pub(super) doubt: Option<Doubt>,
    /// Nothing is signed below this height, whatever else is known.
    pub(super) votes_from: u64,
    /// The last message signed.
    pub(super) last: Signed,
}

/// The file, open, and its number of writes.
#[derive(Debug)]
pub(super) struct Slots {
    file: File,
    path: PathBuf,
    identity: Identity,
    sequence: u64,
}

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    sequence: u64,
    identity: Identity,
    record: Record,
}

impl Slots {
    /// Opens the file and makes it anew, with the record that `weigh` makes of what was found: the
    /// newest record, and whether it was written into that very file. The caller makes the name
    /// durable.
    ///
    /// # Errors
    /// [`GuardError`]: the file is as it was.
    pub(super) fn open(
        path: &Path,
        weigh: impl FnOnce(Option<(Record, bool)>) -> Record,
    ) -> Result<(Self, Record), GuardError> {
        let failed = |source| GuardError::File { path: path.into(), source };
        let found = match File::open(path) {
            Ok(file) => newest(&file).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Newest::Nothing,
            Err(error) => return Err(failed(error)),
        };
        let (sequence, found) = match found {
            Newest::Nothing => (0, None),
            Newest::Slot(slot, own) => (slot.sequence, Some((slot.record, own))),
            Newest::Damaged => return Err(GuardError::Damaged { path: path.into() }),
        };
        let record = weigh(found);
        let fresh = path.with_extension("new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&fresh);
        let file = file.map_err(failed)?;
        let identity = Identity::of(&file).map_err(failed)?;
        let mut slots = Self { file, path: path.to_owned(), identity, sequence };
        slots.write(record)?;
        slots.file.sync_all().and_then(|()| fs::rename(&fresh, path)).map_err(failed)?;
        Ok((slots, record))
    }

    /// Whether the file system tells when the file was born. Where it does not, a copy that is given
    /// the file's number passes for it.
    pub(super) const fn knows_birth(&self) -> bool {
        self.identity.has_birth()
    }

    /// Makes a record durable. Blocking.
    ///
    /// # Errors
    /// [`GuardError::File`].
    pub(super) fn write(&mut self, record: Record) -> Result<(), GuardError> {
        self.sequence += 1;
        let slot = Slot { sequence: self.sequence, identity: self.identity, record };
        let at = if self.sequence.is_multiple_of(2) { SLOT_STRIDE } else { 0 };
        let written = self.file.write_all_at(&slot.encode(), at);
        let synced = written.and_then(|()| self.file.sync_data());
        synced.map_err(|source| GuardError::File { path: self.path.clone(), source })
    }
}

enum Newest {
    /// The file is empty, or was not there.
    Nothing,
    /// The newest slot, and whether it was written into this file.
    Slot(Slot, bool),
    /// There is something, and no slot is sound.
    Damaged,
}

fn newest(mut file: &File) -> io::Result<Newest> {
    let mut bytes = Vec::new();
    file.by_ref().take(2 * SLOT_STRIDE).read_to_end(&mut bytes)?;
    let slot = |at: u64| bytes.get(at as usize..).and_then(Slot::decode);
    let slots = [slot(0), slot(SLOT_STRIDE)].into_iter().flatten();
    let identity = Identity::of(file)?;
    Ok(match slots.max_by_key(|slot| slot.sequence) {
        Some(slot) => Newest::Slot(slot, slot.identity.may_be(identity)),
        None if bytes.is_empty() => Newest::Nothing,
        None => Newest::Damaged,
    })
}

impl Slot {
    fn encode(&self) -> Vec<u8> {
        let Self { sequence, identity, record } = self;
        let Record { doubt, votes_from, last } = record;
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&sequence.to_be_bytes());
        slot.extend_from_slice(&identity.inode.to_be_bytes());
        slot.extend_from_slice(&identity.birth.to_be_bytes());
        slot.push(doubt.map_or(0, Doubt::code));
        slot.extend_from_slice(&votes_from.to_be_bytes());
        slot.extend_from_slice(&last.height.to_be_bytes());
        slot.extend_from_slice(&last.round.to_be_bytes());
        slot.push(last.step);
        slot.extend_from_slice(&last.digest);
        let checksum = blake3::hash(&slot);
        slot.extend(checksum.as_bytes().iter().take(CHECKSUM_BYTES));
        slot
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let slot = bytes.get(..SLOT_BYTES)?;
        let (covered, checksum) = slot.split_at(SLOT_BYTES - CHECKSUM_BYTES);
        if !blake3::hash(covered).as_bytes().starts_with(checksum) {
            return None;
        }
        let rest = covered.strip_prefix(MAGIC)?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (inode, rest) = rest.split_first_chunk()?;
        let (birth, rest) = rest.split_first_chunk()?;
        let (&doubt, rest) = rest.split_first()?;
        let (votes_from, rest) = rest.split_first_chunk()?;
        let (height, rest) = rest.split_first_chunk()?;
        let (round, rest) = rest.split_first_chunk()?;
        let (&step, digest) = rest.split_first()?;
        let [sequence, inode, birth, votes_from, height] =
            [sequence, inode, birth, votes_from, height].map(|bytes| u64::from_be_bytes(*bytes));
        let doubt = if doubt == 0 { None } else { Some(Doubt::of_code(doubt)?) };
        let round = u32::from_be_bytes(*round);
        let last = Signed { height, round, step, digest: digest.try_into().ok()? };
        let (identity, record) = (Identity { inode, birth }, Record { doubt, votes_from, last });
        Some(Self { sequence, identity, record })
    }
}

/// Puts an older record into the very file, as the snapshot of a machine does that is gone back to.
#[cfg(test)]
pub(super) fn roll_back(path: &Path, record: Record) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let slot = Slot { sequence: 1, identity: Identity::of(&file).unwrap(), record };
    file.set_len(0).unwrap();
    file.write_all_at(&slot.encode(), 0).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let doubt = prop::option::of(prop::sample::select(&Doubt::ALL[..]));
        let last = (any::<u64>(), any::<u32>(), 0..3_u8, any::<[u8; 32]>());
        (doubt, any::<u64>(), last).prop_map(|(doubt, votes_from, last)| {
            let (height, round, step, digest) = last;
            Record { doubt, votes_from, last: Signed { height, round, step, digest } }
        })
    }

    /// What a start would make of the file.
    fn read(path: &Path) -> Option<(Record, bool)> {
        match newest(&File::open(path).unwrap()).unwrap() {
            Newest::Nothing => None,
            Newest::Slot(slot, own) => Some((slot.record, own)),
            Newest::Damaged => panic!("damaged"),
        }
    }

    fn opened(path: &Path, first: Record) -> Slots {
        Slots::open(path, |found| found.map_or(first, |(record, _)| record)).unwrap().0
    }

    proptest! {
        #[test]
        fn a_slot_is_read_as_it_was_written(
            record in record(), sequence: u64, inode: u64, birth: u64,
        ) {
            let slot = Slot { sequence, identity: Identity { inode, birth }, record };
            let bytes = slot.encode();
            prop_assert_eq!(bytes.len(), SLOT_BYTES);
            prop_assert_eq!(Slot::decode(&bytes), Some(slot));
        }

        /// A write that is cut off anywhere leaves what was there before, or is whole.
        #[test]
        fn a_torn_write_is_the_one_that_never_counted(
            records in prop::collection::vec(record(), 2..6),
            cut in 0..=SLOT_BYTES,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("signed");
            let mut slots = opened(&path, records[0]);
            let (last, before) = records.split_last().unwrap();
            for record in &before[1..] {
                slots.write(*record).unwrap();
            }
            let old = fs::read(&path).unwrap();
            slots.write(*last).unwrap();
            let new = fs::read(&path).unwrap();
            let at = if slots.sequence.is_multiple_of(2) { SLOT_STRIDE as usize } else { 0 };
            let mut torn = old;
            torn.resize(new.len(), 0);
            torn[at..at + cut].copy_from_slice(&new[at..at + cut]);
            fs::write(&path, &torn).unwrap();
            let (found, own) = read(&path).unwrap();
            prop_assert!(own, "it is the same file");
            let differs = torn != new;
            prop_assert_eq!(found, if differs { *before.last().unwrap() } else { *last });
        }
    }

    #[test]
    fn a_file_is_told_from_its_copies() {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (directory.path().join("signed"), directory.path().join("copy"));
        let record = Record { doubt: None, votes_from: 3, last: Signed::default() };
        drop(opened(&path, record));
        assert_eq!(read(&path), Some((record, true)));
        fs::copy(&path, &copy).unwrap();
        assert_eq!(read(&copy), Some((record, false)), "of the same bytes");
        let renamed = directory.path().join("renamed");
        fs::rename(&path, &renamed).unwrap();
        assert_eq!(read(&renamed), Some((record, true)), "another name is no other file");
        // A later run; then the copy is written over the file.
        drop(opened(&renamed, record));
        assert_eq!(read(&renamed), Some((record, true)));
        let bytes = fs::read(&copy).unwrap();
        fs::write(&renamed, bytes).unwrap();
        assert_eq!(read(&renamed), Some((record, false)), "it is the file of the run before");
    }

    #[test]
    fn a_birth_tells_files_of_one_number_apart() {
        let file = Identity { inode: 7, birth: 5 };
        let of = |inode, birth| Identity { inode, birth };
        assert!(file.may_be(file) && file.may_be(of(7, 0)) && of(7, 0).may_be(file));
        assert!(!file.may_be(of(7, 6)) && !file.may_be(of(8, 5)) && !file.may_be(of(8, 0)));
        assert!(file.has_birth() && !of(7, 0).has_birth());
    }

    /// The warning of a file without birth is said where the system tells none, and nowhere else.
    #[test]
    fn it_is_known_whether_the_file_system_tells_births() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed");
        let record = Record { doubt: None, votes_from: 0, last: Signed::default() };
        let slots = opened(&path, record);
        assert_eq!(slots.knows_birth(), fs::metadata(&path).unwrap().created().is_ok());
    }

    #[test]
    fn what_is_no_record_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed");
        // The slot of an older version, whose magic was another, and half a slot.
        let mut old = b"mfenxsg1".to_vec();
        old.resize(85, 7);
        let whole = Slot {
            sequence: 1,
            identity: Identity { inode: 1, birth: 1 },
            record: Record { doubt: None, votes_from: 0, last: Signed::default() },
        };
        for bytes in [old, whole.encode()[..60].to_vec(), vec![0; 9_000]] {
            fs::write(&path, &bytes).unwrap();
            let refused = Slots::open(&path, |_| panic!("there is nothing to go by"));
            let error = refused.unwrap_err();
            assert!(matches!(error, GuardError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains("another version"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }
}
