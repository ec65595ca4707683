//! What can be wrong with a header, a block, a transaction or a call, and whose fault it is.

use crate::overrides::OverrideError;
use alloy_primitives::{Address, B256, U256};
use revm::context::result::InvalidTransaction;

/// A cause that came from below: the database, or whoever computes state roots.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a block was not executed or not built.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The header breaks a rule: refuse the block and distrust its sender.
    #[error("invalid header: {0}")]
    InvalidHeader(#[from] HeaderError),
    /// The body breaks a rule, or execution does not give what the header says: refuse the block
    /// and distrust its sender.
    #[error("invalid block: {0}")]
    InvalidBlock(#[from] BlockError),
    /// One transaction cannot stand where it stands: refuse the block and distrust its sender.
    #[error("invalid transaction {index} ({hash}): {reason}")]
    InvalidTransaction {
        /// Position in the block.
        index: usize,
        /// Hash of the transaction.
        hash: B256,
        /// The rule it breaks.
        reason: Box<TransactionError>,
    },
    /// The state could not be read: nothing is known about the block; stop, or try again.
    #[error("the state could not be read: {0}")]
    Database(BoxError),
    /// The state root after a transaction could not be computed (blocks before Byzantium): nothing
    /// is known about the block; stop, or try again.
    #[error("the state root after a transaction could not be computed: {0}")]
    IntermediateRoot(BoxError),
    /// A block cannot be built with these attributes: correct them.
    #[error("cannot build a block: {0}")]
    Attributes(&'static str),
    /// The EVM failed for a reason that no valid or invalid block should cause: report it.
    #[error("the EVM failed: {0}")]
    Evm(String),
}

impl ExecutionError {
    /// Whether the block itself is at fault, so that it will never become valid.
    pub const fn is_invalid(&self) -> bool {
        matches!(
            self,
            Self::InvalidHeader(_) | Self::InvalidBlock(_) | Self::InvalidTransaction { .. }
        )
    }
}

/// A rule that a header breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The parent is another block.
    #[error("parent hash is {got}, the parent is {expected}")]
    ParentHash {
        /// Hash of the parent.
        expected: B256,
        /// What the header says.
        got: B256,
    },
    /// Not the parent's number plus one.
    #[error("number is {got}, expected {expected}")]
    Number {
        /// Parent's number plus one.
        expected: u64,
        /// What the header says.
        got: u64,
    },
    /// Not later than the parent.
    #[error("timestamp {got} is not after the parent's {parent}")]
    Timestamp {
        /// Seconds, of the parent.
        parent: u64,
        /// Seconds, of the header.
        got: u64,
    },
    /// Outside 5,000 ..= 2^63-1.
    #[error("gas limit {0} is outside the permitted range")]
    GasLimitRange(u64),
    /// Differs from the parent's by 1/1024 of it or more.
    #[error("gas limit {got} is too far from the parent's {parent}")]
    GasLimitChange {
        /// The parent's, doubled at the London block.
        parent: u64,
        /// What the header says.
        got: u64,
    },
    /// More gas used than the limit.
    #[error("gas used {used} exceeds the gas limit {limit}")]
    GasUsed {
        /// What the header says was used.
        used: u64,
        /// What the header says is the limit.
        limit: u64,
    },
    /// More than 32 bytes of extra data.
    #[error("extra data has {0} bytes, at most 32 are allowed")]
    ExtraData(usize),
    /// The ten blocks from the DAO fork on must say `dao-hard-fork` (EIP-779).
    #[error("extra data of a block at the DAO fork must be \"dao-hard-fork\"")]
    DaoExtraData,
    /// Not the base fee of EIP-1559.
    #[error("base fee is {got}, expected {expected}")]
    BaseFee {
        /// Wei per gas.
        expected: u64,
        /// Wei per gas.
        got: u64,
    },
    /// Not the difficulty that follows from the parent; zero after the merge (EIP-3675).
    #[error("difficulty is {got}, expected {expected}")]
    Difficulty {
        /// By the formula of the fork.
        expected: U256,
        /// What the header says.
        got: U256,
    },
    /// A nonce after the merge (EIP-3675).
    #[error("nonce must be zero after the merge")]
    Nonce,
    /// Ommers after the merge (EIP-3675).
    #[error("a block has no ommers after the merge")]
    Ommers,
    /// Not the excess blob gas of EIP-4844 and EIP-7918.
    #[error("excess blob gas is {got}, expected {expected}")]
    ExcessBlobGas {
        /// By the formula of the fork.
        expected: u64,
        /// What the header says.
        got: u64,
    },
    /// More blob gas than the schedule allows, or not whole blobs.
    #[error("blob gas used is {got}, which is not whole blobs within {max}")]
    BlobGasUsed {
        /// Most blob gas a block may use.
        max: u64,
        /// What the header says.
        got: u64,
    },
    /// A field that the fork requires.
    #[error("the header lacks `{0}`, which this fork requires")]
    MissingField(&'static str),
    /// A field that the fork does not have.
    #[error("the header has `{0}`, which this fork does not have")]
    UnexpectedField(&'static str),
}

/// A rule that a body breaks, or a result that is not what the header says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The transactions are not those of the header.
    #[error("transactions root is {got}, the header says {expected}")]
    TransactionsRoot {
        /// In the header.
        expected: B256,
        /// Of the body.
        got: B256,
    },
    /// The ommers are not those of the header.
    #[error("ommers hash is {got}, the header says {expected}")]
    OmmersHash {
        /// In the header.
        expected: B256,
        /// Of the body.
        got: B256,
    },
    /// An ommer that may not be there.
    #[error("ommer {index}: {reason}")]
    Ommer {
        /// Position in the list.
        index: usize,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The withdrawals are not those of the header.
    #[error("withdrawals root is {got}, the header says {expected}")]
    WithdrawalsRoot {
        /// In the header.
        expected: B256,
        /// Of the body.
        got: B256,
    },
    /// Withdrawals missing from Shanghai on, or there before it (EIP-4895).
    #[error("the body has a list of withdrawals only from Shanghai on, and always from then on")]
    Withdrawals,
    /// More than EIP-7934 allows.
    #[error("the block has {got} bytes in RLP, at most {max} are allowed")]
    Size {
        /// Bytes.
        max: usize,
        /// Bytes.
        got: usize,
    },
    /// The blobs of the transactions are not what the header counts.
    #[error("the transactions use {got} blob gas, the header says {expected}")]
    BlobGasUsed {
        /// In the header.
        expected: u64,
        /// Of the body.
        got: u64,
    },
    /// Execution used another amount of gas.
    #[error("execution used {got} gas, the header says {expected}")]
    GasUsed {
        /// In the header.
        expected: u64,
        /// Of the execution.
        got: u64,
    },
    /// Execution gave other receipts.
    #[error("receipts root is {got}, the header says {expected}")]
    ReceiptsRoot {
        /// In the header.
        expected: B256,
        /// Of the execution.
        got: B256,
    },
    /// Execution gave other logs.
    #[error("the bloom of the logs is not the header's")]
    LogsBloom,
    /// Execution gave other requests (EIP-7685).
    #[error("requests hash is {got}, the header says {expected}")]
    RequestsHash {
        /// In the header.
        expected: B256,
        /// Of the execution.
        got: B256,
    },
    /// A system contract that must have code has none (EIP-7002, EIP-7251).
    #[error("the system contract {0} has no code")]
    SystemContractEmpty(Address),
    /// A system contract that must not fail has failed (EIP-7002, EIP-7251).
    #[error("system call: {0}")]
    SystemCall(String),
    /// A log of the deposit contract that is not laid out as EIP-6110 says.
    #[error("a deposit log of transaction {0} does not have the layout of EIP-6110")]
    DepositLayout(usize),
    /// A balance beyond 256 bits.
    #[error("a reward or withdrawal cannot be credited: {0}")]
    BalanceIncrement(String),
}

/// A rule that a transaction breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// A type that the fork does not have.
    #[error("transaction type {0} is not active in this fork")]
    Type(u8),
    /// `s` in the upper half of the curve's order (EIP-2).
    #[error("the signature's s is in the upper half")]
    HighS,
    /// A chain ID before Spurious Dragon (EIP-155).
    #[error("a signature over a chain ID is not valid before Spurious Dragon")]
    ReplayProtection,
    /// More gas than is left in the block.
    #[error("gas limit {limit} exceeds the {available} gas left in the block")]
    GasLeft {
        /// Gas limit of the transaction.
        limit: u64,
        /// Gas left in the block.
        available: u64,
    },
    /// Everything the EVM checks before it runs.
    #[error("{0}")]
    Evm(InvalidTransaction),
    /// A rule of the EVM that has no name.
    #[error("{0}")]
    Other(String),
}

/// Why a call gave no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The call's own parameters make it impossible: tell the caller.
    #[error("{0}")]
    Transaction(InvalidTransaction),
    /// The balance does not cover value, gas and blobs: tell the caller.
    #[error(
        "insufficient funds for gas * price + value: address {address} have {have} want {want}"
    )]
    InsufficientFunds {
        /// The sender.
        address: Address,
        /// Its balance, in wei.
        have: U256,
        /// What it must be, in wei.
        want: U256,
    },
    /// The state or block overrides contradict themselves: tell the caller.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// Several calls return too much together: tell the caller.
    #[error("the results exceed {bytes_max} bytes")]
    OutputTooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// The interrupt said stop.
    #[error("the call was interrupted")]
    Interrupted,
    /// The state could not be read: try again, or tell the operator.
    #[error("the state could not be read: {0}")]
    Database(BoxError),
    /// The EVM failed for a reason that no call should cause: report it.
    #[error("the EVM failed: {0}")]
    Evm(String),
}
