//! `mfenx import` and `mfenx export`: chains as files.

use crate::{
    blocks_file::{BlocksReader, BlocksWriter, Entry, Place},
    datadir::DataDir,
    error::NodeError,
};
use mfenx_chainspec::ChainSpec;
use mfenx_engine::{BlockFault, Chain, ImportError, SealedImporter};
use mfenx_primitives::{CommittedBlock, SealedHeader};
use mfenx_storage::{Store, StoreOptions};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub struct ImportProgress {
    /// Bytes of the file done.
    pub bytes: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Height of the last block.
    pub number: u64,
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct ImportReport {
    /// Blocks executed and committed.
    pub imported: u64,
    /// Blocks that were on the chain already.
    pub known: u64,
    /// Transactions in the imported blocks.
    pub transactions: u64,
    /// Gas used by the imported blocks.
    pub gas: u64,
    /// The head afterwards.
    pub head: SealedHeader,
}

/// An import under way.
struct Import<'a> {
    path: PathBuf,
    bytes_total: u64,
    report: ImportReport,
    progress: &'a mut dyn FnMut(ImportProgress),
}

impl Import<'_> {
    fn done(
        &mut self,
        (offset, bytes): Place,
        outcome: Result<Arc<CommittedBlock>, BlockFault>,
    ) -> Result<(), NodeError> {
        let report = &mut self.report;
        let number = match outcome {
            Ok(committed) => {
                report.imported += 1;
                report.transactions += committed.block.transactions().len() as u64;
                report.gas = report.gas.saturating_add(committed.block.header().gas_used);
                committed.block.number()
            }
            // Among them the genesis block, with which exports of other nodes begin.
            Err(BlockFault::Import(ImportError::AlreadyKnown { number, .. })) => {
                report.known += 1;
                number
            }
            Err(source) => {
                let (path, source) = (self.path.clone(), Box::new(source));
                return Err(NodeError::Import { path, offset, source });
            }
        };
        (self.progress)(ImportProgress { bytes, bytes_total: self.bytes_total, number });
        Ok(())
    }
}

/// Whether a file holds blocks with their seals, which an import verifies.
///
/// # Errors
/// The file cannot be read, or is empty.
pub fn has_seals(blocks: &Path) -> Result<bool, NodeError> {
    let reader = BlocksReader::open(blocks)?;
    reader.require_content()?;
    Ok(reader.is_sealed())
}

/// Imports a file of RLP blocks into `datadir`, checking everything, seals where the file has them.
///
/// # Errors
/// The directory holds another chain, the file is damaged, or a block is invalid; the blocks
/// before it stay imported.
pub fn import(
    spec: Arc<ChainSpec>,
    datadir: &Path,
    blocks: &Path,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<ImportReport, NodeError> {
    let reader = BlocksReader::open(blocks)?;
    let bytes_total = reader.size();
    let datadir = DataDir::create(datadir)?;
    datadir.set_chain(&spec)?;
    let store = Store::open(&datadir.store(), StoreOptions::default())?;
    let chain = Chain::open(spec, store)?;
    let report =
        ImportReport { imported: 0, known: 0, transactions: 0, gas: 0, head: chain.head()? };
    let mut import = Import { path: blocks.into(), bytes_total, report, progress };
    if reader.is_sealed() {
        let mut importer = SealedImporter::new(chain.clone())?;
        for next in reader {
            let (place, Entry { block, seal }) = next?;
            import.done(place, importer.import(block, &seal.unwrap_or_default()))?;
        }
    } else {
        let blocks = reader.map(|next| next.map(|(place, entry)| (place, entry.block)));
        chain.import_all(blocks, |place, outcome| {
            import.done(place, outcome.map_err(BlockFault::from))
        })?;
    }
    let mut report = import.report;
    report.head = chain.head()?;
    Ok(report)
}

/// Which blocks an export writes, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// The first block; 1 unless named.
    pub first: Option<u64>,
    /// The last block; the head unless named.
    pub last: Option<u64>,
    /// Whether their seals are written, too.
    pub sealed: bool,
}

/// What an export wrote.
#[derive(Debug, Clone, Copy)]
pub struct ExportReport {
    /// How many blocks.
    pub blocks: u64,
    /// Whether the store has seals that were not written.
    pub leaves_seals: bool,
}

/// Writes blocks to a new file.
///
/// # Errors
/// The store lacks a block of the range or its seal, or the file exists or cannot be written.
pub fn export(
    datadir: &Path,
    blocks: &Path,
    options: ExportOptions,
) -> Result<ExportReport, NodeError> {
    let (_, store) = open_existing(datadir)?;
    let head = store.reader()?.head()?.number;
    let (first, last) = (options.first.unwrap_or(1), options.last.unwrap_or(head));
    if last > head {
        return Err(NodeError::NoSuchBlock { number: last, head });
    }
    if first > last {
        return Err(NodeError::EmptyRange { first, last });
    }
    let writer = BlocksWriter::create(blocks, options.sealed)?;
    if let Err(error) = write_blocks(&store, writer, (first, last), options.sealed) {
        // Half a chain looks like a whole one.
        let _ = std::fs::remove_file(blocks);
        return Err(error);
    }
    let leaves_seals = !options.sealed && store.reader()?.certificate(last)?.is_some();
    Ok(ExportReport { blocks: last.saturating_add(1).saturating_sub(first), leaves_seals })
}

fn write_blocks(
    store: &Store,
    mut writer: BlocksWriter,
    (first, last): (u64, u64),
    sealed: bool,
) -> Result<(), NodeError> {
    for number in first..=last {
        // A reader a block: a long one would keep freed pages from being reused.
        let reader = store.reader()?;
        let block = reader.block(number)?.ok_or(NodeError::NoSuchBlock { number, head: last })?;
        let seal = if sealed {
            Some(reader.certificate(number)?.ok_or(NodeError::NoSeal { number })?)
        } else {
            None
        };
        writer.write(&block, seal.as_deref())?;
    }
    writer.finish()
}

/// Opens the store of a directory that holds a chain.
///
/// # Errors
/// The directory holds none, or the store cannot be opened.
pub fn open_existing(datadir: &Path) -> Result<(Arc<ChainSpec>, Store), NodeError> {
    let datadir = DataDir::open(datadir)?;
    let spec =
        datadir.chain()?.ok_or_else(|| NodeError::NoChain { path: datadir.path().into() })?;
    let store = Store::open(&datadir.store(), StoreOptions::default())?;
    if !store.is_initialized()? {
        return Err(NodeError::EmptyStore { path: datadir.store() });
    }
    store.init_genesis(spec.chain_id(), spec.genesis_header(), spec.alloc())?;
    Ok((Arc::new(spec), store))
}
