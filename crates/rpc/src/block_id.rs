//! Naming a block: by tag, number or hash, also in the form of EIP-1898.

use crate::{
    error::RpcError,
    params::{fixed, quantity, unquote, without_position},
};
use alloy_primitives::B256;
use mfenx_primitives::SealedHeader;
use mfenx_storage::{Reader, StateView};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A block as a caller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockId {
    /// `latest`, `safe` and `finalized`: the head, for a committed block is decided for good.
    Latest,
    /// `earliest`: the genesis block.
    Earliest,
    /// `pending`: the block that is being made; here it stands for the head. The block itself and
    /// its state are in [`crate::pending`].
    Pending,
    /// A height.
    Number(u64),
    /// A hash. The store has no other blocks than canonical ones, so `requireCanonical` is read
    /// and makes no difference.
    Hash(B256),
}

/// EIP-1898.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockObject<'a> {
    #[serde(borrow, default)]
    block_hash: Option<&'a RawValue>,
    #[serde(borrow, default)]
    block_number: Option<&'a RawValue>,
    #[serde(default, rename = "requireCanonical")]
    _require_canonical: Option<bool>,
}

impl BlockId {
    /// Reads a tag, a number, a hash, or an object of EIP-1898.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        if !json.starts_with('{') {
            // 0x and 64 digits between quotes.
            return if json.len() == 68 {
                fixed(json).map(|hash| Self::Hash(B256::from(hash)))
            } else {
                Self::parse_number(json)
            };
        }
        let object: BlockObject<'_> =
            serde_json::from_str(json).map_err(|error| without_position(&error))?;
        match (object.block_hash, object.block_number) {
            (Some(_), Some(_)) => {
                Err("cannot specify both BlockHash and BlockNumber, choose one or the other".into())
            }
            (Some(hash), None) => fixed(hash.get()).map(|hash| Self::Hash(B256::from(hash))),
            (None, Some(number)) => Self::parse_number(number.get()),
            (None, None) => Err("an object here has blockHash or blockNumber".into()),
        }
    }

    /// Reads a tag or a number.
    pub(crate) fn parse_number(json: &str) -> Result<Self, String> {
        // go-ethereum takes a bare number for a string without prefix, and so do we.
        let text =
            if json.starts_with(|c: char| c.is_ascii_digit()) { json } else { unquote(json)? };
        match text {
            "latest" | "safe" | "finalized" => return Ok(Self::Latest),
            "earliest" => return Ok(Self::Earliest),
            "pending" => return Ok(Self::Pending),
            _ => {}
        }
        let number = quantity(text)?;
        if i64::try_from(number).is_err() {
            return Err("block number larger than int64".into());
        }
        Ok(Self::Number(number))
    }

    /// The number of the block in the snapshot of `reader`; none when there is no such block.
    pub(crate) fn number(self, reader: &Reader) -> Result<Option<u64>, RpcError> {
        Ok(match self {
            Self::Latest | Self::Pending => Some(reader.head()?.number),
            Self::Earliest => Some(0),
            Self::Number(number) => (number <= reader.head()?.number).then_some(number),
            Self::Hash(hash) => reader.block_number(hash)?,
        })
    }

    /// The number of a block that must be there.
    pub(crate) fn existing_number(self, reader: &Reader) -> Result<u64, RpcError> {
        self.number(reader)?.ok_or(match self {
            Self::Hash(_) => RpcError::HashNotFound,
            Self::Latest | Self::Earliest | Self::Pending | Self::Number(_) => {
                RpcError::HeaderNotFound
            }
        })
    }

    /// The header of a block that must be there.
    pub(crate) fn header(self, reader: &Reader) -> Result<SealedHeader, RpcError> {
        let number = self.existing_number(reader)?;
        reader.header(number)?.ok_or(RpcError::HeaderNotFound)
    }

    /// The stored state after a block that must be there; for `pending` the head's.
    pub(crate) fn state(self, reader: &Reader) -> Result<StateView<'_>, RpcError> {
        state_after(reader, self.existing_number(reader)?)
    }
}

/// The state after block `number`.
pub(crate) fn state_after(reader: &Reader, number: u64) -> Result<StateView<'_>, RpcError> {
    if number == reader.head()?.number {
        return Ok(reader.shared_latest_state());
    }
    Ok(reader.state_at(number)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let hash = B256::repeat_byte(7);
        for (json, id) in [
            ("\"latest\"".to_owned(), BlockId::Latest),
            ("\"safe\"".to_owned(), BlockId::Latest),
            ("\"finalized\"".to_owned(), BlockId::Latest),
            ("\"earliest\"".to_owned(), BlockId::Earliest),
            ("\"pending\"".to_owned(), BlockId::Pending),
            ("\"0x10\"".to_owned(), BlockId::Number(16)),
            (format!("\"{hash}\""), BlockId::Hash(hash)),
            (
                format!("{{\"blockHash\":\"{hash}\",\"requireCanonical\":true}}"),
                BlockId::Hash(hash),
            ),
            ("{\"blockNumber\":\"0x1\"}".to_owned(), BlockId::Number(1)),
            ("{\"blockNumber\":\"latest\"}".to_owned(), BlockId::Latest),
        ] {
            assert_eq!(BlockId::parse(&json), Ok(id), "{json}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_known_words() {
        assert_eq!(BlockId::parse("\"2\"").unwrap_err(), "hex string without 0x prefix");
        assert_eq!(BlockId::parse("2").unwrap_err(), "hex string without 0x prefix");
        assert_eq!(
            BlockId::parse("\"0x8000000000000000\"").unwrap_err(),
            "block number larger than int64"
        );
        for json in ["{}", "[]", "true", "\"\"", "\"0x01\"", "{\"blockNumber\":{}}"] {
            assert!(BlockId::parse(json).is_err(), "{json}");
        }
        let hash = B256::ZERO;
        let both = format!("{{\"blockHash\":\"{hash}\",\"blockNumber\":\"0x1\"}}");
        assert!(BlockId::parse(&both).unwrap_err().contains("both"));
        assert!(BlockId::parse_number(&format!("\"{hash}\"")).is_err());
    }
}
