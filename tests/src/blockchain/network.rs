//! From a test's network name to a chain specification.
//!
//! A name is a fork, which is then in force from genesis on, or a transition: `XToYAt5` (block
//! number), `XToYAtTime15k` (seconds), `XToYAtDiffC0000` (total difficulty, in hexadecimal).

use super::fixture::{Account, Test};
use alloy_eips::eip7840::BlobParams;
use alloy_genesis::{ChainConfig, Genesis, GenesisAccount};
use alloy_primitives::{B256, U256};
use alloy_rlp::Decodable;
use eyre::{Context, Result, bail, eyre};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Block, Header};
use std::{collections::HashMap, sync::Arc};

/// The forks in order, by the names that tests give them.
const FORKS: [&[&str]; 24] = [
    &["Frontier"],
    &["Homestead"],
    &["Dao"],
    &["EIP150", "TangerineWhistle"],
    &["EIP158", "SpuriousDragon"],
    &["Byzantium"],
    &["Constantinople"],
    &["ConstantinopleFix", "Petersburg"],
    &["Istanbul"],
    &["MuirGlacier"],
    &["Berlin"],
    &["London"],
    &["ArrowGlacier"],
    &["GrayGlacier"],
    &["Paris", "Merge"],
    &["Shanghai"],
    &["Cancun"],
    &["Prague"],
    &["Osaka"],
    &["BPO1"],
    &["BPO2"],
    &["BPO3"],
    &["BPO4"],
    &["BPO5"],
];
const DAO: usize = 2;
const PARIS: usize = 14;

/// When the later fork of a transition comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Genesis,
    Block(u64),
    Time(u64),
    Difficulty(U256),
}

/// What a network name says: positions in [`FORKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    from: usize,
    to: usize,
    at: At,
}

impl Network {
    fn parse(name: &str) -> Option<Self> {
        if let Some(fork) = fork(name) {
            // The DAO fork is none of its own: later forks come without it.
            return (fork != DAO).then_some(Self { from: fork, to: fork, at: At::Genesis });
        }
        let (forks, at) = name.split_once("At")?;
        let (from, to) = forks.split_once("To")?;
        let at = if let Some(time) = at.strip_prefix("Time") {
            At::Time(match time.strip_suffix('k') {
                Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1_000)?,
                None => time.parse().ok()?,
            })
        } else if let Some(difficulty) = at.strip_prefix("Diff") {
            At::Difficulty(U256::from_str_radix(difficulty, 16).ok()?)
        } else {
            At::Block(at.parse().ok()?)
        };
        let network = Self { from: fork(from)?, to: fork(to)?, at };
        (network.from < network.to).then_some(network)
    }

    /// Block number or time at which the fork at `position` comes, if it does.
    fn activation(&self, position: usize) -> Option<u64> {
        if position == DAO && self.to != DAO {
            return None;
        }
        if position <= self.from {
            return Some(0);
        }
        if position > self.to {
            return None;
        }
        match self.at {
            At::Genesis => Some(0),
            At::Block(number) => Some(number),
            At::Time(time) => Some(time),
            At::Difficulty(_) => None,
        }
    }
}

fn fork(name: &str) -> Option<usize> {
    FORKS.iter().position(|names| names.contains(&name))
}

/// The chain specification of a test; its genesis block is checked against the test's.
pub(crate) fn chain_spec(test: &Test) -> Result<Arc<ChainSpec>> {
    let network =
        Network::parse(&test.network).ok_or_else(|| eyre!("unknown network {:?}", test.network))?;
    if network.activation(6) != network.activation(7) {
        bail!("network {:?}: Constantinople without its fix is not supported", test.network);
    }
    let genesis = genesis(test, config(test, &network)?)?;
    let spec = ChainSpec::from_genesis(genesis)?;
    let (got, expected) = (spec.genesis_header().hash(), test.genesis_block_header.hash);
    if got != expected {
        bail!("the genesis block is {got}, expected {expected}");
    }
    Ok(Arc::new(spec))
}

fn config(test: &Test, network: &Network) -> Result<ChainConfig> {
    let at = |position| network.activation(position);
    let chain_id = test.config.chain_id.unwrap_or(U256::ONE);
    let mut config = ChainConfig {
        chain_id: number(chain_id, "chainid")?,
        homestead_block: at(1),
        dao_fork_block: at(DAO),
        dao_fork_support: at(DAO).is_some(),
        eip150_block: at(3),
        eip155_block: at(4),
        eip158_block: at(4),
        byzantium_block: at(5),
        constantinople_block: at(6),
        petersburg_block: at(7),
        istanbul_block: at(8),
        muir_glacier_block: at(9),
        berlin_block: at(10),
        london_block: at(11),
        arrow_glacier_block: at(12),
        gray_glacier_block: at(13),
        shanghai_time: at(15),
        cancun_time: at(16),
        prague_time: at(17),
        osaka_time: at(18),
        bpo1_time: at(19),
        bpo2_time: at(20),
        bpo3_time: at(21),
        bpo4_time: at(22),
        bpo5_time: at(23),
        ..Default::default()
    };
    if let At::Difficulty(total) = network.at {
        config.terminal_total_difficulty = Some(total);
        config.merge_netsplit_block = first_merged_block(test, total);
    } else if network.from >= PARIS {
        config.terminal_total_difficulty = Some(U256::ZERO);
        config.terminal_total_difficulty_passed = true;
    }
    for (name, schedule) in &test.config.blob_schedule {
        let fraction = schedule.base_fee_update_fraction;
        let params = BlobParams {
            target_blob_count: number(schedule.target, "target")?,
            max_blob_count: number(schedule.max, "max")?,
            update_fraction: fraction.try_into().wrap_err("baseFeeUpdateFraction")?,
            ..BlobParams::osaka()
        };
        config.blob_schedule.insert(name.to_lowercase(), params);
    }
    Ok(config)
}

