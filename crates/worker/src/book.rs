//! What a worker must not forget: where it has read the chain to, its jobs, and what they need to be
//! opened.
//!
//! `book.json` has the first two and is replaced as a whole; `jobs/ID.rows` has the row roots of a
//! job. Both are durable before the commitment they belong to is sent.
//!
//! All but the earnings can be made again from the chain: the seed gives the same row roots once more. A
//! book that is begun anew costs the work twice, and no job.

use crate::error::WorkerError;
use alloy_primitives::{B256, U256};
use mfenx_compute::{Hash, Task};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Jobs kept at most: the contract gives a worker at most 64, and benchmarks come one by one.
pub(crate) const JOBS_MAX: usize = 128;
/// A book of so many jobs is far smaller.
const BOOK_BYTES_MAX: u64 = 4 << 20;

/// A job of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) seed: B256,
    pub(crate) m: u32,
    pub(crate) k: u32,
    pub(crate) p: u32,
    pub(crate) rounds: u32,
    pub(crate) samples: u32,
    /// The last second in which a commitment counts.
    pub(crate) deadline: u64,
    pub(crate) is_benchmark: bool,
}

impl Entry {
    /// What is computed.
    ///
    /// # Errors
    /// A size is out of bounds, which the contract does not admit.
    pub(crate) fn task(&self) -> Result<Task, mfenx_compute::TaskError> {
        Task::new(self.seed.0, self.m, self.k, self.p, self.rounds)
    }
}

/// What the worker has done and been paid since its book was begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earnings {
    /// Results that were verified.
    pub verified: u64,
    /// Jobs that were not committed in time.
    pub late: u64,
    /// Jobs that failed verification, or were not opened.
    pub failed: u64,
    /// Benchmarks that were verified.
    pub benchmarks: u64,
    /// Wei earned, which the contract owes to the operator until `withdraw`.
    pub earned: U256,
    /// Wei paid for gas.
    pub gas: U256,
    /// Multiply-adds of verified results.
    pub multiply_adds: u128,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Pages {
    chain_id: u64,
    worker: alloy_primitives::Address,
    /// The last block whose events were read.
    cursor: u64,
    jobs: BTreeMap<U256, Entry>,
    earnings: Earnings,
}

/// The directory of a worker, which no other process uses.
#[derive(Debug)]
pub(crate) struct Book {
    directory: PathBuf,
    pages: Pages,
    _lock: File,
}

