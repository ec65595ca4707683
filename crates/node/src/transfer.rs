//! `mfenx import` and `mfenx export`: chains as files.

use crate::{
    blocks_file::{BlocksReader, BlocksWriter},
    datadir::DataDir,
    error::NodeError,
};
use mfenx_chainspec::ChainSpec;
use mfenx_engine::{Chain, ImportError};
use mfenx_primitives::SealedHeader;
use mfenx_storage::{Store, StoreOptions};
use std::{path::Path, sync::Arc};

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

/// Imports a file of RLP blocks into `datadir`, checking everything but the seals.
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
    let mut report =
        ImportReport { imported: 0, known: 0, transactions: 0, gas: 0, head: chain.head()? };
    chain.import_all(reader, |(offset, bytes), outcome| {
        let number = match outcome {
            Ok(committed) => {
                report.imported += 1;
                report.transactions += committed.block.transactions().len() as u64;
                report.gas = report.gas.saturating_add(committed.block.header().gas_used);
                committed.block.number()
            }
            // Among them the genesis block, with which exports of other nodes begin.
            Err(ImportError::AlreadyKnown { number, .. }) => {
                report.known += 1;
                number
            }
            Err(source) => {
                let (path, source) = (blocks.to_owned(), Box::new(source));
                return Err(NodeError::Import { path, offset, source });
            }
        };
        progress(ImportProgress { bytes, bytes_total, number });
        Ok(())
    })?;
    report.head = chain.head()?;
    Ok(report)
}

/// Writes the blocks `first..=last` (default: from 1 to the head) to a new file; returns how many.
///
/// # Errors
/// The store lacks a block of the range, or the file exists or cannot be written.
pub fn export(
    datadir: &Path,
    blocks: &Path,
    first: Option<u64>,
    last: Option<u64>,
) -> Result<u64, NodeError> {
    let (_, store) = open_existing(datadir)?;
    let head = store.reader()?.head()?.number;
    let (first, last) = (first.unwrap_or(1), last.unwrap_or(head));
    if last > head {
        return Err(NodeError::NoSuchBlock { number: last, head });
    }
    if first > last {
        return Err(NodeError::EmptyRange { first, last });
    }
    let mut writer = BlocksWriter::create(blocks)?;
    for number in first..=last {
        // A reader a block: a long one would keep freed pages from being reused.
        let block = store.reader()?.block(number)?;
        writer.write(&block.ok_or(NodeError::NoSuchBlock { number, head })?)?;
    }
    writer.finish()?;
    Ok(last.saturating_add(1).saturating_sub(first))
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
