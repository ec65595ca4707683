//! Why a transaction was refused, in go-ethereum's words.

use alloy_primitives::{Address, B256, U256};

/// Why the pool refused a transaction. Displayed in the words of go-ethereum's pool, from which
/// wallets and client libraries make their typed errors; amounts are in wei, sizes in bytes.
///
/// A refusal is never the node's fault. Most are final for these signed bytes; the variants that
/// depend on the pool or on the account say when the same bytes may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The pool has this very transaction. Nothing to do: it is on its way.
    #[error("already known")]
    AlreadyKnown,
    /// The sender's account was read before the head that the pool stands at: read it again and
    /// bring the transaction once more. Callers of the node never see this.
    #[error("the sender's account was read at block {read_at}, the head is block {head}")]
    StaleAccount {
        /// Height at which it was read.
        read_at: u64,
        /// Height of the head.
        head: u64,
    },
    /// A type that this chain never takes, such as blob transactions (type 3, EIP-4844) where there
    /// is no data-availability layer. Send the data as calldata.
    #[error("transaction type not supported: transaction type not valid on this chain: {ty}")]
    UnsupportedType {
        /// The EIP-2718 type.
        ty: u8,
    },
    /// A type that a later fork brings. Send it after the fork, or sign another type.
    #[error("transaction type not supported: type {ty} rejected, pool not yet in {fork}")]
    TypeNotYetActive {
        /// The EIP-2718 type.
        ty: u8,
        /// The fork that activates the type.
        fork: &'static str,
    },
    /// The encoded transaction is too long to be passed around. Split it.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Encoded length (EIP-2718).
        size: usize,
        /// The configured bound.
        limit: usize,
    },
    /// A legacy signature without chain ID, valid on every chain. Sign with the chain ID (EIP-155).
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// The code of a contract creation is too long (EIP-3860). Split the contract.
    #[error("max initcode size exceeded: code size {size} limit {limit}")]
    InitCodeTooLarge {
        /// Length of the init code.
        size: usize,
        /// The limit of the fork in force.
        limit: usize,
    },
    /// More gas than one transaction may ask for (EIP-7825). Split the work.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas_limit})")]
    GasLimitTooHigh {
        /// The cap of the fork in force.
        cap: u64,
        /// The transaction's gas limit.
        gas_limit: u64,
    },
    /// More gas than a block has. Lower the gas limit, or wait for larger blocks.
    #[error("exceeds block gas limit")]
    ExceedsBlockGasLimit {
        /// The transaction's gas limit.
        gas_limit: u64,
        /// The head block's gas limit.
        block_gas_limit: u64,
    },
    /// The tip is above the maximal fee, which contains it (EIP-1559). Sign consistent fees.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFeeCap {
        /// Maximal priority fee per gas.
        tip: u128,
        /// Maximal fee per gas.
        max_fee: u128,
    },
    /// Signed for another chain. Switch the wallet's network.
    #[error("invalid sender: invalid chain id for signer: have {have} want {want}")]
    InvalidChainId {
        /// The chain ID in the transaction.
        have: u64,
        /// This chain's ID.
        want: u64,
    },
    /// A signature with a high `s` (EIP-2), which anybody could have altered. Sign again.
    #[error("invalid sender: invalid transaction v, r, s values")]
    InvalidSignature,
    /// An account never gets past this nonce (EIP-2681). The account is used up.
    #[error("nonce has max value")]
    NonceMax,
    /// The gas limit does not cover the cost before execution. Estimate the gas again.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// The transaction's gas limit.
        gas: u64,
        /// Base cost, calldata, access list, init code and authorizations.
        needed: u64,
    },
    /// The gas limit does not cover the least cost of the calldata (EIP-7623). Estimate again.
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorDataGas {
        /// The transaction's gas limit.
        gas: u64,
        /// The floor of the calldata.
        needed: u64,
    },
    /// The tip is below what this node asks for. Offer more.
    #[error("transaction underpriced: gas tip cap {tip}, minimum needed {needed}")]
    TipTooLow {
        /// Maximal priority fee per gas, or the gas price.
        tip: u128,
        /// The configured minimum.
        needed: u128,
    },
    /// A set-code transaction (EIP-7702) that authorizes nothing. Sign another type.
    #[error("set code tx must have at least one authorization tuple")]
    EmptyAuthorizationList,
    /// A blob transaction as it stands in a block. Send it in its network form (EIP-4844).
    #[error("missing sidecar in blob transaction")]
    MissingSidecar,
    /// The sidecar has proofs of another fork: one per blob before Osaka (version 0, EIP-4844), one
    /// per cell from then on (version 1, EIP-7594). Make the sidecar again; the signature stays.
    #[error("unexpected sidecar version, want: {want}, got: {got}")]
    SidecarVersion {
        /// The version of the fork in force.
        want: u8,
        /// The version that was sent.
        got: u8,
    },
    /// Blob gas never costs less than this. Offer more.
    #[error("transaction gas price below minimum: blob fee cap {fee}, minimum needed {needed}")]
    BlobFeeTooLow {
        /// Maximal fee per blob gas, in wei.
        fee: u128,
        /// The protocol's minimum, in wei.
        needed: u128,
    },
    /// A blob transaction without blobs. Sign another type.
    #[error("blobless blob transaction")]
    NoBlobs,
    /// More blobs than one transaction may carry (EIP-7594). Send several transactions.
    #[error("too many blobs in transaction: have {have}, permitted {limit}")]
    TooManyBlobs {
        /// The transaction's blobs.
        have: usize,
        /// The limit of the fork in force.
        limit: usize,
    },
    /// The sidecar does not belong to the transaction, or a proof is wrong. Make it again.
    #[error("{0}")]
    InvalidSidecar(String),
    /// A sender has either blob transactions in the pool or others, never both. Wait until those
    /// of the other kind are mined.
    #[error("address already reserved")]
    AddressReserved,
    /// The account has already used this nonce. Sign with the next one.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The account's nonce.
        next: u64,
        /// The transaction's nonce.
        nonce: u64,
    },
    /// Too far ahead of the account. Send the missing transactions first, then this one again.
    #[error("nonce too high: tx nonce {nonce}, gapped nonce {gapped}")]
    NonceTooHigh {
        /// The transaction's nonce.
        nonce: u64,
        /// The first nonce that is missing in the pool.
        gapped: u64,
    },
    /// The sender is a contract (EIP-3607): no key may send for it.
    #[error("sender not an eoa: address {address}, codehash: {code_hash}")]
    SenderNotEoa {
        /// The sender.
        address: Address,
        /// keccak-256 of its code.
        code_hash: B256,
    },
    /// The account cannot pay for the transaction alone. Fund it, then send the same bytes again.
    #[error(
        "insufficient funds for gas * price + value: \
         balance {balance}, tx cost {cost}, overshot {}",
        cost.saturating_sub(*balance)
    )]
    InsufficientFunds {
        /// Balance of the sender.
        balance: U256,
        /// Gas limit times maximal fee, plus value.
        cost: U256,
    },
    /// The account cannot pay for it on top of its pending ones. Wait for them, or fund it.
    #[error(
        "insufficient funds for gas * price + value: \
         balance {balance}, queued cost {queued}, tx cost {cost}, overshot {}",
        queued.saturating_add(*cost).saturating_sub(*balance)
    )]
    InsufficientFundsQueued {
        /// Balance of the sender.
        balance: U256,
        /// Maximal cost of the sender's executable transactions.
        queued: U256,
        /// Maximal cost of this one.
        cost: U256,
    },
    /// The account cannot pay for what the replacement costs more. Fund it, or bid less.
    #[error(
        "insufficient funds for gas * price + value: \
         balance {balance}, queued cost {queued}, tx bumped {bump}, overshot {}",
        queued.saturating_add(*bump).saturating_sub(*balance)
    )]
    InsufficientFundsBump {
        /// Balance of the sender.
        balance: U256,
        /// Maximal cost of the sender's executable transactions, the replaced one included.
        queued: U256,
        /// What this one costs more than the replaced one.
        bump: U256,
    },
    /// The sender has as many transactions as one sender may. Wait until some are mined.
    #[error("account limit exceeded: pooled {pooled} txs")]
    AccountLimitExceeded {
        /// The sender's transactions in the pool.
        pooled: usize,
    },
    /// An account with delegated code may not leave a gap, for its balance can vanish at any
    /// time (EIP-7702). Send the missing nonce first.
    #[error("gapped-nonce tx from delegated accounts")]
    DelegatedGap,
    /// An account with delegated code, or about to get it, has one transaction in flight at most
    /// (EIP-7702). Replace that one, or wait until it is mined.
    #[error("in-flight transaction limit reached for delegated accounts")]
    InFlightLimit,
    /// An authorization (EIP-7702) of an account that has several transactions in flight. Wait
    /// until they are mined.
    #[error("authority already reserved")]
    AuthorityReserved,
    /// A transaction with this nonce is pooled, and this one does not outbid it. Raise both fees.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced {
        /// The least maximal fee per gas that would replace it.
        needed_max_fee: u128,
        /// The least maximal priority fee (or gas price) that would replace it.
        needed_tip: u128,
        /// The least maximal fee per blob gas that would replace it; 0 when it carries no blobs.
        needed_blob_fee: u128,
    },
    /// The pool is full, and everything in it pays at least as much. Offer more, or wait.
    #[error("transaction underpriced")]
    Underpriced,
    /// The pool is full, and a transaction that cannot run yet displaces none that can. Wait.
    #[error("txpool is full")]
    PoolFull,
}

