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
mod tests {
    use super::*;
    use alloy_primitives::Address;

    fn entry() -> Entry {
        let seed = B256::repeat_byte(3);
        Entry { seed, m: 2, k: 1, p: 1, rounds: 2, samples: 4, deadline: 9, is_benchmark: false }
    }

    #[test]
    fn a_book_is_read_as_it_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let (worker, id) = (Address::repeat_byte(1), U256::from(7));
        let rows = vec![vec![[1; 32], [2; 32]], vec![[3; 32], [4; 32]]];
        {
            let mut book = Book::open(directory.path(), 5, worker, 10).unwrap();
            assert_eq!(book.cursor(), 10);
            assert!(book.add(id, entry()) && book.rows(id).is_none());
            book.set_cursor(11);
            book.earnings_mut().verified = 3;
            book.save_rows(id, &rows).unwrap();
            book.save().unwrap();
            let other = Book::open(directory.path(), 5, worker, 10).unwrap_err();
            assert!(matches!(other, WorkerError::InUse(_)), "{other}");
        }
        let mut book = Book::open(directory.path(), 5, worker, 10).unwrap();
        assert_eq!((book.cursor(), book.earnings().verified), (11, 3));
        assert_eq!(book.jobs().get(&id), Some(&entry()));
        assert_eq!(book.rows(id), Some(rows));
        fs::write(directory.path().join("jobs/7.rows"), [0; 127]).unwrap();
        assert_eq!(book.rows(id), None, "a torn file is none");
        book.remove(id);
        assert!(!book.has_rows(id) && book.jobs().is_empty());
        book.save().unwrap();
        drop(book);
        let stray = |name: &str| directory.path().join("jobs").join(name);
        for name in ["8.rows", "8.new", "notes.txt"] {
            fs::write(stray(name), "").unwrap();
        }
        drop(Book::open(directory.path(), 5, worker, 10).unwrap());
        assert!(!stray("8.rows").exists() && !stray("8.new").exists(), "files of no job stay");
        assert!(stray("notes.txt").exists(), "and what is not ours is left");
        let error = Book::open(directory.path(), 6, worker, 10).unwrap_err().to_string();
        assert!(error.contains("on chain 5,") && error.contains("--dir"), "{error}");
        assert!(!error.contains("away"), "another's jobs are no file to be moved: {error}");
        for damage in ["{".to_owned(), " ".repeat(BOOK_BYTES_MAX as usize + 1)] {
            fs::write(directory.path().join("book.json"), damage).unwrap();
            let error = Book::open(directory.path(), 5, worker, 10).unwrap_err().to_string();
            assert!(error.contains("move this file away"), "{error}");
        }
    }

    #[test]
    fn a_chain_that_was_begun_anew_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let (id, rows) = (U256::from(7), vec![vec![[1; 32]; 2]; 2]);
        let mut book = Book::open(directory.path(), 5, Address::ZERO, 10).unwrap();
        assert!(book.check_head(10).is_ok());
        let error = book.check_head(9).unwrap_err();
        assert!(error.is_passing(), "the node may catch up");
        let error = error.to_string();
        assert!(error.contains("block 10") && error.contains("mfenx dev"), "{error}");
        // The same number, of another chain: not what was computed for the old one.
        assert!(book.add(id, entry()));
        book.save_rows(id, &rows).unwrap();
        assert!(book.add(id, entry()) && book.rows(id) == Some(rows), "the same is the same");
        let other = Entry { seed: B256::repeat_byte(4), ..entry() };
        assert!(book.add(id, other.clone()) && !book.has(id, entry().seed));
        assert!(book.has(id, other.seed) && book.rows(id).is_none());
    }

    #[test]
    fn jobs_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let mut book = Book::open(directory.path(), 5, Address::ZERO, 0).unwrap();
        for id in 0..JOBS_MAX {
            assert!(book.add(U256::from(id), entry()));
        }
        assert!(!book.add(U256::from(JOBS_MAX), entry()));
        assert!(book.add(U256::from(3), entry()), "one it has is no new one");
    }
}
