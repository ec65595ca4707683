//! The write-ahead log of one height: an append-only file of checksummed frames.
//!
//! ```text
//! file    "mfenxlg1" (8) || height (8) || checksum of both (8), then frames
//! frame   0x4d 0x46 0x52 0x4d || length (4) || checksum (16) || records
//! record  1 machine's record or 2 block || length (4) || bytes
//! ```
//!
//! Integers are big endian. A frame is what was synced at once, so nothing valid can stand behind a
//! frame that was not: an unreadable end with nothing behind it is a torn write, which nobody has
//! seen the consequences of, and is cut off; an unreadable place with a valid frame behind it is
//! damage, and the file is refused. The checksum covers height and place of the frame, so a stale
//! frame is never valid.
//!
//! Malachite's log is a good one, but counts a torn write by its entries; a frame a sync lets us tell
//! the two cases apart for certain.

use mfenx_consensus::{DecodeError, WalEntry};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const FILE_MAGIC: &[u8; 8] = b"mfenxlg1";
const FILE_HEADER_BYTES: usize = 24;
const FRAME_MAGIC: [u8; 4] = *b"MFRM";
const FRAME_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 5;
const ENTRY: u8 = 1;
const BLOCK: u8 = 2;
/// Beyond this many bytes blocks are no longer logged, only what was signed and received: a height
/// that takes hundreds of rounds must not fill the disk.
const BLOCKS_BYTES_MAX: u64 = 256 << 20;
/// A longer file is not one of ours.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// Opens a file for reading and writing, and leaves what is in it as it is.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The log cannot be used. Nothing was signed since it was opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file could not be read or written.
    #[error("consensus log {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged.
    #[error(
        "consensus log {path} is damaged at byte {at}: {reason}. It records what this authority \
         signed at the height it is at. Check the disk. Then move the file away (keep the file \
         `signed` beside it): the node will follow and votes again from the next height on"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// What is wrong there.
        reason: String,
    },
}

/// What a log held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// The height that the records are of.
    pub(super) height: u64,
    /// The machine's records, in order.
    pub(super) entries: Vec<WalEntry>,
    /// Payloads of blocks.
    pub(super) blocks: Vec<bytes::Bytes>,
}

/// The open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    height: u64,
    end: u64,
    /// Records of the next frame, behind room for its header.
    frame: Vec<u8>,
}

