//! Everything that can end a command, in words for the person who typed it.

use mfenx_chainspec::ChainSpecError;
use mfenx_engine::{BlockFault, EngineError, audit::AuditError};
use mfenx_gateway::GatewayError;
use mfenx_network::{IdentityError, NetworkError};
use mfenx_rpc::UnknownNamespace;
use mfenx_storage::StoreError;
use mfenx_telemetry::TelemetryError;
use std::{io, path::PathBuf};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A file or directory could not be used.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A directory that holds something else.
    #[error(
        "{path} is not a data directory of mfenx (it holds {found:?}); name an empty or a new one"
    )]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// A directory without a chain, where one is needed.
    #[error(
        "{path} holds no chain yet: `mfenx node` is told one with --chain, `mfenx import` and \
         `mfenx dev --datadir {path}` make one for other commands"
    )]
    NoChain {
        /// The directory.
        path: PathBuf,
    },
    /// A data directory whose store is gone.
    #[error(
        "{path} holds no blocks, though a chain was set up there: is a volume not mounted? Restore \
         a backup, or import the chain anew"
    )]
    EmptyStore {
        /// The directory of the store.
        path: PathBuf,
    },
    /// A chain specification that cannot be used.
    #[error("{origin}: {source}")]
    Chain {
        /// The file, or the name of an embedded chain.
        origin: String,
        /// What is wrong with it.
        source: ChainSpecError,
    },
    /// The directory belongs to another chain than the one asked for.
    #[error(
        "{path} holds the chain with {found}, not {wanted}; name another --datadir, or ask for the \
         chain it holds"
    )]
    OtherChain {
        /// The directory.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The directory holds the same genesis block with other forks or parameters to come.
    #[error(
        "{path} has another `config` than the chain asked for; if the change is meant and no block \
         is affected yet, edit that file, else name another --datadir"
    )]
    OtherConfig {
        /// The genesis file in the directory.
        path: PathBuf,
    },
    /// A block in an import file was refused.
    #[error("{path}: block at byte {offset}: {source}")]
    Import {
        /// The file.
        path: PathBuf,
        /// Where in it the block starts.
        offset: u64,
        /// Why.
        source: Box<BlockFault>,
    },
    /// An import file that is not a sequence of RLP blocks.
    #[error("{path}: byte {offset}: {reason}")]
    BlocksFile {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A range of blocks that the chain does not have.
    #[error("block {number} is not in the store, whose head is block {head}")]
    NoSuchBlock {
        /// The block asked for.
        number: u64,
        /// The head.
        head: u64,
    },
    /// Plain blocks for a chain of authorities.
    #[error(
        "{path} has blocks without seals, and this chain has authorities: no node can go on from it. \
         Use a file of `mfenx export --sealed`, or say --unsealed to look at the blocks alone"
    )]
    NeedsSeals {
        /// The file.
        path: PathBuf,
    },
    /// A block that was imported without its seal.
    #[error("block {number} has no seal in the store: export without --sealed")]
    NoSeal {
        /// The block.
        number: u64,
    },
    /// A range of blocks that ends before it begins.
    #[error("--first {first} is after --last {last}; there is nothing between them")]
    EmptyRange {
        /// First block asked for.
        first: u64,
        /// Last block asked for.
        last: u64,
    },
    /// The system lets this process open too few files.
    #[error("the limit of open files is {files}; at least {needed} are needed: raise `ulimit -n`")]
    OpenFiles {
        /// The limit.
        files: u64,
        /// The least that will do.
        needed: u64,
    },
    /// The asynchronous runtime could not be started.
    #[error("cannot start threads for the node: {0}")]
    Runtime(io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Block production failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A listener could not be opened, or the server failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Logs or metrics could not be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// `--api` names something that is no namespace.
    #[error("--api: {0}")]
    Api(#[from] UnknownNamespace),
    /// The RPC methods could not be put together; a defect.
    #[error("JSON-RPC methods: {0}")]
    Rpc(String),
    /// A signal handler could not be installed.
    #[error("signal handler: {0}")]
    Signal(io::Error),
    /// A supervised task ended though nobody asked it to.
    #[error("task {task} ended: {reason}")]
    TaskEnded {
        /// Which one.
        task: &'static str,
        /// How.
        reason: String,
    },
    /// A development account could not be derived; a defect.
    #[error("development accounts: {0}")]
    Accounts(String),
    /// Keys could not be made or read, or registration data proves nothing.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeysError),
    /// A worker does not start, or stops.
    #[error(transparent)]
    Worker(#[from] mfenx_worker::WorkerError),
    /// The registry of authorities could not be read or changed.
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    /// An audit log is not what its authority wrote, or cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A chain file cannot be made of what was named.
    #[error(transparent)]
    Genesis(#[from] crate::genesis::GenesisError),
    /// A node of a network needs a chain with authorities.
    #[error(
        "the chain file names no authorities; `mfenx genesis` makes one that does, `mfenx dev` and \
         `mfenx serve` run a chain without"
    )]
    NoAuthorities,
    /// The network could not be started, or ended.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The identity of the node is no key; a defect or a damaged file.
    #[error("the key of the node's identity: {0}")]
    Identity(#[from] IdentityError),
    /// The directory of a local network holds something else than it would make.
    #[error("{path}: {reason}")]
    Localnet {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A process of a local network did not become ready.
    #[error("{name} did not start: {reason}")]
    Process {
        /// Which one.
        name: String,
        /// What it said last.
        reason: String,
    },
    /// Every process of a local network has ended.
    #[error("every node of the network has ended; their logs are in {path}")]
    AllEnded {
        /// The directory.
        path: PathBuf,
    },
    /// The store is damaged.
    #[error("the store did not verify: {0}")]
    Damaged(String),
}

impl NodeError {
    /// The exit code of a command that ends with this error: 2 for what the user can change in
    /// the command line or its files, 1 for failures while running.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::File { .. }
            | Self::ForeignDirectory { .. }
            | Self::NoChain { .. }
            | Self::EmptyStore { .. }
            | Self::Chain { .. }
            | Self::OtherChain { .. }
            | Self::OtherConfig { .. }
            | Self::NoSuchBlock { .. }
            | Self::NoSeal { .. }
            | Self::NeedsSeals { .. }
            | Self::Engine(EngineError::NoSeal { .. })
            | Self::EmptyRange { .. }
            | Self::BlocksFile { .. }
            | Self::Api(_)
            | Self::OpenFiles { .. }
            | Self::Gateway(_)
            | Self::Keys(_)
            | Self::Genesis(_)
            | Self::NoAuthorities
            | Self::Network(NetworkError::Listen { .. } | NetworkError::Address(_))
            | Self::Localnet { .. }
            | Self::Process { .. }
            | Self::Engine(
                EngineError::Keys(_)
                | EngineError::Log(_)
                | EngineError::Guard(_)
                | EngineError::Audit(_)
                | EngineError::Clock,
            )
            | Self::Telemetry(_) => 2,
            Self::Registry(error) => error.exit_code(),
            Self::Audit(AuditError::Fault { .. } | AuditError::Missing { .. }) => 1,
            Self::Audit(_) => 2,
            Self::Worker(error) if error.is_passing() => 1,
            Self::Worker(_) => 2,
            Self::Store(error) | Self::Engine(EngineError::Store(error)) => store_exit_code(error),
            Self::Import { .. }
            | Self::Runtime(_)
            | Self::Engine(_)
            | Self::Rpc(_)
            | Self::Signal(_)
            | Self::TaskEnded { .. }
            | Self::Accounts(_)
            | Self::Network(_)
            | Self::Identity(_)
            | Self::AllEnded { .. }
            | Self::Damaged(_) => 1,
        }
    }
}

const fn store_exit_code(error: &StoreError) -> u8 {
    match error {
        StoreError::Locked { .. }
        | StoreError::Foreign { .. }
        | StoreError::Format { .. }
        | StoreError::Io { .. }
        | StoreError::GenesisMismatch { .. } => 2,
        _ => 1,
    }
}
