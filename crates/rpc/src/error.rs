//! The one table of errors: which code and which words a caller gets.
//!
//! Codes are those of JSON-RPC 2.0, EIP-1474 and go-ethereum. A code that client libraries take as
//! an invitation to try again (-32005, -32603) never stands for something that would fail again.

use crate::{debug::tracer, revert};
use alloy_primitives::{B256, Bytes, hex};
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use mfenx_execution::{CallError, EstimateError, OverrideError, SimulateError};
use mfenx_storage::StoreError;
use mfenx_txpool::PoolError;
use revm::context::result::{HaltReason, InvalidTransaction, OutOfGasError};

/// What a method answers when it has no result. The text is what the caller reads.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// A parameter cannot be read: correct it.
    #[error("invalid argument {index}: {reason}")]
    InvalidArgument {
        /// Position of the parameter, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter is missing: add it.
    #[error("missing value for required argument {index}")]
    MissingArgument {
        /// Position of the parameter, from 0.
        index: usize,
    },
    /// There are more parameters than the method has: leave them out.
    #[error("too many arguments, want at most {most}")]
    TooManyArguments {
        /// How many the method has.
        most: usize,
    },
    /// The parameters are not a list.
    #[error("non-array args")]
    ArgumentsNotArray,
    /// Nothing is asked for: name a slot.
    #[error("empty request")]
    EmptyRequest,
    /// More storage slots are asked for than one request may have: ask for fewer.
    #[error("too many slots (max {most})")]
    TooManySlots {
        /// The limit.
        most: usize,
    },
    /// The range of blocks is empty or ends after the head: ask for another.
    #[error("{0}")]
    BlockRange(&'static str),
    /// The filter matches too much: ask for the range that the text names, or narrow the filter.
    #[error("{reason}. Try with this block range [{from:#x}, {to:#x}].")]
    LogLimit {
        /// Which limit was met.
        reason: String,
        /// First block of a range that is likely to pass.
        from: u64,
        /// Last block of that range.
        to: u64,
    },
    /// No such block number.
    #[error("header not found")]
    HeaderNotFound,
    /// No such block hash.
    #[error("header for hash not found")]
    HashNotFound,
    /// The state of the block is no longer kept: ask an archive node, or for a later block.
    #[error("pruned history unavailable: the state of blocks before {earliest} is not kept")]
    PrunedHistory {
        /// First block whose state can be read.
        earliest: u64,
    },
    /// The tries of the block are no longer kept: ask for a later block.
    #[error("pruned history unavailable: proofs and state roots reach back to block {earliest}")]
    PrunedTries {
        /// First block whose tries can be put together.
        earliest: u64,
    },
    /// The bytes are not a signed transaction.
    #[error("{0}")]
    UndecodableTransaction(String),
    /// The pool refused the transaction.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// `eth_sendRawTransactionSync` gave up waiting (EIP-7966); `data` of the error is the hash.
    /// The transaction is still in the pool: ask for its receipt later.
    #[error(
        "The transaction was added to the mempool but wasn't processed in {}.",
        seconds(*milliseconds)
    )]
    SyncTimeout {
        /// The transaction.
        hash: B256,
        /// How long it waited.
        milliseconds: u64,
    },
    /// The transaction cannot be executed yet, or no longer (EIP-7966); `data` of the error is the
    /// hash. Send what it waits for.
    #[error(
        "The transaction was added to the mempool but wasn't processed {reason}. Please \
         double-check your account and try again."
    )]
    SyncUnready {
        /// The transaction.
        hash: B256,
        /// Why.
        reason: &'static str,
    },
    /// The call reverted; `data` of the error is what it reverted with.
    #[error("{}", revert::message(output))]
    Reverted {
        /// What it reverted with.
        output: Bytes,
    },
    /// The EVM stopped the call.
    #[error("{0}")]
    Halted(String),
    /// The call cannot be run as it is: correct it.
    #[error("{0}")]
    CallRefused(String),
    /// The overrides contradict themselves or the state: correct them.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The blocks cannot be simulated: correct them.
    #[error("{}", simulation(.0))]
    Simulation(SimulateError),
    /// No block can be built as asked: correct the transactions, or the parent.
    #[error("{0}")]
    BlockNotBuilt(String),
    /// The call took too long: ask for less.
    #[error("execution aborted (timeout = {seconds}s)")]
    CallTimeout {
        /// The limit.
        seconds: u64,
    },
    /// The trace took too long: ask for less.
    #[error(
        "execution timeout: the trace was aborted after {milliseconds} ms; ask for one transaction \
         or call instead of many, or for a tracer that records no steps, such as callTracer"
    )]
    TraceTimeout {
        /// The limit: the caller's, or the node's.
        milliseconds: u64,
    },
    /// The trace records too much: ask for less.
    #[error(
        "trace too large: it would record more than {bytes_max} bytes; ask for one transaction or \
         call instead of many, set disableStack and disableStorage, leave enableMemory out, set a \
         limit, or name a tracer that records no steps, such as callTracer"
    )]
    TraceTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The genesis block has no parent whose state it could be run on.
    #[error("genesis is not traceable")]
    GenesisNotTraceable,
    /// No such block, in words of go-ethereum that name it.
    #[error("block {0} not found")]
    BlockNotFound(String),
    /// No such transaction.
    #[error("transaction not found")]
    TransactionNotFound,
    /// The block has fewer transactions.
    #[error("transaction index {index} out of range for block {block}")]
    TransactionIndex {
        /// What was asked for.
        index: usize,
        /// Hash of the block.
        block: B256,
    },
    /// There is no such tracer: name another, or none.
    #[error(
        "unknown tracer: there are {}, and the opcode logger when none is named; JavaScript is not \
         run here",
        tracer::NAMES.join(", ")
    )]
    UnknownTracer,
    /// The caller has hung up.
    #[error("request cancelled")]
    Cancelled,
    /// The response would be too long: ask for less.
    #[error("response too large: at most {bytes_max} bytes are sent")]
    ResponseTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The request took too long in all: send fewer at a time.
    #[error("request timed out")]
    RequestTimeout,
    /// Too many requests of this kind are waiting: try again in a moment.
    #[error("the node is busy: too many requests of this kind are waiting, try again later")]
    Busy,
    /// The connection has as many subscriptions as it may have.
    #[error("too many subscriptions on this connection")]
    TooManySubscriptions,
    /// The first parameter of `eth_subscribe` is no name.
    #[error("expected subscription name as first argument")]
    SubscriptionName,
    /// No such filter, or nobody polled it for too long: make another.
    #[error("filter not found")]
    FilterNotFound,
    /// The client has as many filters as it may have: uninstall some.
    #[error("too many filters: a client may have {most}")]
    TooManyFilters {
        /// How many a client may have.
        most: usize,
    },
    /// A filter cannot be about blocks that are not made yet.
    #[error("pending logs are not supported")]
    PendingLogs,
    /// `eth_subscribe` does not know this kind.
    #[error("no \"{0}\" subscription in eth namespace")]
    UnknownSubscription(String),
    /// Subscriptions need a WebSocket.
    #[error("notifications not supported")]
    NotificationsUnsupported,
    /// No method has this name here.
    #[error("the method {0} does not exist/is not available")]
    UnknownMethod(String),
    /// Not a JSON-RPC request.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// Not JSON.
    #[error("parse error")]
    Parse,
    /// The node is at fault. The cause is logged, the caller reads only that there is one.
    #[error("internal error")]
    Internal(String),
}

