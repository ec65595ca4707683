//! What tip to suggest, from what recent blocks took.
//!
//! As in go-ethereum, its upper bound included: the three lowest tips of each of the last 20 blocks, and of these the 60th
//! percentile. The answer is kept until the head changes, and so are the samples of each block, so
//! a new head costs the reading of one block.

use crate::error::RpcError;
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use mfenx_storage::Reader;
use parking_lot::Mutex;
use std::collections::VecDeque;

const BLOCKS: u64 = 20;
const SAMPLES_PER_BLOCK: usize = 3;
const PERCENTILE: usize = 60;
/// Tips below are no statement about the market (in wei).
const IGNORED_BELOW: u128 = 2;

/// No suggestion is higher (in wei: 500 gwei, as in go-ethereum).
const TIP_MAX: u128 = 500_000_000_000;

/// The suggestion and what it was made from.
#[derive(Debug)]
pub(crate) struct FeeOracle {
    default_tip: u128,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    suggestion: Option<(B256, u128)>,
    samples: VecDeque<(B256, Vec<u128>)>,
}

impl FeeOracle {
    pub(crate) fn new(default_tip_wei: u64) -> Self {
        Self { default_tip: u128::from(default_tip_wei), state: Mutex::default() }
    }

    /// The suggestion at `head`, if it is known, in wei per gas.
    pub(crate) fn known(&self, head: B256) -> Option<u128> {
        self.state.lock().suggestion.filter(|(hash, _)| *hash == head).map(|(_, tip)| tip)
    }

    /// The suggestion at the head of `reader`, in wei per gas.
    pub(crate) fn suggest(&self, reader: &Reader) -> Result<u128, RpcError> {
        let head = reader.head()?;
        if let Some(tip) = self.known(head.hash) {
            return Ok(tip);
        }
        let mut tips = Vec::new();
        for number in head.number.saturating_sub(BLOCKS - 1)..=head.number {
            let Some(hash) = reader.block_hash(number)? else { continue };
            let known = self.state.lock().samples.iter().find(|(of, _)| *of == hash).cloned();
            let samples = match known {
                Some((_, samples)) => samples,
                None => {
                    let samples = sample(reader, number)?;
                    self.remember(hash, samples.clone());
                    samples
                }
            };
            tips.extend(samples);
        }
        let tip = percentile(tips).map_or(self.default_tip, |tip| tip.min(TIP_MAX));
        self.state.lock().suggestion = Some((head.hash, tip));
        Ok(tip)
    }

    fn remember(&self, hash: B256, samples: Vec<u128>) {
        let mut state = self.state.lock();
        state.samples.push_back((hash, samples));
        if state.samples.len() > BLOCKS as usize {
            state.samples.pop_front();
        }
    }
}

/// The lowest tips that were paid to somebody else than the sender.
fn sample(reader: &Reader, number: u64) -> Result<Vec<u128>, RpcError> {
    let Some(block) = reader.block(number)? else { return Ok(Vec::new()) };
    let base_fee = block.header().base_fee_per_gas.unwrap_or(0);
    let beneficiary = block.header().beneficiary;
    let mut tips: Vec<_> = block
        .transactions_with_sender()
        .filter(|(_, sender)| *sender != beneficiary)
        .filter_map(|(transaction, _)| transaction.effective_tip_per_gas(base_fee))
        .filter(|tip| *tip >= IGNORED_BELOW)
        .collect();
    tips.sort_unstable();
    tips.truncate(SAMPLES_PER_BLOCK);
    Ok(tips)
}

fn percentile(mut tips: Vec<u128>) -> Option<u128> {
    tips.sort_unstable();
    let last = tips.len().checked_sub(1)?;
    tips.get(last * PERCENTILE / 100).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_needs_samples() {
        assert_eq!(percentile(vec![]), None);
        assert_eq!(percentile(vec![5]), Some(5));
        assert_eq!(percentile((1..=11).rev().collect()), Some(7));
    }

    #[test]
    fn a_suggestion_belongs_to_one_head() {
        let oracle = FeeOracle::new(9);
        let head = B256::repeat_byte(1);
        oracle.state.lock().suggestion = Some((head, 3));
        assert_eq!(oracle.known(head), Some(3));
        assert_eq!(oracle.known(B256::ZERO), None);
    }
}