impl Book {
    /// Opens the directory of `worker`, or begins it with `cursor`.
    pub(crate) fn open(
        directory: &Path,
        chain_id: u64,
        worker: alloy_primitives::Address,
        cursor: u64,
    ) -> Result<Self, WorkerError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| WorkerError::File { path, source }
        };
        fs::create_dir_all(directory.join("jobs")).map_err(at(directory))?;
        let lock = directory.join("lock");
        let file = File::create(&lock).map_err(at(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(WorkerError::InUse(directory.into())),
            Err(TryLockError::Error(source)) => {
                return Err(WorkerError::File { path: lock, source });
            }
        }
        let path = directory.join("book.json");
        let pages = match read(&path, BOOK_BYTES_MAX) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| WorkerError::Damaged {
                path: path.clone(),
                reason: error.to_string(),
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Pages { chain_id, worker, cursor, ..Pages::default() }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(WorkerError::Damaged { path, reason: error.to_string() });
            }
            Err(source) => return Err(WorkerError::File { path, source }),
        };
        let book = Self { directory: directory.into(), pages, _lock: file };
        if (book.pages.chain_id, book.pages.worker) != (chain_id, worker) {
            let Pages { worker, chain_id, .. } = book.pages;
            return Err(WorkerError::OtherWorker { path, worker, chain_id });
        }
        book.remove_strays();
        Ok(book)
    }

    /// Removes files of jobs that the book does not know: of a process that ended between the two.
    fn remove_strays(&self) {
        let jobs = self.directory.join("jobs");
        let known: BTreeSet<PathBuf> =
            self.pages.jobs.keys().map(|id| self.rows_path(*id)).collect();
        for path in fs::read_dir(&jobs).into_iter().flatten().flatten().map(|file| file.path()) {
            let is_ours = path.extension().is_some_and(|end| end == "rows" || end == "new");
            if is_ours && !known.contains(&path) && fs::remove_file(&path).is_err() {
                tracing::warn!(path = %path.display(), "a file of no job could not be removed");
            }
        }
    }

    pub(crate) const fn cursor(&self) -> u64 {
        self.pages.cursor
    }

    pub(crate) const fn set_cursor(&mut self, block: u64) {
        self.pages.cursor = block;
    }

    pub(crate) const fn jobs(&self) -> &BTreeMap<U256, Entry> {
        &self.pages.jobs
    }

    pub(crate) const fn earnings(&self) -> &Earnings {
        &self.pages.earnings
    }

    pub(crate) const fn earnings_mut(&mut self) -> &mut Earnings {
        &mut self.pages.earnings
    }

    /// Looks whether this can be the chain that was read, whose head is `head`.
    ///
    /// # Errors
    /// It is shorter: what happens on it before it is as long would not be heard.
    pub(crate) fn check_head(&self, head: u64) -> Result<(), WorkerError> {
        let seen = self.pages.cursor;
        if seen > head {
            let path = self.directory.join("book.json");
            return Err(WorkerError::ShorterChain { path, seen, head });
        }
        Ok(())
    }

    /// Whether this very job is here.
    pub(crate) fn has(&self, id: U256, seed: B256) -> bool {
        self.pages.jobs.get(&id).is_some_and(|entry| entry.seed == seed)
    }

    /// Adds a job; false when there are too many. One of the same number with another seed is of a
    /// chain that is no more.
    pub(crate) fn add(&mut self, id: U256, entry: Entry) -> bool {
        if self.pages.jobs.contains_key(&id) && !self.has(id, entry.seed) {
            self.remove(id);
        }
        let jobs = &mut self.pages.jobs;
        if jobs.len() >= JOBS_MAX && !jobs.contains_key(&id) {
            return false;
        }
        jobs.entry(id).or_insert(entry);
        true
    }

    /// Forgets a job.
    pub(crate) fn remove(&mut self, id: U256) {
        self.pages.jobs.remove(&id);
        let path = self.rows_path(id);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "a job's file could not be removed");
        }
    }

    /// Makes what changed durable.
    pub(crate) fn save(&self) -> Result<(), WorkerError> {
        let path = self.directory.join("book.json");
        let text = serde_json::to_vec(&self.pages).map_err(|error| WorkerError::Format {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        self.write(&path, &text)
    }

    /// Keeps the row roots of a job that is computed.
    pub(crate) fn save_rows(&self, id: U256, rows: &[Vec<Hash>]) -> Result<(), WorkerError> {
        let bytes: Vec<u8> = rows.iter().flatten().flatten().copied().collect();
        self.write(&self.rows_path(id), &bytes)
    }

    /// The row roots of a job; none when they were never kept, or are of another length.
    pub(crate) fn rows(&self, id: U256) -> Option<Vec<Vec<Hash>>> {
        let entry = self.pages.jobs.get(&id)?;
        let (m, rounds) = (entry.m as usize, entry.rounds as usize);
        let bytes = read(&self.rows_path(id), (m * rounds * 32) as u64).ok()?;
        let rows: Vec<Hash> = bytes.as_chunks::<32>().0.to_vec();
        (rows.len() == m * rounds && bytes.len() == rows.len() * 32)
            .then(|| rows.chunks(m).map(<[Hash]>::to_vec).collect())
    }

    /// Whether the row roots of a job are kept.
    pub(crate) fn has_rows(&self, id: U256) -> bool {
        self.rows_path(id).exists()
    }

    fn rows_path(&self, id: U256) -> PathBuf {
        self.directory.join("jobs").join(format!("{id:x}.rows"))
    }

    /// Replaces a file: whoever reads it finds the old or the new one.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), WorkerError> {
        let new = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
        };
        write().map_err(|source| WorkerError::File { path: path.into(), source })
    }
}

/// Reads a file of at most `most` bytes.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too long"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
