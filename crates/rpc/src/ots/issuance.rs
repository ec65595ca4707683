//! What a block brings into being: rewards of proof of work, which ended with the merge.

use crate::json::Quantity;
use alloy_primitives::U256;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_primitives::{BlockBody, Header};
use serde::Serialize;

/// A thousandth of an ether, in wei.
const FINNEY: u64 = 1_000_000_000_000_000;
/// An ommer's reward is this part of the block's for each block that it is late.
const PARTS: u64 = 8;
/// For each ommer the miner gets this part of the block's reward.
const MINER_PARTS: u64 = 32;

/// Rewards in wei.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issuance {
    block_reward: Quantity<U256>,
    uncle_reward: Quantity<U256>,
    issuance: Quantity<U256>,
}

impl Issuance {
    /// Of the block with this header and body.
    pub(super) fn of(spec: &ChainSpec, header: &Header, body: &BlockBody) -> Self {
        let base = base_reward(spec, header.number);
        let uncle_reward = body.ommers.iter().fold(U256::ZERO, |sum, ommer| {
            let late = header.number.saturating_sub(ommer.number);
            sum + base * U256::from(PARTS.saturating_sub(late)) / U256::from(PARTS)
        });
        let miner = base / U256::from(MINER_PARTS) * U256::from(body.ommers.len());
        let block_reward = base + miner;
        Self {
            block_reward: Quantity(block_reward),
            uncle_reward: Quantity(uncle_reward),
            issuance: Quantity(block_reward + uncle_reward),
        }
    }
}

/// EIP-649, EIP-1234, and EIP-3675, which ended it.
fn base_reward(spec: &ChainSpec, number: u64) -> U256 {
    let finney = if spec.is_paris_active_at_block(number) || number == 0 {
        0
    } else if spec.is_constantinople_active_at_block(number) {
        2_000
    } else if spec.is_byzantium_active_at_block(number) {
        3_000
    } else {
        5_000
    };
    U256::from(finney) * U256::from(FINNEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuance(spec: &ChainSpec, number: u64, ommers: &[u64]) -> [String; 3] {
        let header = Header { number, ..Header::default() };
        let ommers = ommers.iter().map(|number| Header { number: *number, ..Header::default() });
        let body = BlockBody { ommers: ommers.collect(), ..BlockBody::default() };
        let rewards = Issuance::of(spec, &header, &body);
        [rewards.block_reward, rewards.uncle_reward, rewards.issuance].map(|sum| sum.0.to_string())
    }

    #[test]
    fn rewards_shrink_with_the_forks_and_late_ommers_get_less() {
        let json = r#"{
            "config": {
                "chainId": 7, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0,
                "eip158Block": 0, "byzantiumBlock": 10, "constantinopleBlock": 20,
                "petersburgBlock": 20
            },
            "nonce": "0x0", "timestamp": "0x1", "extraData": "0x", "gasLimit": "0x1c9c380",
            "difficulty": "0x1", "alloc": {}
        }"#;
        let spec = ChainSpec::from_genesis_json(json).unwrap();
        let ether = |number: u64| format!("{number}000000000000000000");
        assert_eq!(issuance(&spec, 9, &[]), [ether(5), "0".into(), ether(5)]);
        assert_eq!(issuance(&spec, 19, &[]), [ether(3), "0".into(), ether(3)]);
        // 2 and two thirty-seconds; seven eighths and one quarter of 2.
        let late = issuance(&spec, 20, &[19, 14]);
        assert_eq!(late, ["2125000000000000000", "2250000000000000000", "4375000000000000000"]);
        assert_eq!(issuance(&spec, 0, &[])[2], "0");
        let merged = ChainSpec::dev().unwrap();
        assert_eq!(issuance(&merged, 1, &[])[2], "0");
    }
}