impl RpcError {
    /// The code of the error.
    pub const fn code(&self) -> i32 {
        match self {
            Self::InvalidArgument { .. }
            | Self::MissingArgument { .. }
            | Self::TooManyArguments { .. }
            | Self::ArgumentsNotArray
            | Self::EmptyRequest
            | Self::BlockRange(_)
            | Self::LogLimit { .. }
            | Self::SubscriptionName => -32602,
            Self::HeaderNotFound
            | Self::HashNotFound
            | Self::UndecodableTransaction(_)
            | Self::Pool(_)
            | Self::Halted(_)
            | Self::CallRefused(_)
            | Self::Override(
                OverrideError::NotAPrecompile(_)
                | OverrideError::DestinationOverridden(_)
                | OverrideError::StateAndDiff(_)
                | OverrideError::BlockField(_),
            )
            | Self::BlockNotBuilt(_)
            | Self::CallTimeout { .. }
            | Self::TraceTimeout { .. }
            | Self::GenesisNotTraceable
            | Self::BlockNotFound(_)
            | Self::TransactionNotFound
            | Self::TransactionIndex { .. }
            | Self::UnknownTracer
            | Self::Cancelled
            | Self::TooManySubscriptions
            | Self::FilterNotFound
            | Self::TooManyFilters { .. }
            | Self::PendingLogs => -32000,
            Self::TooManySlots { .. } => -38026,
            Self::PrunedHistory { .. } | Self::PrunedTries { .. } => 4444,
            Self::Reverted { .. } => 3,
            Self::SyncTimeout { .. } => 4,
            Self::SyncUnready { .. } => 5,
            Self::Override(OverrideError::SelfReference(_)) => -38022,
            Self::Simulation(error) => simulation_code(error),
            Self::RequestTimeout => -32002,
            Self::ResponseTooLarge { .. } | Self::TraceTooLarge { .. } => -32003,
            Self::Busy => -32005,
            Self::UnknownSubscription(_)
            | Self::NotificationsUnsupported
            | Self::UnknownMethod(_) => -32601,
            Self::InvalidRequest(_) => -32600,
            Self::Parse => -32700,
            Self::Internal(_) => -32603,
        }
    }

