//! Reading positional parameters, strictly, with errors that name the position.

use crate::{block_id::BlockId, error::RpcError};
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{fmt, marker::PhantomData};

/// The positional parameters of one request. A missing one and `null` are the same.
pub(crate) struct Args<'a>(Vec<&'a RawValue>);

impl<'a> Args<'a> {
    /// # Errors
    /// The parameters are not a list, or there are more than `most` of them.
    pub(crate) fn parse(params: Option<&'a str>, most: usize) -> Result<Self, RpcError> {
        let values = match params.map(str::trim) {
            None | Some("" | "null") => Vec::new(),
            Some(text) => list::<&RawValue>(text, most)
                .map_err(|_| RpcError::ArgumentsNotArray)?
                .ok_or(RpcError::TooManyArguments { most })?,
        };
        Ok(Self(values))
    }

    /// Refuses more than `most` parameters, where that depends on one of them.
    pub(crate) fn at_most(&self, most: usize) -> Result<(), RpcError> {
        if self.0.len() > most { Err(RpcError::TooManyArguments { most }) } else { Ok(()) }
    }

    /// The JSON of a parameter, unless it is missing.
    pub(crate) fn json(&self, index: usize) -> Option<&'a str> {
        self.0.get(index).map(|value| value.get()).filter(|text| *text != "null")
    }

    fn required(&self, index: usize) -> Result<&'a str, RpcError> {
        self.json(index).ok_or(RpcError::MissingArgument { index })
    }

    /// A parameter of any type; none when it is missing.
    pub(crate) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
    ) -> Result<Option<T>, RpcError> {
        let Some(text) = self.json(index) else { return Ok(None) };
        match serde_json::from_str(text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(RpcError::argument(index, without_position(&error))),
        }
    }

    /// A parameter of any type.
    pub(crate) fn value<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or(RpcError::MissingArgument { index })
    }

    /// A list of at most `most` elements; none when there are more.
    pub(crate) fn list<T: Deserialize<'a>>(
        &self,
        index: usize,
        most: usize,
    ) -> Result<Option<Vec<T>>, RpcError> {
        list(self.required(index)?, most)
            .map_err(|error| RpcError::argument(index, without_position(&error)))
    }

    /// A parameter that `read` reads; none when it is missing.
    pub(crate) fn read<T>(
        &self,
        index: usize,
        read: impl FnOnce(&'a RawValue) -> Result<Option<T>, serde_json::Error>,
    ) -> Result<Option<T>, RpcError> {
        let Some(value) = self.0.get(index) else { return Ok(None) };
        read(value).map_err(|error| RpcError::argument(index, without_position(&error)))
    }

    /// 20 bytes.
    pub(crate) fn address(&self, index: usize) -> Result<Address, RpcError> {
        fixed(self.required(index)?).map(Address::from).map_err(|e| RpcError::argument(index, e))
    }

    /// 32 bytes.
    pub(crate) fn hash(&self, index: usize) -> Result<B256, RpcError> {
        fixed(self.required(index)?).map(B256::from).map_err(|e| RpcError::argument(index, e))
    }

    /// Any number of bytes.
    pub(crate) fn data(&self, index: usize) -> Result<Bytes, RpcError> {
        data(self.required(index)?).map_err(|e| RpcError::argument(index, e))
    }

    /// The digits of a byte string, without prefix and unread, to look at its length first.
    pub(crate) fn hex_digits(&self, index: usize) -> Result<&'a str, RpcError> {
        unquote(self.required(index)?)
            .and_then(digits)
            .map_err(|reason| RpcError::argument(index, reason))
    }

    /// A number without leading zeros, of at most 64 bits.
    pub(crate) fn quantity(&self, index: usize) -> Result<u64, RpcError> {
        unquote(self.required(index)?)
            .and_then(quantity)
            .map_err(|reason| RpcError::argument(index, reason))
    }

    /// A storage slot: up to 32 bytes in hexadecimal, with or without leading zeros.
    pub(crate) fn slot(&self, index: usize) -> Result<U256, RpcError> {
        unquote(self.required(index)?).and_then(slot).map_err(|reason| {
            RpcError::argument(index, format!("unable to decode storage key: {reason}"))
        })
    }

    /// A block; the latest when the parameter is missing.
    pub(crate) fn block_or_latest(&self, index: usize) -> Result<BlockId, RpcError> {
        self.json(index).map_or(Ok(BlockId::Latest), |text| {
            BlockId::parse(text).map_err(|reason| RpcError::argument(index, reason))
        })
    }

    /// A block.
    pub(crate) fn block(&self, index: usize) -> Result<BlockId, RpcError> {
        BlockId::parse(self.required(index)?).map_err(|reason| RpcError::argument(index, reason))
    }

    /// A block's number or tag, but not its hash.
    pub(crate) fn block_number(&self, index: usize) -> Result<BlockId, RpcError> {
        BlockId::parse_number(self.required(index)?)
            .map_err(|reason| RpcError::argument(index, reason))
    }
}

const NO_PREFIX: &str = "hex string without 0x prefix";

/// What follows the prefix.
pub(crate) fn digits(text: &str) -> Result<&str, &'static str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(NO_PREFIX)
}