impl Log {
    /// Opens the log, or creates it, and reads what it holds. A torn end is cut off.
    pub(super) fn open(path: &Path) -> Result<(Self, Recovered), LogError> {
        let failed = |source| LogError::File { path: path.into(), source };
        let mut file = open_or_create(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let damaged = |at, reason: &str| {
            Err(LogError::Damaged { path: path.into(), at, reason: reason.into() })
        };
        if length > FILE_BYTES_MAX {
            return damaged(0, "it is too long to be a log");
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let mut recovered = Recovered::default();
        let mut log =
            Self { file, path: path.into(), height: 0, end: 0, frame: vec![0; FRAME_HEADER_BYTES] };
        let Some((header, _)) = bytes.split_first_chunk::<FILE_HEADER_BYTES>() else {
            // The file was being started anew: no frame of the new height was synced.
            return Ok((log, recovered));
        };
        let Some(height) = read_file_header(header) else {
            // Room that was made and never written is torn, too; anything else is not a log.
            if bytes.len() > FILE_HEADER_BYTES && header.iter().any(|byte| *byte != 0) {
                return damaged(0, "its first bytes are not those of a log");
            }
            return Ok((log, recovered));
        };
        recovered.height = height;
        log.height = height;
        let mut at = FILE_HEADER_BYTES;
        while let Some(records) = read_frame(&bytes, at, height) {
            if let Err(reason) = read_records(records, &mut recovered) {
                return damaged(at as u64, &reason);
            }
            at += FRAME_HEADER_BYTES + records.len();
        }
        if let Some(later) =
            (at + 1..bytes.len()).find(|&at| read_frame(&bytes, at, height).is_some())
        {
            return damaged(at as u64, &format!("valid records follow at byte {later}"));
        }
        if at < bytes.len() {
            let torn = bytes.len() - at;
            tracing::warn!(bytes = torn, path = %path.display(), "cut a torn end off the log");
            log.file.set_len(at as u64).map_err(failed)?;
        }
        log.end = at as u64;
        Ok((log, recovered))
    }

    /// The height that records are of; 0 before the first.
    pub(super) const fn height(&self) -> u64 {
        self.height
    }

    /// Whether records wait for [`Self::sync`].
    pub(super) fn is_dirty(&self) -> bool {
        self.frame.len() > FRAME_HEADER_BYTES
    }

    /// Starts anew for a height. What was there is gone, except when the machine loses power
    /// before the next sync; then it is there in full.
    pub(super) fn reset(&mut self, height: u64) -> Result<(), LogError> {
        self.frame.truncate(FRAME_HEADER_BYTES);
        self.height = height;
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        header.extend_from_slice(FILE_MAGIC);
        header.extend_from_slice(&height.to_be_bytes());
        let checksum = blake3::hash(&header);
        header.extend(checksum.as_bytes().iter().take(8));
        let written = self.file.set_len(0).and_then(|()| self.file.write_all_at(&header, 0));
        written.map_err(|source| LogError::File { path: self.path.clone(), source })?;
        self.end = FILE_HEADER_BYTES as u64;
        Ok(())
    }

    /// Adds a record of the machine to the next frame.
    pub(super) fn append_entry(&mut self, entry: &WalEntry) {
        self.append(ENTRY, &entry.encode());
    }

    /// Adds a block to the next frame, unless the height has taken too many already.
    pub(super) fn append_block(&mut self, payload: &[u8]) {
        if self.end < BLOCKS_BYTES_MAX {
            self.append(BLOCK, payload);
        }
    }

    fn append(&mut self, kind: u8, bytes: &[u8]) {
        self.frame.push(kind);
        // A payload is bounded far below 4 GiB.
        self.frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.frame.extend_from_slice(bytes);
    }

    /// Makes all records durable, as one frame. Blocking.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        if !self.is_dirty() {
            return Ok(());
        }
        let (header, records) = self.frame.split_at_mut(FRAME_HEADER_BYTES);
        let checksum = checksum(self.height, self.end, records);
        let length = (records.len() as u32).to_be_bytes();
        let fields = FRAME_MAGIC.iter().chain(&length).chain(&checksum);
        for (to, from) in header.iter_mut().zip(fields) {
            *to = *from;
        }
        let written = self.file.write_all_at(&self.frame, self.end);
        let synced = written.and_then(|()| self.file.sync_data());
        synced.map_err(|source| LogError::File { path: self.path.clone(), source })?;
        self.end += self.frame.len() as u64;
        self.frame.truncate(FRAME_HEADER_BYTES);
        self.frame.shrink_to(1 << 20);
        Ok(())
    }
}

fn checksum(height: u64, at: u64, records: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&height.to_be_bytes()).update(&at.to_be_bytes()).update(records);
    let mut checksum = [0; 16];
    hasher.finalize_xof().fill(&mut checksum);
    checksum
}

fn read_file_header(header: &[u8; FILE_HEADER_BYTES]) -> Option<u64> {
    let (covered, checksum) = header.split_at(16);
    let (magic, height) = covered.split_at(8);
    let sound = magic == FILE_MAGIC && blake3::hash(covered).as_bytes().starts_with(checksum);
    sound.then(|| height.try_into().ok().map(u64::from_be_bytes))?
}

/// The records of the frame at `at`, if there is a sound one.
fn read_frame(bytes: &[u8], at: usize, height: u64) -> Option<&[u8]> {
    let rest = bytes.get(at..)?.strip_prefix(&FRAME_MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<16>()?;
    let records = rest.get(..u32::from_be_bytes(*length) as usize)?;
    (checksum(height, at as u64, records) == *expected).then_some(records)
}

/// Reads the records of a sound frame. What does not decode was written by another program.
fn read_records(mut records: &[u8], recovered: &mut Recovered) -> Result<(), String> {
    let malformed = || "a record is malformed; was it written by another version?".to_owned();
    while !records.is_empty() {
        let (header, rest) =
            records.split_first_chunk::<RECORD_HEADER_BYTES>().ok_or_else(malformed)?;
        let [kind, length @ ..] = *header;
        let (bytes, rest) =
            rest.split_at_checked(u32::from_be_bytes(length) as usize).ok_or_else(malformed)?;
        match kind {
            ENTRY => {
                let entry: Result<_, DecodeError> = WalEntry::decode(bytes);
                recovered.entries.push(entry.map_err(|error| format!("a record: {error}"))?);
            }
            BLOCK => recovered.blocks.push(bytes::Bytes::copy_from_slice(bytes)),
            _ => return Err(malformed()),
        }
        records = rest;
    }
    Ok(())
}
