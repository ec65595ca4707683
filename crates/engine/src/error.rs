//! What can go wrong between a block and the store.

use crate::{
    audit::AuditError,
    authorities::AuthoritiesError,
    consensus::{GuardError, KeysError, LogError},
};
use alloy_primitives::{Address, B256};
use mfenx_consensus::{CertificateError, ExtraDataError, ValidatorSetError, VrfCheckError};
use mfenx_execution::ExecutionError;
use mfenx_primitives::RecoverError;
use mfenx_storage::StoreError;

/// Why a block was not imported. The head is where it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes are not one RLP block of this protocol.
    #[error("block is not valid RLP: {0}")]
    Decode(alloy_rlp::Error),
    /// The block is on the chain already; nothing needs to be done.
    #[error("block {number} ({hash}) is already known")]
    AlreadyKnown {
        /// Its height.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// The block does not extend the head; this chain has no reorganisations.
    #[error(
        "block {number} does not extend the head: its parent is {parent}, the head is block \
         {head_number} ({head})"
    )]
    NotNextBlock {
        /// Height of the block.
        number: u64,
        /// The parent it names.
        parent: B256,
        /// Height of the head.
        head_number: u64,
        /// Hash of the head.
        head: B256,
    },
    /// A signature in the block is invalid.
    #[error(transparent)]
    Signature(#[from] RecoverError),
    /// The block breaks a rule of its fork.
    #[error(transparent)]
    Invalid(#[from] ExecutionError),
    /// Execution gave another state than the header promises.
    #[error("state root mismatch in block {number}: header says {expected}, execution gives {got}")]
    StateRoot {
        /// Height of the block.
        number: u64,
        /// The root in the header.
        expected: B256,
        /// The root computed.
        got: B256,
    },
    /// The store failed; the block may be tried again once the cause is gone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    /// Whether nothing is known about the block because this node failed.
    pub const fn is_ours(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Invalid(error) => !error.is_invalid(),
            _ => false,
        }
    }
}

/// Why a block of an authority is refused. Unless [`Self::is_ours`], it will never be valid: whoever
/// sent it is distrusted.
#[derive(Debug, thiserror::Error)]
pub enum BlockFault {
    /// The bytes are not one proof and one block.
    #[error("not a block with its proof: {0}")]
    Decode(alloy_rlp::Error),
    /// The proof is malformed.
    #[error("the proof of randomness is malformed: {0}")]
    Proof(mfenx_vrf::VrfError),
    /// It does not extend the head.
    #[error("block {number} on {parent} does not extend the head")]
    NotNext {
        /// Its height.
        number: u64,
        /// The parent it names.
        parent: B256,
    },
    /// extraData does not say who built it.
    #[error(transparent)]
    ExtraData(#[from] ExtraDataError),
    /// It was not the builder's turn, or its proof of randomness does not hold.
    #[error(transparent)]
    Randomness(#[from] VrfCheckError),
    /// PREVRANDAO is not what the proof gives.
    #[error("mixHash does not follow from the proof of randomness")]
    MixHash,
    /// The tips go to somebody else than the builder.
    #[error("the beneficiary is {got}, the builder {builder}")]
    Beneficiary {
        /// Who built it.
        builder: Address,
        /// Who stands in the header.
        got: Address,
    },
    /// It has something that blocks of this chain never have.
    #[error("the header names {0}, which this chain has not")]
    NotOurs(&'static str),
    /// Its timestamp is in the future.
    #[error("the timestamp is {ahead} s ahead of this machine's clock")]
    Clock {
        /// Seconds.
        ahead: u64,
    },
    /// The certificate is of another block.
    #[error("the certificate is of another block")]
    OtherCertificate,
    /// What stands beside the block is no seal of this chain.
    #[error("what stands beside the block is no seal of this chain")]
    Seal,
    /// The seed of its height does not follow from the block before.
    #[error("the seed does not follow from the block before")]
    Seed,
    /// The certificate proves nothing.
    #[error("the certificate does not hold: {0}")]
    Certificate(#[from] CertificateError),
    /// It breaks a rule of blocks, or this node failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// This node failed.
    #[error(transparent)]
    Ours(Box<EngineError>),
}

impl BlockFault {
    pub(crate) fn ours(error: EngineError) -> Self {
        Self::Ours(Box::new(error))
    }

    /// Whether nothing is known about the block because this node failed.
    pub const fn is_ours(&self) -> bool {
        match self {
            Self::Import(error) => error.is_ours(),
            Self::Ours(_) => true,
            _ => false,
        }
    }
}

/// Why the engine stopped or could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed. The process must end: what it holds in memory may be ahead of the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block of our own could not be built; this is a defect, not a matter of input.
    #[error("could not build block {number}: {source}")]
    Build {
        /// Height of the block.
        number: u64,
        /// What failed.
        source: ExecutionError,
    },
    /// A block of our own was to be built at a height whose authorities we are not among; a defect.
    #[error(
        "{operator} is to build block {height} and is no authority there: this is a defect, report it"
    )]
    NotInSet {
        /// Our operator address.
        operator: Address,
        /// Height of the block.
        height: u64,
    },
    /// The clock of this machine is before the Unix epoch or beyond 64 bits.
    #[error("the system clock is not usable: set it to the present time")]
    Clock,
    /// The authorities could not be read.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// The registry holds no set that could decide.
    #[error("the registry of authorities holds no usable set: {0}")]
    Set(#[from] ValidatorSetError),
    /// The keys of this node are not those of its operator.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The log of consensus cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The guard against signing twice cannot be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The audit log cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Consensus cannot go on.
    #[error("consensus stopped: {0}")]
    Consensus(#[from] mfenx_consensus::Error),
    /// Somebody else signs with this node's keys.
    #[error(
        "another node signed a conflicting message at height {height} with the keys of this one: \
         find it and stop it before this one is started again; what proves it is in the file \
         `evidence` of every authority that saw both messages"
    )]
    SecondNode {
        /// The height.
        height: u64,
    },
    /// A decided block has a signature of this node's keys that this node did not make.
    #[error(
        "block {height} was decided with a signature that these keys made on another node: find it \
         and stop it before this one is started again"
    )]
    SignedElsewhere {
        /// Height of the block.
        height: u64,
    },
    /// A quorum decided a block that this node finds invalid: the nodes run different rules, or this
    /// one is damaged.
    #[error(
        "block {number} ({hash}) was decided but is invalid here: {fault}; compare the versions of \
         the authorities, then verify this node's store"
    )]
    DecidedInvalid {
        /// Height of the block.
        number: u64,
        /// Its hash.
        hash: B256,
        /// What is wrong with it.
        fault: String,
    },
    /// The head was imported without its seal.
    #[error(
        "block {number}, the head, was imported without its seal, so nobody can go on from it: make \
         the directory again from a file of `mfenx export --sealed`, or sync from peers into a new one"
    )]
    NoSeal {
        /// Height of the head.
        number: u64,
    },
    /// The network's task is gone.
    #[error("the network ended")]
    Network,
    /// A worker thread ended before its work was done.
    #[error("a block-building thread panicked: {0}")]
    Worker(String),
}
