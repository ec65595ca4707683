//! The chain specification itself.

use crate::{
    consensus::ConsensusParams,
    error::ChainSpecError,
    forks::{self, Schedule},
    genesis::{self, COMPUTE_TIME_KEY, CONSENSUS_KEY, PARAMS_KEY},
    params::ChainParams,
    precompiles,
};
use alloy_eips::{
    eip1559::{BaseFeeParams, INITIAL_BASE_FEE},
    eip7825::MAX_TX_GAS_LIMIT_OSAKA,
    eip7840::BlobParams,
};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_genesis::Genesis;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::Address;
use mfenx_primitives::{GenesisAlloc, Header, SealedHeader};

const MFENX_JSON: &str = include_str!("../../../chainspec/mfenx.json");
const DEV_JSON: &str = include_str!("../../../chainspec/dev.json");

/// Everything that distinguishes one chain from another. Large: share it behind an `Arc`.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    genesis: Genesis,
    header: SealedHeader,
    forks: Schedule,
    blobs: Vec<(u64, BlobParams)>,
    params: ChainParams,
    consensus: Option<ConsensusParams>,
    compute_time: Option<u64>,
}

impl ChainSpec {
    /// The chain MFENX, chain ID 177155.
    ///
    /// # Errors
    /// None for a build that passes its tests: the file is part of the program.
    pub fn mfenx() -> Result<Self, ChainSpecError> {
        Self::from_genesis_json(MFENX_JSON)
    }

    /// The development chain: MFENX's rules with ten funded accounts whose keys everybody knows.
    ///
    /// # Errors
    /// None for a build that passes its tests: the file is part of the program.
    pub fn dev() -> Result<Self, ChainSpecError> {
        Self::from_genesis_json(DEV_JSON)
    }

    /// Reads a genesis file in go-ethereum's format, with our parameters under `config.mfenx`.
    ///
    /// # Errors
    /// The file is not JSON, has a field nobody knows, or contradicts itself.
    pub fn from_genesis_json(json: &str) -> Result<Self, ChainSpecError> {
        Self::from_genesis(genesis::read(json)?)
    }

    /// Checks a genesis and computes its header.
    ///
    /// # Errors
    /// The forks are out of order or unsupported, or a value is out of range.
    pub fn from_genesis(genesis: Genesis) -> Result<Self, ChainSpecError> {
        genesis::check(&genesis)?;
        let forks = forks::schedule(&genesis)?;
        let blobs = forks::blob_schedule(&genesis.config)?;
        let Ours { params, consensus, compute_time } =
            match genesis.config.extra_fields.get(PARAMS_KEY) {
                Some(section) => our_section(section.clone())?,
                None => Ours::default(),
            };
        if !params.is_valid() {
            return Err(ChainSpecError::Invalid(
                "`config.mfenx` needs 5000 <= gasLimitTarget < 2^63 and \
                 0 < blockTimeMs <= idleBlockTimeMs"
                    .into(),
            ));
        }
        if let Some(consensus) = &consensus {
            consensus.check_registry(&genesis)?;
        }
        if compute_time.is_some() {
            precompiles::check(&genesis)?;
        }
        let header = genesis::header(&genesis, &ForksOnly(&forks))?;
        Ok(Self {
            genesis,
            header: SealedHeader::new(header),
            forks,
            blobs,
            params,
            consensus,
            compute_time,
        })
    }

    /// The same chain under another chain ID; its genesis hash stays the same.
    #[must_use]
    pub fn with_chain_id(mut self, chain_id: u64) -> Self {
        self.genesis.config.chain_id = chain_id;
        self
    }

    /// The chain ID of EIP-155; the network ID is the same number.
    pub const fn chain_id(&self) -> u64 {
        self.genesis.config.chain_id
    }

    /// The genesis file as it was read.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The accounts of block 0.
    pub const fn alloc(&self) -> &GenesisAlloc {
        &self.genesis.alloc
    }

    /// The header of block 0.
    pub const fn genesis_header(&self) -> &SealedHeader {
        &self.header
    }

    /// Parameters of block production.
    pub const fn params(&self) -> &ChainParams {
        &self.params
    }

    /// How the authorities agree; none on a chain without consensus, such as a development chain
    /// or Ethereum's.
    pub const fn consensus(&self) -> Option<&ConsensusParams> {
        self.consensus.as_ref()
    }

    /// Whether the chain's own precompiles are active at `timestamp` (seconds); never where the
    /// genesis file does not say from when.
    pub fn has_precompiles_at(&self, timestamp: u64) -> bool {
        self.compute_time.is_some_and(|time| time <= timestamp)
    }

    /// From when (seconds) the chain's own precompiles are active: `config.mfenx.computeTime`.
    pub const fn compute_time(&self) -> Option<u64> {
        self.compute_time
    }

    /// The blob parameters in force at `timestamp` (seconds); none before Cancun.
    pub fn blob_params_at(&self, timestamp: u64) -> Option<BlobParams> {
        self.blobs.iter().rev().find(|(from, _)| *from <= timestamp).map(|(_, params)| *params)
    }

    /// The blob schedule: activation times in seconds, ascending, with their parameters.
    pub fn blob_schedule(&self) -> &[(u64, BlobParams)] {
        &self.blobs
    }

    /// Whether blob transactions (EIP-4844) may be sent to this chain: not where our parameters
    /// stand in the genesis file, for there nobody keeps and serves blobs.
    pub fn accepts_blobs(&self) -> bool {
        !self.genesis.config.extra_fields.contains_key(PARAMS_KEY)
    }

    /// The base fee (wei per gas) of the child of `parent`; none before London (EIP-1559).
    pub fn next_base_fee(&self, parent: &Header) -> Option<u64> {
        if !self.is_london_active_at_block(parent.number.saturating_add(1)) {
            return None;
        }
        Some(parent.next_block_base_fee(BaseFeeParams::ethereum()).unwrap_or(INITIAL_BASE_FEE))
    }

    /// The most gas one transaction may ask for at `timestamp` (seconds), from Osaka on (EIP-7825).
    pub fn tx_gas_limit_cap_at(&self, timestamp: u64) -> Option<u64> {
        self.is_osaka_active_at_timestamp(timestamp).then_some(MAX_TX_GAS_LIMIT_OSAKA)
    }
}

impl EthereumHardforks for ChainSpec {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        ForksOnly(&self.forks).ethereum_fork_activation(fork)
    }
}

impl EthExecutorSpec for ChainSpec {
    fn deposit_contract_address(&self) -> Option<Address> {
        self.genesis.config.deposit_contract_address
    }
}

/// What stands in our section.
#[derive(Default)]
struct Ours {
    params: ChainParams,
    consensus: Option<ConsensusParams>,
    compute_time: Option<u64>,
}

fn our_section(mut section: serde_json::Value) -> Result<Ours, ChainSpecError> {
    let mut take = |key| section.as_object_mut().and_then(|fields| fields.remove(key));
    let (consensus, compute_time) = (take(CONSENSUS_KEY), take(COMPUTE_TIME_KEY));
    let consensus = consensus.as_ref().map(ConsensusParams::from_json).transpose()?;
    let compute_time = compute_time.map(serde_json::from_value).transpose()?;
    Ok(Ours { params: serde_json::from_value(section)?, consensus, compute_time })
}

/// The schedule alone, before there is a header.
struct ForksOnly<'a>(&'a Schedule);

impl EthereumHardforks for ForksOnly<'_> {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        self.0.get(forks::position(fork)).copied().unwrap_or_default()
    }
}
