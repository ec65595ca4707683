//! Which logs a caller asks for.

use crate::{
    block_id::BlockId,
    input,
    params::{fixed, without_position},
};
use alloy_primitives::{Address, B256, Bloom, Log, keccak256};
use mfenx_storage::LogKey;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Topics a log can have.
const TOPICS_MAX: usize = 4;

/// Which blocks a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// The block with this hash.
    One(B256),
    /// A range with both ends.
    Range(BlockId, BlockId),
}

/// Addresses and topics to look for. Nothing named means anything will do.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogFilter {
    /// Sorted.
    addresses: Vec<Address>,
    /// By position; sorted within it.
    topics: Vec<Vec<B256>>,
    /// The bits of the addresses and topics in a bloom; of each list a block must have one value.
    bits: Vec<Vec<BloomBits>>,
}

/// Where a value sets the bits of a bloom: byte and bit as in the Yellow Paper, M3:2048. Six bytes
/// instead of the 256 of a whole bloom.
#[derive(Debug, Clone, Copy)]
struct BloomBits([u16; 3]);

impl BloomBits {
    fn of(value: &[u8]) -> Self {
        let [a, b, c, d, e, f, ..] = keccak256(value).0;
        Self([[a, b], [c, d], [e, f]].map(|pair| u16::from_be_bytes(pair) & 0x7ff))
    }

    fn are_in(self, bloom: &Bloom) -> bool {
        let bytes: &[u8; 256] = bloom.data();
        self.0.iter().all(|bit| {
            // Bit 0 is the lowest of the last byte.
            let byte = bytes.get(255 - usize::from(bit / 8)).copied().unwrap_or_default();
            byte & (1 << (bit % 8)) != 0
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterObject<'a> {
    #[serde(borrow, default)]
    from_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    to_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    block_hash: Option<&'a RawValue>,
    #[serde(borrow, default)]
    address: Option<&'a RawValue>,
    #[serde(borrow, default)]
    topics: Option<Vec<Option<&'a RawValue>>>,
}

impl LogFilter {
    /// Reads a filter object and its blocks. No list may be longer than `list_max`.
    pub(crate) fn parse(json: &str, list_max: usize) -> Result<(Self, Blocks), String> {
        let object: FilterObject<'_> =
            input::object(json).map_err(|error| without_position(&error))?;
        let blocks = match (object.block_hash, object.from_block, object.to_block) {
            (Some(hash), None, None) => Blocks::One(fixed(hash.get())?.into()),
            (Some(_), _, _) => {
                return Err("cannot specify both BlockHash and FromBlock/ToBlock, \
                            choose one or the other"
                    .into());
            }
            (None, from, to) => Blocks::Range(end(from)?, end(to)?),
        };
        let addresses = match object.address {
            None => Vec::new(),
            Some(json) => list(json, list_max)?.unwrap_or_default(),
        };
        let topics = object.topics.unwrap_or_default();
        if topics.len() > TOPICS_MAX {
            return Err(format!("exceed max topics: at most {TOPICS_MAX}"));
        }
        let topics = topics
            .into_iter()
            .map(|json| json.map_or(Ok(None), |json| list(json, list_max)))
            .map(|list| list.map(Option::unwrap_or_default))
            .collect::<Result<_, _>>()?;
        Ok((Self::new(addresses, topics), blocks))
    }

    fn new(
        addresses: Vec<[u8; Address::len_bytes()]>,
        topics: Vec<Vec<[u8; B256::len_bytes()]>>,
    ) -> Self {
        fn sorted<A: Into<T>, T: Ord>(list: Vec<A>) -> Vec<T> {
            let mut list: Vec<T> = list.into_iter().map(Into::into).collect();
            list.sort_unstable();
            list.dedup();
            list
        }
        fn bits<T: AsRef<[u8]>>(list: &[T]) -> Vec<BloomBits> {
            list.iter().map(|value| BloomBits::of(value.as_ref())).collect()
        }
        let addresses: Vec<Address> = sorted(addresses);
        let topics: Vec<Vec<B256>> = topics.into_iter().map(sorted).collect();
        let bits = std::iter::once(bits(&addresses))
            .chain(topics.iter().map(|topics| bits(topics)))
            .filter(|list| !list.is_empty())
            .collect();
        Self { addresses, topics, bits }
    }

    /// Whether every log will do.
    pub(crate) const fn is_unfiltered(&self) -> bool {
        self.bits.is_empty()
    }

    /// What a block must have logs of: one of each list.
    pub(crate) fn keys(&self) -> Vec<Vec<LogKey>> {
        let addresses = self.addresses.iter().map(|address| LogKey::Address(*address)).collect();
        let topics = (0u8..).zip(&self.topics).map(|(place, topics)| {
            topics.iter().map(|topic| LogKey::Topic(place, *topic)).collect()
        });
        let lists = std::iter::once(addresses).chain(topics);
        lists.filter(|list: &Vec<LogKey>| !list.is_empty()).collect()
    }

    /// Values in all positions together.
    pub(crate) fn topic_count(&self) -> usize {
        self.topics.iter().map(Vec::len).sum()
    }

    /// Memory it takes, roughly, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let values = self.bits.iter().map(Vec::len).sum::<usize>() * size_of::<BloomBits>();
        let addresses = self.addresses.len() * Address::len_bytes();
        size_of::<Self>() + values + addresses + self.topic_count() * B256::len_bytes()
    }

    /// Whether a block or receipt with this bloom may have a log that matches.
    pub(crate) fn may_match(&self, bloom: &Bloom) -> bool {
        self.bits.iter().all(|list| list.iter().any(|wanted| wanted.are_in(bloom)))
    }

    /// Whether a log matches.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        let topics = log.topics();
        (self.addresses.is_empty() || self.addresses.binary_search(&log.address).is_ok())
            && self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(wanted, topic)| wanted.is_empty() || wanted.binary_search(topic).is_ok())
    }
}

fn end(json: Option<&RawValue>) -> Result<BlockId, String> {
    json.map_or(Ok(BlockId::Latest), |json| BlockId::parse_number(json.get()))
}

/// One value or a list of them; none when a `null` in the list means any value.
fn list<const N: usize>(json: &RawValue, list_max: usize) -> Result<Option<Vec<[u8; N]>>, String> {
    if !json.get().starts_with('[') {
        return fixed(json.get()).map(|value| Some(vec![value]));
    }
    let values: Vec<Option<&RawValue>> =
        serde_json::from_str(json.get()).map_err(|error| without_position(&error))?;
    if values.len() > list_max {
        return Err(format!(
            "exceed max addresses or topics per search position: at most {list_max}"
        ));
    }
    values.into_iter().map(|value| value.map(|value| fixed(value.get())).transpose()).collect()
}

#[cfg(test)]
mod tests;
