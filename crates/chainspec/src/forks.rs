//! From go-ethereum's `config` object to activation conditions and the blob schedule.

use crate::error::ChainSpecError;
use alloy_eips::{
    eip7594::MAX_BLOBS_PER_TX_FUSAKA,
    eip7840::{BLOB_BASE_COST, BlobParams},
};
use alloy_genesis::{ChainConfig, Genesis};
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use alloy_primitives::U256;

/// Number of forks we know the condition of; indexed by the fork's position.
pub(crate) const FORKS: usize = EthereumHardfork::VARIANTS.len();

/// Activation conditions by `EthereumHardfork as usize`.
pub(crate) type Schedule = [ForkCondition; FORKS];

/// Position of a fork in a [`Schedule`].
pub(crate) fn position(fork: EthereumHardfork) -> usize {
    fork as usize
}

/// Builds and checks the schedule.
pub(crate) fn schedule(genesis: &Genesis) -> Result<Schedule, ChainSpecError> {
    let config = &genesis.config;
    if config.amsterdam_time.is_some() {
        return Err(ChainSpecError::UnsupportedFork("amsterdamTime"));
    }
    if config.bogota_time.is_some() {
        return Err(ChainSpecError::UnsupportedFork("bogotaTime"));
    }
    check_order(config)?;
    let mut schedule = [ForkCondition::Never; FORKS];
    let mut set = |fork, condition| {
        if let Some(slot) = schedule.get_mut(position(fork)) {
            *slot = condition;
        }
    };
    use EthereumHardfork as Fork;
    set(Fork::Frontier, ForkCondition::Block(0));
    let petersburg = config.petersburg_block.or(config.constantinople_block);
    for (fork, block) in [
        (Fork::Homestead, config.homestead_block),
        (Fork::Dao, config.dao_fork_block.filter(|_| config.dao_fork_support)),
        (Fork::Tangerine, config.eip150_block),
        (Fork::SpuriousDragon, config.eip158_block),
        (Fork::Byzantium, config.byzantium_block),
        (Fork::Constantinople, config.constantinople_block),
        (Fork::Petersburg, petersburg),
        (Fork::Istanbul, config.istanbul_block),
        (Fork::MuirGlacier, config.muir_glacier_block),
        (Fork::Berlin, config.berlin_block),
        (Fork::London, config.london_block),
        (Fork::ArrowGlacier, config.arrow_glacier_block),
        (Fork::GrayGlacier, config.gray_glacier_block),
    ] {
        if let Some(block) = block {
            set(fork, ForkCondition::Block(block));
        }
    }
    if let Some(condition) = merge(genesis)? {
        set(Fork::Paris, condition);
    }
    for (fork, time) in timestamp_forks(config) {
        if let Some(time) = time {
            set(fork, ForkCondition::Timestamp(time));
        }
    }
    Ok(schedule)
}

fn timestamp_forks(config: &ChainConfig) -> [(EthereumHardfork, Option<u64>); 9] {
    use EthereumHardfork as Fork;
    [
        (Fork::Shanghai, config.shanghai_time),
        (Fork::Cancun, config.cancun_time),
        (Fork::Prague, config.prague_time),
        (Fork::Osaka, config.osaka_time),
        (Fork::Bpo1, config.bpo1_time),
        (Fork::Bpo2, config.bpo2_time),
        (Fork::Bpo3, config.bpo3_time),
        (Fork::Bpo4, config.bpo4_time),
        (Fork::Bpo5, config.bpo5_time),
    ]
}

/// The condition of Paris: from genesis when the terminal total difficulty is already reached
/// there, else from `mergeNetsplitBlock`, which must be the first block after the merge.
fn merge(genesis: &Genesis) -> Result<Option<ForkCondition>, ChainSpecError> {
    let config = &genesis.config;
    let ttd = match config.terminal_total_difficulty {
        Some(ttd) => ttd,
        None if config.terminal_total_difficulty_passed => U256::ZERO,
        None if config.shanghai_time.is_some() => {
            return Err(ChainSpecError::MissingField {
                field: "terminalTotalDifficulty",
                place: "`config` (it schedules forks after the merge)",
            });
        }
        None => return Ok(None),
    };
    let activation = if ttd.is_zero() || genesis.difficulty >= ttd {
        Some(config.merge_netsplit_block.unwrap_or(0))
    } else {
        config.merge_netsplit_block
    };
    match activation {
        Some(activation_block_number) => Ok(Some(ForkCondition::TTD {
            activation_block_number,
            fork_block: config.merge_netsplit_block,
            total_difficulty: ttd,
        })),
        None if config.shanghai_time.is_some() => Err(ChainSpecError::MissingField {
            field: "mergeNetsplitBlock",
            place: "`config` (the chain begins before its terminal total difficulty: name the \
                    first block after the merge)",
        }),
        None => Ok(None),
    }
}

