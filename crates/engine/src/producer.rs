//! The single authority: it builds a block when there is something to put into one, or on time.

use crate::{
    chain::{Chain, Sealed, head_of},
    error::EngineError,
    feed::HeadFeed,
    metrics,
    randomness::{self, RandomnessKey, Sidecar},
    source::PoolSource,
};
use alloy_primitives::{Address, B256, Bytes};
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_execution::{BuildAttributes, build_block, next_gas_limit};
use mfenx_primitives::{CommittedBlock, SealedHeader};
use mfenx_txpool::{DropReason, PoolHandle};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio_util::sync::CancellationToken;

/// How often an empty block is made for transactions that wait for a lower base fee.
const LOWER_FEE_INTERVAL: Duration = Duration::from_secs(1);
/// The base fee falls by at most this fraction from block to block (EIP-1559).
const BASE_FEE_CHANGE_DENOMINATOR: u64 = 8;
/// Version of the layout of `extraData`.
const EXTRA_DATA_VERSION: u8 = 1;

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTime {
    /// As soon as a transaction can be executed. Empty blocks are made, one a second, only while
    /// everything that waits needs a lower base fee, of gas or of blobs. Timestamps grow by at least a second a block,
    /// so a burst of blocks runs ahead of the clock.
    Auto,
    /// One block each interval, also when it is empty. At least one second.
    Interval(Duration),
}

/// What a producer needs besides the chain.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// When blocks are made.
    pub block_time: BlockTime,
    /// Receiver of the tips.
    pub beneficiary: Address,
    /// Source of PREVRANDAO.
    pub randomness: RandomnessKey,
    /// Longest time spent on executing transactions for one block.
    pub build_time_max: Duration,
}

/// Builds, commits and announces blocks until told to stop.
#[derive(Debug)]
pub struct Producer {
    chain: Chain,
    pool: PoolHandle,
    feed: HeadFeed,
    config: ProducerConfig,
}

impl Producer {
    /// A producer for `chain` that takes from `pool` and announces on `feed`.
    pub const fn new(
        chain: Chain,
        pool: PoolHandle,
        feed: HeadFeed,
        config: ProducerConfig,
    ) -> Self {
        Self { chain, pool, feed, config }
    }