/// The number of the first block whose parent has reached the terminal total difficulty.
fn first_merged_block(test: &Test, terminal: U256) -> Option<u64> {
    let genesis = &test.genesis_block_header;
    let mut totals = HashMap::from([(genesis.hash, genesis.difficulty)]);
    let blocks = test.blocks.iter().filter(|block| block.expected_exception().is_none());
    for rlp in blocks.filter_map(|block| block.rlp.as_ref().ok()) {
        let Ok(Block { header, .. }) = Block::decode(&mut &rlp[..]) else { continue };
        let Header { parent_hash, number, difficulty, .. } = &header;
        let Some(parent_total) = totals.get(parent_hash).copied() else { continue };
        if parent_total >= terminal {
            return Some(*number);
        }
        totals.insert(header.hash_slow(), parent_total.saturating_add(*difficulty));
    }
    None
}

fn genesis(test: &Test, config: ChainConfig) -> Result<Genesis> {
    let header = &test.genesis_block_header;
    let optional = |value: Option<U256>, name| value.map(|value| number(value, name)).transpose();
    let mut alloc = std::collections::BTreeMap::new();
    for (address, account) in &test.pre {
        alloc.insert(*address, genesis_account(account)?);
    }
    Ok(Genesis {
        config,
        nonce: header.nonce.into(),
        timestamp: number(header.timestamp, "timestamp")?,
        extra_data: header.extra_data.clone(),
        gas_limit: number(header.gas_limit, "gasLimit")?,
        difficulty: header.difficulty,
        mix_hash: header.mix_hash,
        coinbase: header.coinbase,
        alloc,
        base_fee_per_gas: optional(header.base_fee_per_gas, "baseFeePerGas")?.map(u128::from),
        excess_blob_gas: optional(header.excess_blob_gas, "excessBlobGas")?,
        blob_gas_used: optional(header.blob_gas_used, "blobGasUsed")?,
        ..Default::default()
    })
}

/// The account as a genesis file writes it; slots that hold zero are not there.
pub(crate) fn genesis_account(account: &Account) -> Result<GenesisAccount> {
    let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
    let storage = slots.map(|(slot, value)| (B256::from(*slot), B256::from(*value))).collect();
    Ok(GenesisAccount {
        nonce: Some(number(account.nonce, "nonce")?),
        balance: account.balance,
        code: (!account.code.is_empty()).then(|| account.code.clone()),
        storage: Some(storage),
        private_key: None,
    })
}

fn number(value: U256, name: &'static str) -> Result<u64> {
    value.try_into().wrap_err(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (usize, usize, At) {
        let Network { from, to, at } = Network::parse(name).expect(name);
        (from, to, at)
    }

    #[test]
    fn names_of_forks_and_transitions() {
        assert_eq!(parsed("Frontier"), (0, 0, At::Genesis));
        assert_eq!(parsed("ConstantinopleFix"), (7, 7, At::Genesis));
        assert_eq!(parsed("Merge"), (14, 14, At::Genesis));
        assert_eq!(parsed("CancunToPragueAtTime15k"), (16, 17, At::Time(15_000)));
        assert_eq!(parsed("BPO1ToBPO2AtTime15k"), (19, 20, At::Time(15_000)));
        assert_eq!(parsed("BerlinToLondonAt5"), (10, 11, At::Block(5)));
        assert_eq!(parsed("HomesteadToDaoAt5"), (1, 2, At::Block(5)));
        let diff = At::Difficulty(U256::from(0xc0000));
        assert_eq!(parsed("ArrowGlacierToParisAtDiffC0000"), (12, 14, diff));
        for name in ["", "Dao", "Atlantis", "LondonToBerlinAt5", "BerlinToLondonAt", "ToAt5"] {
            assert_eq!(Network::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_dao_fork_comes_only_when_it_is_named() {
        let dao = Network::parse("HomesteadToDaoAt5").expect("a network");
        assert_eq!((dao.activation(1), dao.activation(DAO)), (Some(0), Some(5)));
        assert_eq!(dao.activation(3), None);
        let osaka = Network::parse("Osaka").expect("a network");
        assert_eq!((osaka.activation(DAO), osaka.activation(18)), (None, Some(0)));
        assert_eq!(osaka.activation(19), None);
    }
}