    /// A parameter that cannot be read.
    pub(crate) fn argument(index: usize, reason: impl Into<String>) -> Self {
        Self::InvalidArgument { index, reason: reason.into() }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let data = match &error {
            RpcError::Reverted { output } => Some(hex::encode_prefixed(output)),
            RpcError::SyncTimeout { hash, .. } | RpcError::SyncUnready { hash, .. } => {
                Some(hash.to_string())
            }
            RpcError::Internal(cause) => {
                tracing::error!(%cause, "a request failed");
                None
            }
            _ => None,
        };
        ErrorObject::owned(error.code(), error.to_string(), data)
    }
}

/// A time as people write it.
fn seconds(milliseconds: u64) -> String {
    if milliseconds.is_multiple_of(1_000) {
        return format!("{}s", milliseconds / 1_000);
    }
    format!("{milliseconds}ms")
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::PrunedHistory { earliest } => Self::PrunedHistory { earliest },
            StoreError::PrunedTries { earliest } => Self::PrunedTries { earliest },
            StoreError::UnknownBlock { .. } => Self::HeaderNotFound,
            StoreError::TooManyReaders => Self::Busy,
            error @ (StoreError::Locked { .. }
            | StoreError::Foreign { .. }
            | StoreError::Format { .. }
            | StoreError::Io { .. }
            | StoreError::DiskFull { .. }
            | StoreError::Corrupt { .. }
            | StoreError::TooLarge { .. }
            | StoreError::NotInitialized
            | StoreError::GenesisMismatch { .. }
            | StoreError::StateRootMismatch { .. }
            | StoreError::NotNextBlock { .. }
            | StoreError::StaleTrieUpdates { .. }
            | StoreError::InvalidCommit { .. }
            | StoreError::Database(_)) => Self::Internal(error.to_string()),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Transaction(reason) => Self::CallRefused(refusal(&reason)),
            error @ CallError::InsufficientFunds { .. } => Self::CallRefused(error.to_string()),
            CallError::Override(error) => Self::Override(error),
            CallError::OutputTooLarge { bytes_max } => Self::ResponseTooLarge { bytes_max },
            CallError::Interrupted => Self::Cancelled,
            CallError::Database(cause) => Self::Internal(cause.to_string()),
            CallError::Evm(cause) => Self::Internal(cause),
        }
    }
}

impl From<SimulateError> for RpcError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Override(error) => Self::Override(error),
            SimulateError::Interrupted => Self::Cancelled,
            SimulateError::OutputTooLarge { bytes_max } => Self::ResponseTooLarge { bytes_max },
            SimulateError::Database(cause) => Self::Internal(cause.to_string()),
            SimulateError::Evm(cause) => Self::Internal(cause),
            error @ (SimulateError::BlockOrder { .. }
            | SimulateError::TimeOrder { .. }
            | SimulateError::TooManyBlocks
            | SimulateError::LimitExceeded(_)
            | SimulateError::BlockGas { .. }
            | SimulateError::Arguments(_)
            | SimulateError::Refused { .. }
            | SimulateError::Withdrawals
            | SimulateError::Block(_)) => Self::Simulation(error),
        }
    }
}