impl PoolError {
    /// One word for the metrics.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::AlreadyKnown => "already_known",
            Self::StaleAccount { .. } => "stale_account",
            Self::UnsupportedType { .. } => "unsupported_type",
            Self::TypeNotYetActive { .. } => "type_not_yet_active",
            Self::Oversized { .. } => "oversized",
            Self::Unprotected => "unprotected",
            Self::InitCodeTooLarge { .. } => "init_code_too_large",
            Self::GasLimitTooHigh { .. } => "gas_limit_too_high",
            Self::ExceedsBlockGasLimit { .. } => "exceeds_block_gas_limit",
            Self::TipAboveFeeCap { .. } => "tip_above_fee_cap",
            Self::InvalidChainId { .. } => "invalid_chain_id",
            Self::InvalidSignature => "invalid_signature",
            Self::NonceMax => "nonce_max",
            Self::IntrinsicGas { .. } => "intrinsic_gas",
            Self::FloorDataGas { .. } => "floor_data_gas",
            Self::TipTooLow { .. } => "tip_too_low",
            Self::EmptyAuthorizationList => "empty_authorization_list",
            Self::MissingSidecar
            | Self::SidecarVersion { .. }
            | Self::NoBlobs
            | Self::TooManyBlobs { .. }
            | Self::InvalidSidecar(_) => "invalid_blobs",
            Self::BlobFeeTooLow { .. } => "blob_fee_too_low",
            Self::AddressReserved => "address_reserved",
            Self::NonceTooLow { .. } => "nonce_too_low",
            Self::NonceTooHigh { .. } => "nonce_gap",
            Self::SenderNotEoa { .. } => "sender_not_eoa",
            Self::InsufficientFunds { .. }
            | Self::InsufficientFundsQueued { .. }
            | Self::InsufficientFundsBump { .. } => "insufficient_funds",
            Self::AccountLimitExceeded { .. } => "account_limit",
            Self::DelegatedGap => "delegated_gap",
            Self::InFlightLimit => "in_flight_limit",
            Self::AuthorityReserved => "authority_reserved",
            Self::ReplacementUnderpriced { .. } => "replacement_underpriced",
            Self::Underpriced => "underpriced",
            Self::PoolFull => "pool_full",
        }
    }
}
