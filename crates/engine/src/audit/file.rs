//! The log as its node writes it.

use super::{
    AuditError, FILE_BYTES_MAX, FILES_KEPT, LINE_BYTES_MAX, NAME, WAITING_MAX,
    check::{Checked, Signatures, check_lines, of_directory, read, split_torn},
    event::{Event, Opened},
    line,
};
use crate::{consensus::ValidatorKeys, metrics::audit as counted};
use alloy_primitives::B256;
use mfenx_consensus::Domain;
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long a disk that took no record is left alone.
const RETRY: Duration = Duration::from_secs(10);

/// The open log.
#[derive(Debug)]
pub(crate) struct Audit {
    directory: PathBuf,
    keys: Arc<ValidatorKeys>,
    /// The first record of every file.
    opened: Opened,
    bytes_max: u64,
    /// None after a rotation that could not be finished.
    file: Option<File>,
    end: u64,
    /// Number of the first record of the file.
    first: u64,
    next: u64,
    last: B256,
    /// Records that are not written, with their times.
    waiting: VecDeque<(u64, Event)>,
    lost: u64,
    /// When a disk that failed is tried again.
    retry_at: Option<Instant>,
}

impl Audit {
    /// Opens the log in `directory`, or begins one. A line that was cut off is removed, which is
    /// recorded; that the disk takes no record is no reason to fail.
    ///
    /// # Errors
    /// The log is damaged, and left as it is, or its files cannot be opened.
    pub(crate) fn open(
        directory: &Path,
        domain: Domain,
        keys: Arc<ValidatorKeys>,
    ) -> Result<Self, AuditError> {
        Self::open_bounded(directory, domain, keys, FILE_BYTES_MAX)
    }

