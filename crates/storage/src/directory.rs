//! The directory of a store: whose it is, who has it open, and how much room there is.

use crate::{
    error::StoreError,
    reader::{FORMAT, FORMAT_KEY, decode_format},
    tables::Tables,
    txn::Slice,
};
use reth_libmdbx::{
    Environment, EnvironmentFlags, MdbxError, Mode,
    tx::{TransactionKind, Tx},
};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

const DATA_FILE: &str = "mdbx.dat";
const LOCK_FILE: &str = "mfenx.lock";
/// What a directory may contain before it is ours. A file system puts `lost+found` at its root.
const OWN_FILES: [&str; 4] = [DATA_FILE, "mdbx.lck", LOCK_FILE, "lost+found"];

/// Space that must be free before a block is written. The data file is sparse and mapped, so
/// running out of disk in the middle of a transaction would kill the process with SIGBUS instead
/// of failing.
const RESERVE_BYTES: u64 = 128 << 20;
/// Space that must be free before a store is opened, even to read: the table of readers and the
/// first pages are mapped files, too.
const OPEN_BYTES: u64 = 16 << 20;
/// What one changed account or slot may add to that: it touches leaf pages of the state, the trie,
/// the changes and the history, and pages above them, each copied whole (4 KiB) when it is written.
const RESERVE_BYTES_PER_CHANGE: u64 = 8 * 4096;

/// A directory that this process has locked.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Held open for its lock, which the system releases even after a crash.
    _lock: File,
}

impl Directory {
    /// Creates the directory if necessary, and takes it.
    pub(crate) fn claim(path: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(io)?;
        let data = path.join(DATA_FILE);
        if !data.exists() {
            refuse_strange_files(path)?;
        }
        let advice = "less than 16 MiB of disk are left, too little to open a store: free space";
        require_space(path, OPEN_BYTES, advice)?;
        let lock_path = path.join(LOCK_FILE);
        let had_lock = lock_path.exists();
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { dir: path.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        if data.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            probe(path).inspect_err(|_| {
                // Whatever it is, it is not ours: it should be as before.
                if !had_lock {
                    let _ = std::fs::remove_file(&lock_path);
                }
            })?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails while there is too little room to write a block with `changes` changed accounts and
    /// slots for certain.
    pub(crate) fn check_space(&self, changes: usize) -> Result<(), StoreError> {
        let changes = RESERVE_BYTES_PER_CHANGE.saturating_mul(changes as u64);
        require_space(
            &self.path,
            RESERVE_BYTES.saturating_add(changes),
            "too little disk is left for a block (128 MiB, and more for large ones): free space or \
             add some",
        )
    }
}

fn require_space(path: &Path, bytes: u64, advice: &'static str) -> Result<(), StoreError> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|error| StoreError::Io { path: path.to_owned(), source: error.into() })?;
    if stat.f_bavail.saturating_mul(stat.f_frsize) < bytes {
        return Err(StoreError::DiskFull { advice });
    }
    Ok(())
}

fn refuse_strange_files(path: &Path) -> Result<(), StoreError> {
    let io = |source: io::Error| StoreError::Io { path: path.to_owned(), source };
    for entry in std::fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        if !OWN_FILES.iter().any(|own| name == *own) {
            let found = format!("it contains {}", name.display());
            return Err(StoreError::Foreign { dir: path.to_owned(), found });
        }
    }
    Ok(())
}

/// Looks at an existing data file without the right to change it.
fn probe(path: &Path) -> Result<(), StoreError> {
    let mut builder = Environment::builder();
    builder.set_max_dbs(Tables::COUNT);
    builder.set_flags(EnvironmentFlags::from(Mode::ReadOnly));
    let environment = match builder.open(path) {
        Ok(environment) => environment,
        // After a power failure of a volatile store: looked at again when it is opened to write.
        Err(MdbxError::WannaRecovery) => return Ok(()),
        Err(error @ (MdbxError::Invalid | MdbxError::VersionMismatch)) => {
            return Err(StoreError::Foreign { dir: path.to_owned(), found: error.to_string() });
        }
        Err(error) => return Err(error.into()),
    };
    let tx = environment.begin_ro_unsync()?;
    check_format(path, &tx)
}

/// Refuses an environment that another program or another format wrote; an empty one is welcome.
pub(crate) fn check_format<K: TransactionKind>(path: &Path, tx: &Tx<K>) -> Result<(), StoreError> {
    let foreign =
        |found: &str| Err(StoreError::Foreign { dir: path.to_owned(), found: found.to_owned() });
    let meta = match tx.open_db_no_cache(Some("Meta")) {
        Ok(meta) => meta,
        Err(MdbxError::NotFound) => {
            let main = tx.open_db_no_cache(None)?;
            return match tx.db_stat(&main)?.entries() {
                0 => Ok(()),
                _ => foreign("an MDBX environment of another program"),
            };
        }
        Err(MdbxError::Incompatible) => return foreign("an MDBX environment of another program"),
        Err(error) => return Err(error.into()),
    };
    match tx.get::<Slice<'_>>(meta.dbi(), FORMAT_KEY)?.as_deref().map(decode_format) {
        Some(Some(FORMAT)) => Ok(()),
        Some(Some(found)) => {
            Err(StoreError::Format { dir: path.to_owned(), found, supported: FORMAT })
        }
        _ => foreign("an MDBX environment of another program"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("chaindata"), b"?").unwrap();
        let error = Directory::claim(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_data_file_that_is_not_mdbx_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join(DATA_FILE);
        std::fs::write(&data, vec![7; 65536]).unwrap();
        let error = Directory::claim(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&data).unwrap(), vec![7; 65536]);
        assert!(!dir.path().join(LOCK_FILE).exists());
    }
}
