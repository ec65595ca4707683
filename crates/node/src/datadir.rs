//! A data directory: `genesis.json`, which says what chain it holds, `db`, the store, and on a node of
//! a network `consensus`, the record of what it signed, and `p2p.key`, a follower's identity.

use crate::error::NodeError;
use mfenx_chainspec::ChainSpec;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

const GENESIS_FILE: &str = "genesis.json";
const STORE_DIR: &str = "db";
const CONSENSUS_DIR: &str = "consensus";
/// A genesis file is read whole; MFENX's is 4 KiB, Ethereum's largest test network's under 1 MiB.
const GENESIS_BYTES_MAX: u64 = 256 << 20;

/// A directory that is empty or ours.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Takes `path`, creating it when it does not exist.
    ///
    /// # Errors
    /// It holds something that is not ours, or the file system refuses.
    pub fn create(path: &Path) -> Result<Self, NodeError> {
        fs::create_dir_all(path).map_err(|source| file_error(path, source))?;
        Self::open(path)
    }

    /// Takes `path`, which must exist.
    ///
    /// # Errors
    /// It does not exist, holds something that is not ours, or the file system refuses.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let mut foreign = None;
        let mut ours = false;
        for entry in fs::read_dir(path).map_err(|source| file_error(path, source))? {
            let entry = entry.map_err(|source| file_error(path, source))?;
            let name = entry.file_name();
            match name.to_str() {
                Some(GENESIS_FILE) => ours = true,
                // Left by a process that was killed while it wrote the file; and file systems'
                // own directory, which stands in the root of every fresh volume.
                Some("genesis.json.new" | "lost+found") => {}
                _ => foreign = Some(name.to_string_lossy().into_owned()),
            }
        }
        match foreign {
            Some(found) if !ours => Err(NodeError::ForeignDirectory { path: path.into(), found }),
            _ => Ok(Self(path.into())),
        }
    }

    /// Where the store is.
    pub fn store(&self) -> PathBuf {
        self.0.join(STORE_DIR)
    }

    /// Where consensus keeps its log and what it has signed.
    pub fn consensus(&self) -> PathBuf {
        self.0.join(CONSENSUS_DIR)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The chain the directory holds, if it holds one.
    ///
    /// # Errors
    /// The file cannot be read or is not a valid genesis file.
    pub fn chain(&self) -> Result<Option<ChainSpec>, NodeError> {
        let path = self.0.join(GENESIS_FILE);
        match path.try_exists() {
            Ok(true) => read_chain(&path).map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(file_error(&path, source)),
        }
    }

    /// Writes down that the directory holds `spec`'s chain, or checks that it does.
    ///
    /// # Errors
    /// It holds another chain, or the file system refuses.
    pub fn set_chain(&self, spec: &ChainSpec) -> Result<(), NodeError> {
        if let Some(held) = self.chain()? {
            return self.check_same(&held, spec);
        }
        let path = self.0.join(GENESIS_FILE);
        let json = serde_json::to_vec_pretty(spec.genesis())
            .map_err(|error| file_error(&path, io::Error::other(error)))?;
        self.write_atomically(&path, &json).map_err(|source| file_error(&path, source))
    }

    /// Checks that the chain held is the one wanted, with the same forks to come.
    fn check_same(&self, held: &ChainSpec, wanted: &ChainSpec) -> Result<(), NodeError> {
        let path = self.0.clone();
        let ids = [held, wanted].map(ChainSpec::chain_id);
        let hashes = [held, wanted].map(|spec| spec.genesis_header().hash());
        let [found, wanted_name] = if ids[0] == ids[1] {
            hashes.map(|hash| format!("genesis {hash}"))
        } else {
            ids.map(|id| format!("chain ID {id}"))
        };
        if found != wanted_name {
            return Err(NodeError::OtherChain { path, found, wanted: wanted_name });
        }
        if held.genesis().config != wanted.genesis().config {
            let path = self.0.join(GENESIS_FILE);
            return Err(NodeError::OtherConfig { path });
        }
        Ok(())
    }

    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let new = path.with_extension("json.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        fs::File::open(&self.0)?.sync_all()
    }
}

/// Reads a chain specification from a genesis file.
///
/// # Errors
/// The file cannot be read or is not a valid genesis file.
pub fn read_chain(path: &Path) -> Result<ChainSpec, NodeError> {
    let size = fs::metadata(path).map_err(|source| file_error(path, source))?.len();
    if size > GENESIS_BYTES_MAX {
        let reason = format!("{size} bytes; a genesis file has at most {GENESIS_BYTES_MAX}");
        return Err(file_error(path, io::Error::other(reason)));
    }
    let json = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
    ChainSpec::from_genesis_json(&json)
        .map_err(|source| NodeError::Chain { origin: path.display().to_string(), source })
}

pub(crate) fn file_error(path: &Path, source: io::Error) -> NodeError {
    NodeError::File { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_its_chain_and_refuses_another() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(&dir.path().join("new")).unwrap();
        assert!(data.chain().unwrap().is_none());
        let dev = ChainSpec::dev().unwrap();
        data.set_chain(&dev).unwrap();
        data.set_chain(&dev).unwrap();
        let held = DataDir::open(data.path()).unwrap().chain().unwrap().unwrap();
        assert_eq!(held.genesis_header(), dev.genesis_header());
        let error = data.set_chain(&dev.with_chain_id(1)).unwrap_err();
        assert!(matches!(error, NodeError::OtherChain { .. }), "{error}");
        assert_eq!(error.exit_code(), 2);
        let mut later = ChainSpec::dev().unwrap().genesis().clone();
        later.config.bpo1_time = Some(u64::MAX);
        let error = data.set_chain(&ChainSpec::from_genesis(later).unwrap()).unwrap_err();
        assert!(matches!(error, NodeError::OtherConfig { .. }), "{error}");
    }

    #[test]
    fn foreign_directories_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        let error = DataDir::create(dir.path()).unwrap_err();
        assert!(error.to_string().contains("thesis.tex"), "{error}");
        let missing = DataDir::open(&dir.path().join("missing")).unwrap_err();
        assert!(matches!(missing, NodeError::File { .. }));
    }
}