    /// [`Self::open`] with files of other sizes.
    pub(super) fn open_bounded(
        directory: &Path,
        domain: Domain,
        keys: Arc<ValidatorKeys>,
        bytes_max: u64,
    ) -> Result<Self, AuditError> {
        let path = directory.join(NAME);
        let failed = |source| AuditError::File { path: path.clone(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let bytes = read(&path, bytes_max.max(FILE_BYTES_MAX))?.unwrap_or_default();
        let (lines, torn) = split_torn(&bytes);
        let held = checked(&path, lines)?;
        if torn.len() > LINE_BYTES_MAX {
            let line = lines.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let reason = "it is longer than any record".to_owned();
            return Err(AuditError::Damaged { path, line, reason });
        }
        let file = open_or_create(&path).map_err(failed)?;
        if !torn.is_empty() {
            let cut = file.set_len(lines.len() as u64).and_then(|()| file.sync_data());
            cut.map_err(failed)?;
        }
        sync(directory).map_err(failed)?;
        let opened = Opened {
            format: 1,
            chain_id: domain.chain_id,
            genesis: domain.genesis_hash,
            operator: keys.operator,
            key: keys.consensus.public_key().to_bytes().into(),
        };
        let mut audit = Self {
            directory: directory.into(),
            keys,
            opened,
            bytes_max,
            file: Some(file),
            end: lines.len() as u64,
            first: 0,
            next: 0,
            last: B256::ZERO,
            waiting: VecDeque::new(),
            lost: 0,
            retry_at: None,
        };
        audit.go_on_from(held)?;
        if !torn.is_empty() {
            tracing::warn!(bytes = torn.len(), path = %path.display(), "cut a torn line off the audit log");
            audit.record(Event::Cut { bytes: torn.len() as u64, digest: line::hash(torn) });
        }
        Ok(audit)
    }

    /// Takes up numbers and links of what was written before.
    fn go_on_from(&mut self, held: Option<Checked>) -> Result<(), AuditError> {
        let is_present = held.is_some();
        let held = match held {
            Some(held) => Some(held),
            // It was rotated, and nothing written since.
            None => match of_directory(&self.directory)?.iter().rev().nth(1) {
                Some(path) => {
                    let bytes = read(path, self.bytes_max.max(FILE_BYTES_MAX))?.unwrap_or_default();
                    checked(path, &bytes)?
                }
                None => None,
            },
        };
        let Some(held) = held else { return Ok(()) };
        (self.first, self.next, self.last) = (held.first, held.next, held.last);
        if is_present && held.opened != self.opened {
            // Other keys sign another file.
            let path = self.path();
            self.rotate().map_err(|source| AuditError::File { path, source })?;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// Records something, durably unless the disk fails. Blocking, and rarely.
    pub(crate) fn record(&mut self, event: Event) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((now.as_millis() as u64, event));
        } else {
            self.lost += 1;
        }
        self.write_waiting();
    }

    /// Tries again what could not be written, when it is time to.
    pub(crate) fn again(&mut self) {
        if self.retry_at.is_some_and(|at| at <= Instant::now()) {
            self.write_waiting();
        }
    }

    fn write_waiting(&mut self) {
        while let Some((time, event)) = self.waiting.pop_front() {
            if let Err(error) = self.write(time, &event) {
                self.waiting.push_front((time, event));
                counted::failed();
                tracing::error!(
                    %error,
                    path = %self.path().display(),
                    waiting = self.waiting.len(),
                    lost = self.lost,
                    "the audit log could not be written; consensus goes on without it: free some \
                     space, or mend the disk"
                );
                self.retry_at = Some(Instant::now() + RETRY);
                break;
            }
            if self.retry_at.take().is_some() {
                tracing::warn!(path = %self.path().display(), "the audit log is written again");
            }
            if self.waiting.is_empty() && self.lost > 0 {
                let records = std::mem::take(&mut self.lost);
                self.waiting.push_back((time, Event::Lost { records }));
            }
        }
        counted::waiting(self.waiting.len());
    }

    /// Puts a device that is always full in the place of the file.
    #[cfg(test)]
    pub(super) fn fill_disk(&mut self) {
        self.file = Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
    }

    #[cfg(test)]
    pub(super) fn free_disk(&mut self) {
        self.file = None;
    }

    fn write(&mut self, time: u64, event: &Event) -> io::Result<()> {
        if self.end >= self.bytes_max {
            self.rotate()?;
        }
        if self.end == 0 {
            self.first = self.next;
            let opened = Event::Opened(self.opened.clone());
            self.append(time, &opened)?;
        }
        self.append(time, event)
    }

    fn append(&mut self, time: u64, event: &Event) -> io::Result<()> {
        let mut line = line::write((self.next, time, self.last), event, &self.keys.consensus)?;
        let hash = line::hash(&line);
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            missing => missing.insert(open_or_create(&self.directory.join(NAME))?),
        };
        let written = file.write_all_at(&line, self.end).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a line must not stay; the next attempt begins at the same place in any case.
            let _ = file.set_len(self.end);
            return Err(error);
        }
        self.end += line.len() as u64;
        tracing::info!(number = self.next, %hash, "audit record");
        (self.next, self.last) = (self.next.saturating_add(1), hash);
        counted::written();
        Ok(())
    }

    /// Puts the file aside and begins another.
    fn rotate(&mut self) -> io::Result<()> {
        let aside = self.directory.join(format!("{NAME}.{:012}", self.first));
        if aside.try_exists()? {
            let reason = format!("{} is in the way of a rotation", aside.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        fs::rename(self.path(), aside)?;
        (self.file, self.end) = (None, 0);
        self.file = Some(open_or_create(&self.path())?);
        sync(&self.directory)?;
        let files = of_directory(&self.directory).map_err(io::Error::other)?;
        let rotated = files.len().saturating_sub(1);
        for old in files.iter().take(rotated.saturating_sub(FILES_KEPT)) {
            fs::remove_file(old)?;
        }
        Ok(())
    }
}

fn checked(path: &Path, lines: &[u8]) -> Result<Option<Checked>, AuditError> {
    let damaged = |(line, reason)| AuditError::Damaged { path: path.into(), line, reason };
    check_lines(lines, Signatures::FirstAndLast, |_| {}).map_err(damaged)
}

/// What an authority did is nobody else's to read, unless it is shown.
fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
