//! JSON written as it comes, without a tree before it.
//!
//! Traces are deep (a thousand calls in each other) and long (a million steps): a tree of them
//! would take a multiple of the text's memory, and its recursion a lot of stack.

use crate::error::RpcError;
use alloy_primitives::{B256, U256, hex};
use serde::Serialize;

/// A finished answer: JSON, as it is sent.
#[derive(Debug)]
pub(crate) struct Json(Vec<u8>);

impl Json {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// JSON in the making. Whoever writes sees to commas and brackets.
#[derive(Debug, Default)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    /// How long it is, in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what was written.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// A piece of JSON as it is.
    #[inline]
    pub(crate) fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// What another text holds.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// A comma, unless this is the `first` of a list.
    #[inline]
    pub(crate) fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.0.push(b',');
        }
    }

    /// A number in decimal digits.
    pub(crate) fn decimal(&mut self, number: u64) {
        let (mut digits, mut start, mut rest) = ([0; 20], 20, number);
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[start..]);
    }

    /// A quantity: in hexadecimal digits without leading zeros, quoted.
    pub(crate) fn quantity(&mut self, number: U256) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.raw("\"0x");
        let nibbles = (number.bit_len().div_ceil(4)).max(1);
        for index in (0..nibbles).rev() {
            let limb = number.as_limbs()[index / 16];
            self.0.push(DIGITS[(limb >> (index % 16 * 4)) as usize & 15]);
        }
        self.0.push(b'"');
    }

    /// Bytes in hexadecimal digits, quoted.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.raw("\"0x");
        let start = self.0.len();
        self.0.resize(start + 2 * bytes.len(), b'0');
        // The place has exactly the length that is needed.
        let _ = hex::encode_to_slice(bytes, &mut self.0[start..]);
        self.0.push(b'"');
    }

    /// 32 bytes in hexadecimal digits, quoted.
    pub(crate) fn word(&mut self, word: U256) {
        self.bytes(B256::from(word).as_slice());
    }

    /// Anything that serialises.
    ///
    /// # Errors
    /// It does not, which is a defect of its type.
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), RpcError> {
        serde_json::to_writer(&mut self.0, value)
            .map_err(|error| RpcError::Internal(error.to_string()))
    }

    /// The answer.
    pub(crate) fn finish(self) -> Json {
        debug_assert!(
            serde_json::from_slice::<&serde_json::value::RawValue>(&self.0).is_ok(),
            "a trace is no JSON"
        );
        Json(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::default();
        write(&mut text);
        String::from_utf8(text.finish().0).unwrap()
    }

    #[test]
    fn numbers_and_bytes() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(written(|text| text.decimal(number)), number.to_string());
        }
        for number in [U256::ZERO, U256::from(15), U256::from(16), U256::from(1) << 64, U256::MAX] {
            assert_eq!(written(|text| text.quantity(number)), format!("\"{number:#x}\""));
        }
        assert_eq!(written(|text| text.bytes(&[])), "\"0x\"");
        assert_eq!(written(|text| text.bytes(&[1, 0xab])), "\"0x01ab\"");
        assert_eq!(written(|text| text.word(U256::from(1))), format!("\"0x{:064x}\"", 1));
    }
}