/// The codes that execution-apis gives the failures of `eth_simulateV1`.
const fn simulation_code(error: &SimulateError) -> i32 {
    match error {
        SimulateError::BlockOrder { .. } => -38020,
        SimulateError::TimeOrder { .. } => -38021,
        SimulateError::TooManyBlocks | SimulateError::LimitExceeded(_) => -38026,
        SimulateError::BlockGas { .. } => -38015,
        SimulateError::Refused { reason, .. } => refusal_code(reason),
        SimulateError::Arguments(_)
        | SimulateError::Override(_)
        | SimulateError::Withdrawals
        | SimulateError::Block(_)
        | SimulateError::OutputTooLarge { .. }
        | SimulateError::Interrupted
        | SimulateError::Database(_)
        | SimulateError::Evm(_) => -32000,
    }
}

/// The same for a call that cannot be a transaction. Those without a code of their own have
/// go-ethereum's, which is that of an internal error.
const fn refusal_code(reason: &InvalidTransaction) -> i32 {
    use InvalidTransaction as Reason;
    match reason {
        Reason::NonceTooLow { .. } => -38010,
        Reason::NonceTooHigh { .. } => -38011,
        Reason::GasPriceLessThanBasefee => -38012,
        Reason::CallGasCostMoreThanGasLimit { .. } => -38013,
        Reason::LackOfFundForMaxFee { .. } | Reason::OverflowPaymentInTransaction => -38014,
        Reason::RejectCallerWithCode => -38024,
        Reason::CreateInitCodeSizeLimit => -38025,
        Reason::PriorityFeeGreaterThanMaxFee => -32602,
        Reason::CallerGasLimitMoreThanBlock
        | Reason::GasFloorMoreThanGasLimit { .. }
        | Reason::NonceOverflowInTransaction
        | Reason::InvalidChainId
        | Reason::MissingChainId
        | Reason::TxGasLimitGreaterThanCap { .. }
        | Reason::AccessListNotSupported
        | Reason::MaxFeePerBlobGasNotSupported
        | Reason::BlobVersionedHashesNotSupported
        | Reason::BlobGasPriceGreaterThanMax { .. }
        | Reason::EmptyBlobs
        | Reason::BlobCreateTransaction
        | Reason::TooManyBlobs { .. }
        | Reason::BlobVersionNotSupported
        | Reason::AuthorizationListNotSupported
        | Reason::AuthorizationListInvalidFields
        | Reason::EmptyAuthorizationList
        | Reason::Eip2930NotSupported
        | Reason::Eip1559NotSupported
        | Reason::Eip4844NotSupported
        | Reason::Eip7702NotSupported
        | Reason::Eip7873NotSupported
        | Reason::Eip7873MissingTarget
        | Reason::Str(_) => -32603,
    }
}

/// What is wrong with simulated blocks, in go-ethereum's words.
fn simulation(error: &SimulateError) -> String {
    match error {
        SimulateError::Refused { sender, gas, reason } => {
            let words = match reason {
                InvalidTransaction::LackOfFundForMaxFee { fee, balance } => format!(
                    "insufficient funds for gas * price + value: \
                     address {sender} have {balance} want {fee}"
                ),
                InvalidTransaction::NonceTooHigh { .. }
                | InvalidTransaction::NonceTooLow { .. }
                | InvalidTransaction::GasPriceLessThanBasefee => {
                    format!("{} (address {sender})", refusal(reason))
                }
                _ => refusal(reason),
            };
            format!("err: {words} (supplied gas {gas})")
        }
        other => other.to_string(),
    }
}

