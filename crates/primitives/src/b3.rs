//! Content identifiers of our own artefacts (snapshots, audit records): BLAKE3, written `b3:<hex>`.

use alloy_primitives::{B256, hex};
use std::{fmt, str::FromStr};

/// A BLAKE3 digest (32 bytes), displayed as `b3:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct B3Id(B256);

/// What was wrong with the text of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseB3IdError {
    /// The `b3:` prefix is missing.
    #[error("a BLAKE3 identifier starts with \"b3:\"")]
    Prefix,
    /// The rest is not 64 lower-case hexadecimal digits.
    #[error("a BLAKE3 identifier has 64 lower-case hexadecimal digits after \"b3:\"")]
    Digits,
}

impl B3Id {
    /// The identifier of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(B256::from(*blake3::hash(content).as_bytes()))
    }

    /// The digest itself.
    pub const fn digest(&self) -> B256 {
        self.0
    }
}

impl From<B256> for B3Id {
    fn from(digest: B256) -> Self {
        Self(digest)
    }
}

impl fmt::Display for B3Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for B3Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for B3Id {
    type Err = ParseB3IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("b3:").ok_or(ParseB3IdError::Prefix)?;
        let lower = digits.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        if digits.len() != 64 || !lower {
            return Err(ParseB3IdError::Digits);
        }
        let mut digest = B256::ZERO;
        hex::decode_to_slice(digits, digest.as_mut_slice()).map_err(|_| ParseB3IdError::Digits)?;
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_is_strict() {
        let id = B3Id::of(b"");
        // BLAKE3 of the empty string, from the reference test vectors.
        let text = "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse::<B3Id>(), Ok(id));
        assert_eq!(text[3..].parse::<B3Id>(), Err(ParseB3IdError::Prefix));
        assert_eq!(text.to_uppercase().parse::<B3Id>(), Err(ParseB3IdError::Prefix));
        assert_eq!(text[..66].parse::<B3Id>(), Err(ParseB3IdError::Digits));
        let upper = format!("b3:{}", text[3..].to_uppercase());
        assert_eq!(upper.parse::<B3Id>(), Err(ParseB3IdError::Digits));
    }
}