/// go-ethereum's rule: a fork may not come before an earlier one, nor without it, except for the
/// difficulty-bomb delays, the DAO fork and the blob-parameter forks, which may be left out.
fn check_order(config: &ChainConfig) -> Result<(), ChainSpecError> {
    if config.eip155_block != config.eip158_block {
        return Err(ChainSpecError::Invalid(
            "`eip155Block` and `eip158Block` must be equal: both are Spurious Dragon".into(),
        ));
    }
    let blocks = [
        ("homesteadBlock", config.homestead_block, false),
        ("daoForkBlock", config.dao_fork_block, true),
        ("eip150Block", config.eip150_block, false),
        ("eip158Block", config.eip158_block, false),
        ("byzantiumBlock", config.byzantium_block, false),
        ("constantinopleBlock", config.constantinople_block, false),
        ("petersburgBlock", config.petersburg_block, true),
        ("istanbulBlock", config.istanbul_block, false),
        ("muirGlacierBlock", config.muir_glacier_block, true),
        ("berlinBlock", config.berlin_block, false),
        ("londonBlock", config.london_block, false),
        ("arrowGlacierBlock", config.arrow_glacier_block, true),
        ("grayGlacierBlock", config.gray_glacier_block, true),
        ("mergeNetsplitBlock", config.merge_netsplit_block, true),
    ];
    in_order(&blocks, "block")?;
    let times = [
        ("shanghaiTime", config.shanghai_time, false),
        ("cancunTime", config.cancun_time, false),
        ("pragueTime", config.prague_time, false),
        ("osakaTime", config.osaka_time, false),
        ("bpo1Time", config.bpo1_time, true),
        ("bpo2Time", config.bpo2_time, true),
        ("bpo3Time", config.bpo3_time, true),
        ("bpo4Time", config.bpo4_time, true),
        ("bpo5Time", config.bpo5_time, true),
    ];
    in_order(&times, "timestamp")?;
    if let (Some(time), None) = (config.shanghai_time, config.london_block) {
        return Err(ChainSpecError::ForkOrder {
            earlier: "londonBlock",
            earlier_at: "is not scheduled".into(),
            later: "shanghaiTime",
            later_at: format!("timestamp {time}"),
        });
    }
    Ok(())
}

fn in_order(forks: &[(&'static str, Option<u64>, bool)], unit: &str) -> Result<(), ChainSpecError> {
    let mut previous: Option<(&'static str, Option<u64>)> = None;
    for &(later, at, optional) in forks {
        if let (Some((earlier, earlier_at)), Some(at)) = (previous, at)
            && earlier_at.is_none_or(|earlier_at| earlier_at > at)
        {
            let earlier_at = match earlier_at {
                Some(earlier_at) => format!("at {unit} {earlier_at}"),
                None => "is not scheduled".into(),
            };
            let later_at = format!("{unit} {at}");
            return Err(ChainSpecError::ForkOrder { earlier, earlier_at, later, later_at });
        }
        if !optional || at.is_some() {
            previous = Some((later, at));
        }
    }
    Ok(())
}

/// The blob parameters by activation time, ascending (EIP-7840, EIP-7892).
pub(crate) fn blob_schedule(
    config: &ChainConfig,
) -> Result<Vec<(u64, BlobParams)>, ChainSpecError> {
    const NAMES: [&str; 8] = ["cancun", "prague", "osaka", "bpo1", "bpo2", "bpo3", "bpo4", "bpo5"];
    let defaults = [
        Some(BlobParams::cancun()),
        Some(BlobParams::prague()),
        Some(BlobParams::osaka()),
        Some(BlobParams::bpo1()),
        Some(BlobParams::bpo2()),
        None,
        None,
        None,
    ];
    if let Some(name) = config.blob_schedule.keys().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(ChainSpecError::UnknownField { field: name.clone(), place: "`blobSchedule`" });
    }
    let times = timestamp_forks(config).into_iter().skip(1).map(|(_, time)| time);
    let mut schedule = Vec::new();
    for ((name, default), time) in NAMES.into_iter().zip(defaults).zip(times) {
        let Some(time) = time else { continue };
        let params = match (config.blob_schedule.get(name), default) {
            (Some(given), _) => complete(name, *given)?,
            (None, Some(default)) => default,
            (None, None) => {
                return Err(ChainSpecError::Invalid(format!(
                    "`config.{name}Time` is set but `blobSchedule.{name}` is not"
                )));
            }
        };
        schedule.push((time, params));
    }
    Ok(schedule)
}

/// Adds what a genesis file does not say: the limits that Osaka brought (EIP-7594, EIP-7918).
fn complete(name: &str, given: BlobParams) -> Result<BlobParams, ChainSpecError> {
    if given.max_blob_count == 0
        || given.target_blob_count > given.max_blob_count
        || given.max_blob_count > 1 << 20
        || given.update_fraction == 0
    {
        return Err(ChainSpecError::Invalid(format!(
            "`blobSchedule.{name}` needs 0 <= target <= max <= 2^20, max > 0 and \
             baseFeeUpdateFraction > 0"
        )));
    }
    Ok(match name {
        "cancun" | "prague" => {
            given.with_max_blobs_per_tx(given.max_blob_count).with_blob_base_cost(0)
        }
        _ => given
            .with_max_blobs_per_tx(MAX_BLOBS_PER_TX_FUSAKA.min(given.max_blob_count))
            .with_blob_base_cost(BLOB_BASE_COST),
    })
}