    /// Produces until `stop` is cancelled; then what is in the pool gets a last block.
    ///
    /// # Errors
    /// The store failed or the clock is unusable: the process should end with this reason.
    pub async fn run(self, stop: CancellationToken) -> Result<(), EngineError> {
        let this = Arc::new(self);
        let mut changed = this.pool.changed();
        let mut ticks = match this.config.block_time {
            BlockTime::Auto => None,
            BlockTime::Interval(interval) => {
                let first = tokio::time::Instant::now() + interval;
                let mut ticks = tokio::time::interval_at(first, interval);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                Some(ticks)
            }
        };
        loop {
            if stop.is_cancelled() {
                // What was accepted from callers is not thrown away.
                Self::produce_blocking(&this, false).await?;
                return Ok(());
            }
            let allow_empty = match &mut ticks {
                Some(ticks) => tokio::select! {
                    _ = ticks.tick() => true,
                    () = stop.cancelled() => continue,
                },
                None if this.pool.status().pending == 0 => {
                    tokio::select! {
                        result = changed.changed() => if result.is_err() { return Ok(()) },
                        () = stop.cancelled() => {}
                    }
                    continue;
                }
                None => false,
            };
            changed.mark_unchanged();
            if Self::produce_blocking(&this, allow_empty).await? || allow_empty {
                continue;
            }
            // What is pending cannot be executed yet: its fee caps are below the base fee, which
            // falls only from block to block.
            tokio::select! {
                result = changed.changed() => if result.is_err() { return Ok(()) },
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOWER_FEE_INTERVAL) => {
                    if this.fees_can_fall()? {
                        Self::produce_blocking(&this, true).await?;
                    }
                }
            }
        }
    }

    /// [`Self::produce`] on a thread that may block; whether there was a block.
    async fn produce_blocking(this: &Arc<Self>, allow_empty: bool) -> Result<bool, EngineError> {
        let producer = Arc::clone(this);
        let made = tokio::task::spawn_blocking(move || producer.produce(allow_empty));
        let made = made.await.map_err(|error| EngineError::Worker(error.to_string()))??;
        Ok(made.is_some())
    }

    /// Whether an empty block would lower the base fee (EIP-1559: by an eighth, in whole wei), or
    /// could lower that of blobs (EIP-4844: it is the least there is without excess).
    fn fees_can_fall(&self) -> Result<bool, EngineError> {
        let head = self.chain.head()?.into_inner();
        let next = self.chain.spec().next_base_fee(&head);
        let blobs = head.excess_blob_gas.unwrap_or(0) > 0 || head.blob_gas_used.unwrap_or(0) > 0;
        Ok(blobs || next.is_some_and(|base_fee| base_fee >= BASE_FEE_CHANGE_DENOMINATOR))
    }

    /// Builds, commits and announces one block on top of the head. Blocking.
    ///
    /// Returns `None` when there was nothing to put into it and `allow_empty` is not set.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn produce(&self, allow_empty: bool) -> Result<Option<Arc<CommittedBlock>>, EngineError> {
        let reader = self.chain.store().reader()?;
        let parent = head_of(&reader)?;
        let spec = self.chain.spec();
        let number = parent.number.saturating_add(1);
        let seed = Chain::next_seed(&reader, &parent)?;
        let beta = self.config.randomness.beta(spec.chain_id(), number, seed);
        let attributes = self.attributes(spec, &parent, randomness::mix_hash(&beta))?;

        let base_fee = spec.next_base_fee(&parent).unwrap_or_default();
        let mut source = PoolSource::new(self.pool.best(base_fee));
        let start = Instant::now();
        let mut out_of_time = || start.elapsed() > self.config.build_time_max;
        let built = build_block(
            spec,
            reader.latest_state(),
            &parent,
            &attributes,
            &mut source,
            &mut out_of_time,
        )
        .map_err(|source| EngineError::Build { number, source })?;
        let execution = start.elapsed();
        let invalid = source.into_invalid();
        metrics::rejected(invalid.len());
        for (hash, sender, reason) in &invalid {
            tracing::debug!(%hash, %sender, reason, "dropped a transaction that cannot be executed");
            self.pool.remove(hash, DropReason::Invalid(reason.clone()));
        }
        if built.body.transactions.is_empty() && !allow_empty {
            return Ok(None);
        }
        let Sealed { committed, changed } =
            self.chain.seal(reader, built, execution, &Sidecar { seed, beta })?;
        let next_base_fee = spec.next_base_fee(committed.block.header()).unwrap_or_default();
        self.pool.on_block(&committed, next_base_fee, &changed);
        tracing::info!(
            number,
            hash = %committed.block.hash(),
            transactions = committed.block.transactions().len(),
            gas = committed.block.header().gas_used,
            elapsed_ms = start.elapsed().as_millis() as u64,
            "committed block",
        );
        self.feed.announce(Arc::clone(&committed));
        Ok(Some(committed))
    }

    fn attributes(
        &self,
        spec: &ChainSpec,
        parent: &SealedHeader,
        prev_randao: B256,
    ) -> Result<BuildAttributes, EngineError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| EngineError::Clock)?;
        let next = parent.timestamp.checked_add(1).ok_or(EngineError::Clock)?;
        let timestamp = now.as_secs().max(next);
        Ok(BuildAttributes {
            timestamp,
            beneficiary: self.config.beneficiary,
            prev_randao,
            gas_limit: next_gas_limit(parent.gas_limit, spec.params().gas_limit_target),
            extra_data: extra_data(0, 0),
            parent_beacon_block_root: spec
                .is_cancun_active_at_timestamp(timestamp)
                .then_some(B256::ZERO),
            withdrawals: spec.is_shanghai_active_at_timestamp(timestamp).then(Vec::new),
        })
    }
}

/// `extraData`, 8 bytes: version, the round in which the block was built, the proposer's index.
fn extra_data(round: u32, proposer: u32) -> Bytes {
    let mut bytes = [0; 8];
    let [_, proposer @ ..] = proposer.to_be_bytes();
    let [version, rest @ ..] = &mut bytes;
    *version = EXTRA_DATA_VERSION;
    for (to, from) in rest.iter_mut().zip(round.to_be_bytes().into_iter().chain(proposer)) {
        *to = from;
    }
    Bytes::copy_from_slice(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_data_is_as_published() {
        assert_eq!(extra_data(0x0102_0304, 0x000a_0b0c)[..], [1, 1, 2, 3, 4, 0x0a, 0x0b, 0x0c]);
    }
}