/// Reads a list; none if it has more than `most` elements, of which only so many are kept.
pub(crate) fn list<'a, T: Deserialize<'a>>(
    json: &'a str,
    most: usize,
) -> Result<Option<Vec<T>>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let list = reader.deserialize_seq(AtMost { most, element: PhantomData })?;
    reader.end()?;
    Ok(list)
}

struct AtMost<T> {
    most: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.most {
            match list.next_element()? {
                Some(element) => elements.push(element),
                None => return Ok(Some(elements)),
            }
        }
        let mut is_longer = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_longer = true;
        }
        Ok((!is_longer).then_some(elements))
    }
}

/// The content of a JSON string without escapes, which is all that hexadecimal needs.
pub(crate) fn unquote(json: &str) -> Result<&str, &'static str> {
    json.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .filter(|text| !text.contains('\\'))
        .ok_or("a string is expected here")
}

/// A quantity as execution-apis defines it.
pub(crate) fn quantity(text: &str) -> Result<u64, &'static str> {
    let digits = digits(text)?;
    match digits.as_bytes() {
        [] => return Err("hex string \"0x\""),
        [b'0', _, ..] => return Err("hex number with leading zero digits"),
        _ => {}
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("invalid hex string");
    }
    u64::from_str_radix(digits, 16).map_err(|_| "hex number > 64 bits")
}

/// Exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(json: &str) -> Result<[u8; N], String> {
    let digits = digits(unquote(json)?)?;
    if digits.len() != 2 * N {
        return Err(format!("hex string has length {}, want {}", digits.len(), 2 * N));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| "invalid hex string")?;
    Ok(bytes)
}

fn data(json: &str) -> Result<Bytes, &'static str> {
    let digits = digits(unquote(json)?)?;
    if digits.len() % 2 == 1 {
        return Err("hex string of odd length");
    }
    hex::decode(digits).map(Bytes::from).map_err(|_| "invalid hex string")
}

/// A storage slot: up to 32 bytes in hexadecimal, with or without leading zeros.
pub(crate) fn slot(text: &str) -> Result<U256, &'static str> {
    let digits = digits(text).unwrap_or(text);
    if digits.len() > 64 {
        return Err("hex string too long, want at most 32 bytes");
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("hex string invalid");
    }
    if digits.is_empty() {
        return Ok(U256::ZERO);
    }
    U256::from_str_radix(digits, 16).map_err(|_| "hex string invalid")
}

/// What serde says, without the position in a text that the caller did not write as such.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(json: &str) -> Args<'_> {
        Args::parse(Some(json), 3).unwrap()
    }

    fn reason<T: std::fmt::Debug>(result: Result<T, RpcError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn missing_and_null_are_the_same() {
        for json in ["[]", "[null]"] {
            assert_eq!(reason(args(json).hash(0)), "missing value for required argument 0");
            assert!(args(json).optional::<bool>(0).unwrap().is_none());
        }
        assert!(Args::parse(None, 0).is_ok());
        assert!(matches!(Args::parse(Some("{}"), 3), Err(RpcError::ArgumentsNotArray)));
        assert!(matches!(
            Args::parse(Some("[1,2]"), 1),
            Err(RpcError::TooManyArguments { most: 1 })
        ));
    }

    #[test]
    fn lists_are_bounded_while_they_are_read() {
        assert_eq!(list::<u8>("[1,2]", 2).unwrap(), Some(vec![1, 2]));
        // What is beyond the bound is no longer looked at.
        assert_eq!(list::<u8>("[1,2,\"x\"]", 2).unwrap(), None);
        assert_eq!(list::<u8>("[]", 0).unwrap(), Some(vec![]));
        for bad in ["[1", "[1]x", "{}", "[1,\"x\"]", "[1,2,"] {
            assert!(list::<u8>(bad, 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn quantities_are_strict() {
        assert_eq!(quantity("0x0"), Ok(0));
        assert_eq!(quantity("0Xa"), Ok(10));
        assert_eq!(quantity("0xffffffffffffffff"), Ok(u64::MAX));
        for bad in ["", "1", "0x", "0x00", "0x01", "0xg", "0x+1", "0x10000000000000000"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_strict_and_slots_are_not() {
        let hash = format!("[\"0x{}\"]", "ab".repeat(32));
        assert_eq!(args(&hash).hash(0).unwrap(), B256::repeat_byte(0xab));
        for bad in ["\"0x\"", "\"ab\"", "\"0xzz\"", "7", "\"0x\\u0061b\""] {
            let json = format!("[{bad}]");
            assert!(args(&json).hash(0).is_err(), "{bad}");
        }
        assert_eq!(
            reason(args("[\"0xabc\"]").data(0)),
            "invalid argument 0: hex string of odd length"
        );
        assert_eq!(args("[\"0x\"]").data(0).unwrap(), Bytes::new());
        assert_eq!(args("[\"0XaB\"]").data(0).unwrap(), Bytes::from_static(&[0xab]));
        assert_eq!(args("[\"0X1\"]").slot(0).unwrap(), U256::ONE);
        assert_eq!(args("[\"0x0\"]").slot(0).unwrap(), U256::ZERO);
        assert_eq!(args("[\"0x010\"]").slot(0).unwrap(), U256::from(16));
        let long = format!("[\"0x{}\"]", "0".repeat(65));
        assert!(reason(args(&long).slot(0)).contains("too long"));
        assert!(reason(args("[\"0xasdf\"]").slot(0)).contains("hex string invalid"));
    }
}
