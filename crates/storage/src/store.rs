//! The store: opening, closing, readers and sizes.

use crate::{
    code_cache::CodeCache,
    codec::decode_header,
    directory::{Directory, check_format},
    error::StoreError,
    idle::Idle,
    latest::LatestCache,
    metrics,
    options::{Durability, StoreOptions},
    reader::{Meta, Reader},
    state::StateCache,
    tables::Tables,
    trie::stored_root,
    txn::Txn,
};
use parking_lot::Mutex;
use reth_libmdbx::{Environment, EnvironmentFlags, Geometry, Mode, SyncMode, sys::PageSize};
use std::{fmt, path::Path, sync::Arc};

const PAGE_BYTES: usize = 4096;

/// What every handle and every reader of a store shares.
pub(crate) struct Shared {
    pub(crate) environment: Environment,
    pub(crate) tables: Tables,
    pub(crate) codes: CodeCache,
    pub(crate) latest: LatestCache,
    pub(crate) states: StateCache,
    pub(crate) idle: Idle,
    pub(crate) readers: ::metrics::Counter,
    /// Blocks before the head whose tries can be put together.
    pub(crate) trie_history_blocks: u64,
    /// Held while a block is written.
    pub(crate) writer: Mutex<()>,
    /// Last, so that its lock is released after the environment is closed.
    pub(crate) directory: Directory,
}

/// The store. Cheap to clone; the environment is closed with the last clone and the last reader.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

/// Size of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableStats {
    /// Name of the table.
    pub name: &'static str,
    /// Number of entries.
    pub entries: usize,
    /// Bytes of its pages.
    pub bytes: usize,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.shared.directory.path()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `dir`, creating both if they are not there, and locks it against other
    /// processes.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Foreign`] and [`StoreError::Format`] leave the
    /// directory as it was. [`StoreError::Corrupt`] if the head does not match its state.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let directory = Directory::claim(dir)?;
        let environment = open_environment(dir, &options)?;
        let tx = environment.begin_rw_unsync()?;
        check_format(dir, &tx)?;
        let tables = Tables::create(&tx)?;
        let meta = Meta(Txn::new(&tx, &tables));
        if !meta.has_format()? {
            meta.set_format()?;
        }
        check_head(Txn::new(&tx, &tables))?;
        tx.commit()?;
        tracing::debug!(dir = %dir.display(), ?options, "store opened");
        let (codes, writer) = (CodeCache::default(), Mutex::new(()));
        let trie_history_blocks = options.trie_history_blocks;
        let shared = Shared {
            environment,
            tables,
            codes,
            latest: LatestCache::default(),
            states: StateCache::default(),
            idle: Idle::default(),
            readers: metrics::readers(),
            trie_history_blocks,
            writer,
            directory,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether there is a genesis block.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn is_initialized(&self) -> Result<bool, StoreError> {
        match self.reader()?.head() {
            Ok(_) => Ok(true),
            Err(StoreError::NotInitialized) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A snapshot of the present state of the store.
    ///
    /// # Errors
    /// [`StoreError::TooManyReaders`], or the database fails.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(Arc::clone(&self.shared))
    }

    /// Entries and size of every table.
    ///
    /// # Errors
    /// The database fails.
    pub fn stats(&self) -> Result<Vec<TableStats>, StoreError> {
        let reader = self.reader()?;
        let txn = reader.txn();
        let tables = self.shared.tables.all();
        let sizes = tables.iter().map(|table| {
            let (entries, bytes) = txn.size(*table)?;
            Ok(TableStats { name: table.name, entries, bytes })
        });
        sizes.collect()
    }

    /// The directory of the store.
    pub fn dir(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Flushes everything and gives this handle up. The directory is free for others once the
    /// other clones and all readers are gone, too.
    ///
    /// # Errors
    /// The database cannot be flushed.
    pub fn close(self) -> Result<(), StoreError> {
        let _writer = self.shared.writer.lock();
        self.shared.environment.sync(true)?;
        Ok(())
    }
}

fn open_environment(dir: &Path, options: &StoreOptions) -> Result<Environment, StoreError> {
    let sync_mode = match options.durability {
        Durability::Durable => SyncMode::Durable,
        Durability::Volatile => SyncMode::UtterlyNoSync,
    };
    let step = isize::try_from(options.growth_step_bytes).unwrap_or(isize::MAX);
    let mut builder = Environment::builder();
    builder
        .set_max_dbs(Tables::COUNT)
        .set_max_readers(u64::from(options.max_readers))
        .write_map()
        .set_flags(EnvironmentFlags {
            mode: Mode::ReadWrite { sync_mode },
            no_rdahead: true,
            coalesce: true,
            ..EnvironmentFlags::default()
        })
        .set_geometry(Geometry {
            size: Some(0..options.max_size_bytes),
            growth_step: Some(step),
            shrink_threshold: Some(0),
            page_size: Some(PageSize::Set(PAGE_BYTES)),
        });
    Ok(builder.open(dir)?)
}

/// The account trie must be that of the head. Reads the header and one node.
fn check_head<K: reth_libmdbx::TransactionKind>(txn: Txn<'_, K>) -> Result<(), StoreError> {
    let Some(head) = Meta(txn).head()? else { return Ok(()) };
    let headers = txn.tables.headers;
    let header = txn.get(headers, &head.number.to_be_bytes())?;
    let header = decode_header(&header.ok_or(headers.corrupt("the head is missing"))?)?;
    if header.hash() != head.hash {
        return Err(headers.corrupt("the head has another hash"));
    }
    if header.state_root != stored_root(txn)? {
        return Err(txn.tables.account_trie.corrupt("its root is not that of the head"));
    }
    Ok(())
}
