//! The identity of a set of forks (EIP-2124, EIP-6122): a checksum of the genesis hash and of every
//! fork that has passed, for nodes that want to know whether they are on the same chain.

use crate::spec::ChainSpec;
use alloy_eips::eip2124::ForkHash;

impl ChainSpec {
    /// When forks activate by timestamp (seconds): ascending, each time once, with those that were
    /// in force at genesis.
    pub fn fork_times(&self) -> Vec<u64> {
        let config = &self.genesis().config;
        let times = [
            config.shanghai_time,
            config.cancun_time,
            config.prague_time,
            config.osaka_time,
            config.bpo1_time,
            config.bpo2_time,
            config.bpo3_time,
            config.bpo4_time,
            config.bpo5_time,
            self.compute_time(),
        ];
        ascending(times)
    }

    /// The fork hash of a block at `timestamp` (seconds) behind every fork that activates by number.
    pub fn fork_hash_at(&self, timestamp: u64) -> [u8; 4] {
        let config = &self.genesis().config;
        let numbers = [
            config.homestead_block,
            config.dao_fork_block,
            config.eip150_block,
            config.eip155_block,
            config.eip158_block,
            config.byzantium_block,
            config.constantinople_block,
            config.petersburg_block,
            config.istanbul_block,
            config.muir_glacier_block,
            config.berlin_block,
            config.london_block,
            config.arrow_glacier_block,
            config.gray_glacier_block,
            config.merge_netsplit_block,
        ];
        let mut hash = ForkHash::from(self.genesis_header().hash());
        // Rules of the genesis block are no forks.
        for number in ascending(numbers).into_iter().filter(|number| *number > 0) {
            hash += number;
        }
        let genesis_time = self.genesis_header().timestamp;
        for time in self.fork_times() {
            if time > genesis_time && time <= timestamp {
                hash += time;
            }
        }
        hash.0
    }
}

fn ascending<const N: usize>(conditions: [Option<u64>; N]) -> Vec<u64> {
    let mut conditions: Vec<u64> = conditions.into_iter().flatten().collect();
    conditions.sort_unstable();
    conditions.dedup();
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_eips::eip2124::ForkHash;

    #[test]
    fn forks_of_the_genesis_block_do_not_count() {
        let spec = ChainSpec::dev().unwrap();
        let genesis = ForkHash::from(spec.genesis_header().hash());
        assert_eq!(spec.fork_hash_at(u64::MAX), genesis.0);
    }

    #[test]
    fn forks_at_one_block_count_once_and_later_times_not_yet() {
        let json = r#"{
            "config": {
                "chainId": 7, "homesteadBlock": 0, "eip150Block": 2, "eip155Block": 3,
                "eip158Block": 3, "byzantiumBlock": 3, "constantinopleBlock": 3,
                "petersburgBlock": 3, "istanbulBlock": 3, "berlinBlock": 5, "londonBlock": 5,
                "mergeNetsplitBlock": 6, "terminalTotalDifficulty": 10, "shanghaiTime": 20,
                "cancunTime": 20, "pragueTime": 30,
                "blobSchedule": {
                    "cancun": { "target": 3, "max": 6, "baseFeeUpdateFraction": 3338477 },
                    "prague": { "target": 6, "max": 9, "baseFeeUpdateFraction": 5007716 }
                }
            },
            "nonce": "0x0", "timestamp": "0x1", "extraData": "0x", "gasLimit": "0x1c9c380",
            "difficulty": "0x1", "alloc": {}
        }"#;
        let spec = ChainSpec::from_genesis_json(json).unwrap();
        let by_number = [2_u64, 3, 5, 6];
        let mut hash = ForkHash::from(spec.genesis_header().hash());
        by_number.into_iter().for_each(|number| hash += number);
        assert_eq!(spec.fork_hash_at(19), hash.0);
        hash += 20_u64;
        assert_eq!(spec.fork_hash_at(29), hash.0);
        hash += 30_u64;
        assert_eq!(spec.fork_hash_at(30), hash.0);
        assert_eq!(spec.fork_times(), [20, 30]);
    }
}
