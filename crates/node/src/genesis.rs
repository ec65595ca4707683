//! `mfenx genesis`: one chain file out of a base and the registration data of the authorities.
//!
//! Invariants: the same base, registrations and options give the same file, byte for byte, in
//! whatever order they are named, so that everybody at a ceremony can make it and compare; every
//! authority in it has proven to hold its keys.

use crate::{
    error::NodeError,
    keys::{PublicKeys, RegistrationError},
};
use alloy_primitives::{Address, U256};
use mfenx_chainspec::{
    Admission, COMPUTE_ADDRESS, ChainSpec, ChainSpecError, ConsensusParams, ConsensusTimeouts,
    REGISTRY_ADDRESS, default_quorum,
};
use mfenx_primitives::Quorum;
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

/// Blocks of an epoch unless the ceremony says otherwise: twenty minutes of a busy chain.
pub const EPOCH_BLOCKS: u64 = 1_200;

/// The most wei an account can be given; all ether there is fits in 90 bits.
const BALANCE_BITS_MAX: usize = 128;

/// Decimals of JULIAN.
const DECIMALS: usize = 18;

/// What the file is made of.
#[derive(Debug, Clone)]
pub struct GenesisPlan {
    /// The chain it starts from; one without authorities.
    pub base: ChainSpec,
    /// Registration files with the power of each authority.
    pub authorities: Vec<(PathBuf, u64)>,
    /// The rule; by the number of authorities when none is given.
    pub quorum: Option<Quorum>,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Accounts to fund.
    pub fund: Vec<Funded>,
    /// What the Compute contract asks of workers; what the base says when none is given.
    pub admission: Option<Admission>,
}

/// An account and what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funded {
    /// The account.
    pub address: Address,
    /// Wei.
    pub amount: U256,
}

/// Reads `ADDRESS=AMOUNT`, the amount in JULIAN with up to 18 decimals.
///
/// # Errors
/// In words for whoever typed it.
pub fn parse_fund(text: &str) -> Result<Funded, String> {
    let (address, amount) = text
        .split_once('=')
        .ok_or("write an address, `=` and an amount in JULIAN, such as 0x...=10.5")?;
    let address = address
        .parse()
        .map_err(|_| format!("`{address}` is not an address: 0x and 40 hex digits"))?;
    Ok(Funded { address, amount: parse_julian(amount)? })
}

/// Reads an amount in JULIAN, such as `10.5`, as wei.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_julian(amount: &str) -> Result<U256, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    let wrong = || format!("`{amount}` is not an amount in JULIAN: digits, with up to 18 decimals");
    if !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
        return Err(wrong());
    }
    format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| wrong())
}

/// What is wrong with a plan.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The base is a chain of other authorities.
    #[error("--base names a chain that has authorities already; start from one without")]
    BaseHasAuthorities,
    /// An account would be given something twice.
    #[error("--fund {address}: {reason}")]
    Fund {
        /// The account.
        address: Address,
        /// Why it cannot be funded.
        reason: &'static str,
    },
    /// A base without the Compute contract, and settings for it.
    #[error(
        "--workers sets what the Compute contract asks of them, and --base has no such contract"
    )]
    NoCompute,
    /// Registration data that does not prove what it says.
    #[error("--authority {path}: {source}")]
    Registration {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: RegistrationError,
    },
    /// The authorities or options together make no chain.
    #[error(transparent)]
    Chain(#[from] ChainSpecError),
    /// The file could not be written as JSON; a defect.
    #[error("the chain file cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// A chain file and what it says.
#[derive(Debug, Clone)]
pub struct GenesisFile {
    /// The text of the file.
    pub json: String,
    /// The chain.
    pub spec: ChainSpec,
}

impl GenesisFile {
    /// Checks every registration and makes the file.
    ///
    /// # Errors
    /// A registration does not hold, the authorities contradict each other, or an account is funded
    /// twice.
    pub fn make(plan: GenesisPlan) -> Result<Self, NodeError> {
        if plan.base.consensus().is_some() {
            return Err(GenesisError::BaseHasAuthorities.into());
        }
        let mut genesis = plan.base.genesis().clone();
        let chain_id = plan.base.chain_id();
        let mut authorities = Vec::with_capacity(plan.authorities.len());
        for (path, power) in plan.authorities {
            let registration = crate::keys::Registration::read(&path)?;
            let public: PublicKeys = registration
                .verify(chain_id)
                .map_err(|source| GenesisError::Registration { path, source })?;
            authorities.push(public.authority(power));
        }
        authorities.sort_by_key(|authority| authority.operator);
        for Funded { address, amount } in plan.fund {
            let fault = |reason| GenesisError::Fund { address, reason };
            if address == REGISTRY_ADDRESS {
                return Err(fault("is the registry of authorities").into());
            }
            if address == COMPUTE_ADDRESS {
                return Err(
                    fault("is the Compute contract, which accounts for all it holds").into()
                );
            }
            if amount.is_zero() || amount.bit_len() > BALANCE_BITS_MAX {
                return Err(fault("an amount is more than 0 and less than 2^128 wei").into());
            }
            let account = genesis.alloc.entry(address).or_default();
            if !account.balance.is_zero() {
                return Err(fault("has a balance already; name each account once").into());
            }
            account.balance = amount;
        }
        if plan.admission.is_some_and(|admission| !admission.install(&mut genesis)) {
            return Err(GenesisError::NoCompute.into());
        }
        let params = ConsensusParams {
            quorum: plan.quorum.unwrap_or_else(|| default_quorum(authorities.len())),
            epoch_blocks: plan.epoch_blocks,
            authorities,
            timeouts: ConsensusTimeouts::default(),
        };
        params.install(&mut genesis).map_err(GenesisError::from)?;
        let mut json = serde_json::to_string_pretty(&genesis).map_err(GenesisError::from)?;
        json.push('\n');
        // What is handed out is read as every node will read it.
        let spec = ChainSpec::from_genesis_json(&json).map_err(GenesisError::from)?;
        Ok(Self { json, spec })
    }

    /// Writes the file, which must not exist.
    ///
    /// # Errors
    /// It exists, or the file system refuses.
    pub fn write_new(&self, path: &Path) -> Result<(), NodeError> {
        let write = || {
            let mut file = File::create_new(path)?;
            file.write_all(self.json.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| crate::datadir::file_error(path, source))
    }
}

#[cfg(test)]
mod tests;
