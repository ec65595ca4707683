//! The first thing peers tell each other, over `/mfenx/status/1`: which chain they are on, and
//! where their head is.
//!
//! 85 bytes, integers big endian: format (1), chain ID (8), genesis hash (32), version (4), number
//! of the head (8), its hash (32). The format byte stands for everything behind it.

use crate::config::ChainIdentity;
use libp2p::StreamProtocol;
use mfenx_primitives::B256;

/// Length of an encoded status, in bytes.
pub(crate) const STATUS_BYTES: usize = 85;
pub(crate) const STATUS_PROTOCOL: StreamProtocol = StreamProtocol::new("/mfenx/status/1");
const FORMAT: u8 = 1;

/// The last block somebody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Chain and head of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) chain: ChainIdentity,
    pub(crate) head: Head,
}

/// Why a peer's chain is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    ChainId,
    Genesis,
    Version,
}

impl Status {
    pub(crate) fn encode(&self) -> [u8; STATUS_BYTES] {
        let mut bytes = [0; STATUS_BYTES];
        let fields: [&[u8]; 6] = [
            &[FORMAT],
            &self.chain.chain_id.to_be_bytes(),
            self.chain.genesis_hash.as_slice(),
            &self.chain.version.to_be_bytes(),
            &self.head.number.to_be_bytes(),
            self.head.hash.as_slice(),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    /// `None` for anything but exactly one status of this format.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, rest) = bytes.split_first()? else { return None };
        let (chain_id, rest) = rest.split_first_chunk()?;
        let (genesis, rest) = rest.split_first_chunk::<32>()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let hash: &[u8; 32] = rest.try_into().ok()?;
        Some(Self {
            chain: ChainIdentity {
                chain_id: u64::from_be_bytes(*chain_id),
                genesis_hash: B256::from(*genesis),
                version: u32::from_be_bytes(*version),
            },
            head: Head { number: u64::from_be_bytes(*number), hash: B256::from(*hash) },
        })
    }
}

impl ChainIdentity {
    /// The first difference that keeps two nodes apart.
    pub(crate) fn mismatch(&self, other: &Self) -> Option<Mismatch> {
        if self.chain_id != other.chain_id {
            Some(Mismatch::ChainId)
        } else if self.genesis_hash != other.genesis_hash {
            Some(Mismatch::Genesis)
        } else if self.version != other.version {
            Some(Mismatch::Version)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status() -> impl Strategy<Value = Status> {
        (any::<u64>(), any::<[u8; 32]>(), any::<u32>(), any::<u64>(), any::<[u8; 32]>()).prop_map(
            |(chain_id, genesis, version, number, hash)| Status {
                chain: ChainIdentity { chain_id, genesis_hash: genesis.into(), version },
                head: Head { number, hash: hash.into() },
            },
        )
    }

    proptest! {
        #[test]
        fn a_status_survives_the_wire(status in status()) {
            prop_assert_eq!(Status::decode(&status.encode()), Some(status));
        }

        #[test]
        fn only_whole_statuses_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(status) = Status::decode(&bytes) {
                prop_assert_eq!(&status.encode()[..], &bytes[..]);
            }
        }
    }

    #[test]
    fn the_wire_format_is_frozen() {
        let status = Status {
            chain: ChainIdentity {
                chain_id: 0x0102,
                genesis_hash: B256::repeat_byte(0xaa),
                version: 3,
            },
            head: Head { number: 4, hash: B256::repeat_byte(0xbb) },
        };
        let mut golden = vec![1, 0, 0, 0, 0, 0, 0, 1, 2];
        golden.extend([0xaa; 32]);
        golden.extend([0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]);
        golden.extend([0xbb; 32]);
        assert_eq!(status.encode()[..], golden[..]);
        assert_eq!(Status::decode(&golden[..84]), None);
        golden.push(0);
        assert_eq!(Status::decode(&golden), None);
        golden.pop();
        golden[0] = 2;
        assert_eq!(Status::decode(&golden), None);
    }

    #[test]
    fn chains_differ_in_one_of_three_ways() {
        let ours = ChainIdentity::new(1, B256::ZERO);
        assert_eq!(ours.mismatch(&ours), None);
        let other = ChainIdentity { chain_id: 2, ..ours };
        assert_eq!(ours.mismatch(&other), Some(Mismatch::ChainId));
        let other = ChainIdentity { genesis_hash: B256::repeat_byte(1), ..ours };
        assert_eq!(ours.mismatch(&other), Some(Mismatch::Genesis));
        let other = ChainIdentity { version: 9, ..ours };
        assert_eq!(ours.mismatch(&other), Some(Mismatch::Version));
    }
}
