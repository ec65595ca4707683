//! The values that fields have, by go-ethereum's `hexutil`.

use crate::params::digits;
use alloy_primitives::{U256, hex};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use std::fmt;

/// A string, read where it stands.
struct Text<T>(fn(&str) -> Result<T, &'static str>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hexadecimal string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// A number of at most 256 bits. An empty string is zero, but `0x` is none.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) U256);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(number)).map(Self)
    }
}

impl Number {
    /// At most the largest: whoever names a higher price cannot pay this one either.
    pub(super) fn saturating<T>(self) -> T
    where
        U256: alloy_primitives::ruint::UintTryTo<T>,
    {
        self.0.saturating_to()
    }
}

fn number(text: &str) -> Result<U256, &'static str> {
    if text.is_empty() {
        return Ok(U256::ZERO);
    }
    let digits = digits(text)?;
    match digits.as_bytes() {
        [] => return Err("hex string \"0x\""),
        [b'0', _, ..] => return Err("hex number with leading zero digits"),
        [..] if digits.len() > 64 => return Err("hex number > 256 bits"),
        _ => {}
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("invalid hex string");
    }
    U256::from_str_radix(digits, 16).map_err(|_| "invalid hex string")
}

/// A number of at most 64 bits.
#[derive(Clone, Copy)]
pub(super) struct Number64(pub(super) u64);

impl<'de> Deserialize<'de> for Number64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| u64::try_from(number(text)?).map_err(|_| "hex number > 64 bits");
        deserializer.deserialize_str(Text(read)).map(Self)
    }
}

/// Any number of bytes. An empty string is none.
pub(super) struct Data(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(data)).map(Self)
    }
}

fn data(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let digits = digits(text)?;
    if digits.len() % 2 == 1 {
        return Err("hex string of odd length");
    }
    // A second prefix is none.
    if digits.contains(['x', 'X']) {
        return Err("invalid hex string");
    }
    hex::decode(digits).map_err(|_| "invalid hex string")
}

/// Exactly `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fixed<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(fixed)).map(Self)
    }
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], &'static str> {
    let digits = digits(text)?;
    if digits.len() != 2 * N {
        return Err(if N == 20 { "want 20 bytes in hex" } else { "want 32 bytes in hex" });
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| "invalid hex string")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_as_strict_as_go_ethereum() {
        assert_eq!(number("0xff"), Ok(U256::from(255)));
        assert_eq!(number("0XFF"), Ok(U256::from(255)));
        assert_eq!(number(""), Ok(U256::ZERO));
        let longest = format!("0x{}", "f".repeat(64));
        assert_eq!(number(&longest), Ok(U256::MAX));
        for bad in
            ["0x", "0x00", "0x01", "1", "0xg", "0x0x1", "0x+1", "-0x1", &format!("{longest}0")]
        {
            assert!(number(bad).is_err(), "{bad}");
        }
        assert_eq!(data("0XaB01"), Ok(vec![0xab, 1]));
        assert_eq!((data("0x"), data("")), (Ok(vec![]), Ok(vec![])));
        for bad in ["ab", "0xa", "0xzz", "0x0xab"] {
            assert!(data(bad).is_err(), "{bad}");
        }
        assert_eq!(fixed::<20>(&format!("0X{}", "aB".repeat(20))), Ok([0xab; 20]));
        for bad in ["", "0x", &"ab".repeat(20), &format!("0x0x{}", "ab".repeat(19))] {
            assert!(fixed::<20>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_strings_are_values() {
        for bad in ["1", "null", "{}", "[]", "true"] {
            assert!(serde_json::from_str::<Number>(bad).is_err(), "{bad}");
            assert!(serde_json::from_str::<Data>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Number64>("\"0x10000000000000000\"").is_err());
        assert_eq!(serde_json::from_str::<Number64>("\"0xffffffffffffffff\"").unwrap().0, u64::MAX);
    }
}