impl From<EstimateError> for RpcError {
    fn from(error: EstimateError) -> Self {
        match error {
            EstimateError::Call(error) => error.into(),
            EstimateError::Reverted { output } => Self::Reverted { output },
            EstimateError::Halted(reason) => Self::Halted(halt(&reason)),
            error @ (EstimateError::InsufficientFundsForTransfer
            | EstimateError::InsufficientFunds
            | EstimateError::ExceedsAllowance(_)) => Self::CallRefused(error.to_string()),
        }
    }
}

/// The EVM's reasons to stop, in go-ethereum's words.
pub(crate) fn halt(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(OutOfGasError::ReentrancySentry) => {
            "not enough gas for reentrancy sentry"
        }
        HaltReason::OutOfGas(OutOfGasError::InvalidOperand) => "gas uint64 overflow",
        HaltReason::OutOfGas(
            OutOfGasError::Basic
            | OutOfGasError::MemoryLimit
            | OutOfGasError::Memory
            | OutOfGasError::Precompile,
        ) => "out of gas",
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::PrecompileError => "precompile failed",
        HaltReason::PrecompileErrorWithContext(cause) => return cause.clone(),
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::OverflowPayment | HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
    }
    .to_owned()
}

/// The reasons for which a call is not run, in go-ethereum's words.
fn refusal(reason: &InvalidTransaction) -> String {
    use InvalidTransaction as Reason;
    match reason {
        Reason::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas"
        }
        Reason::GasPriceLessThanBasefee => "max fee per gas less than block base fee",
        Reason::CallerGasLimitMoreThanBlock => "exceeds block gas limit",
        Reason::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
            return format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}");
        }
        Reason::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
            return format!(
                "insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"
            );
        }
        Reason::RejectCallerWithCode => "sender not an eoa",
        Reason::LackOfFundForMaxFee { fee, balance } => {
            return format!(
                "insufficient funds for gas * price + value: have {balance} want {fee}"
            );
        }
        Reason::OverflowPaymentInTransaction => {
            "insufficient funds for gas * price + value: the sum exceeds 256 bits"
        }
        Reason::NonceOverflowInTransaction => "nonce has max value",
        Reason::NonceTooHigh { tx, state } => {
            return format!("nonce too high: tx: {tx} state: {state}");
        }
        Reason::NonceTooLow { tx, state } => {
            return format!("nonce too low: tx: {tx} state: {state}");
        }
        Reason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        Reason::InvalidChainId => "invalid chain id for signer",
        Reason::MissingChainId => "missing chain id",
        Reason::TxGasLimitGreaterThanCap { gas_limit, cap } => {
            return format!("transaction gas limit too high (cap: {cap}, tx: {gas_limit})");
        }
        Reason::AccessListNotSupported | Reason::Eip2930NotSupported => {
            "transaction type not supported: access list tx"
        }
        Reason::Eip1559NotSupported => "transaction type not supported: dynamic fee tx",
        Reason::MaxFeePerBlobGasNotSupported
        | Reason::BlobVersionedHashesNotSupported
        | Reason::Eip4844NotSupported => "transaction type not supported: blob tx",
        Reason::AuthorizationListNotSupported | Reason::Eip7702NotSupported => {
            "transaction type not supported: setcode tx"
        }
        Reason::Eip7873NotSupported => "transaction type not supported: initcode tx",
        Reason::BlobGasPriceGreaterThanMax { block_blob_gas_price, tx_max_fee_per_blob_gas } => {
            return format!(
                "max fee per blob gas less than block blob gas fee: \
                 blobGasFeeCap: {tx_max_fee_per_blob_gas}, blobBaseFee: {block_blob_gas_price}"
            );
        }
        Reason::EmptyBlobs => "blob transaction missing blob hashes",
        Reason::BlobCreateTransaction => "blob transaction of type create",
        Reason::TooManyBlobs { max, have } => {
            return format!("blob transaction has too many blobs: have {have}, max {max}");
        }
        Reason::BlobVersionNotSupported => "blob has an invalid hash version",
        Reason::AuthorizationListInvalidFields => {
            "EIP-7702 transaction cannot be used to create contract"
        }
        Reason::EmptyAuthorizationList => "EIP-7702 transaction with empty auth list",
        Reason::Eip7873MissingTarget => "initcode transaction without target",
        Reason::Str(text) => return text.clone().into_owned(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
