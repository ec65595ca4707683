//! Numbers in hexadecimal without leading zeros.

use alloy_primitives::U256;
use serde::{Serialize, Serializer};

/// A number as JSON-RPC writes it: `0x` and hexadecimal digits without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity<T>(pub(crate) T);

/// `0x` and 64 digits.
const LENGTH_MAX: usize = 66;

/// Writes little-endian limbs to the end of `buffer`.
fn format<'b>(limbs: &[u64], buffer: &'b mut [u8; LENGTH_MAX]) -> &'b str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let used = limbs.iter().rposition(|limb| *limb != 0).map_or(1, |top| top + 1);
    let mut start = LENGTH_MAX;
    for (index, &limb) in limbs.iter().enumerate().take(used) {
        let mut rest = limb;
        let whole = index + 1 < used;
        for digit in 0..16 {
            if !whole && rest == 0 && digit > 0 {
                break;
            }
            start -= 1;
            buffer[start] = DIGITS[(rest & 15) as usize];
            rest >>= 4;
        }
    }
    start -= 2;
    buffer[start..start + 2].copy_from_slice(b"0x");
    std::str::from_utf8(&buffer[start..]).unwrap_or_default()
}

/// Writes little-endian limbs behind what is there.
pub(super) fn append(limbs: &[u64], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format(limbs, &mut [0; LENGTH_MAX]).as_bytes());
}

impl Serialize for Quantity<u64> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(format(&[self.0], &mut [0; LENGTH_MAX]))
    }
}

impl Serialize for Quantity<u128> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limbs = [self.0 as u64, (self.0 >> 64) as u64];
        serializer.serialize_str(format(&limbs, &mut [0; LENGTH_MAX]))
    }
}

impl Serialize for Quantity<U256> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(format(self.0.as_limbs(), &mut [0; LENGTH_MAX]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json<T>(value: T) -> String
    where
        Quantity<T>: Serialize,
    {
        serde_json::to_string(&Quantity(value)).unwrap()
    }

    #[test]
    fn there_are_no_leading_zeros_and_zero_is_one_digit() {
        assert_eq!(json(0_u64), "\"0x0\"");
        assert_eq!(json(16_u64), "\"0x10\"");
        assert_eq!(json(u64::MAX), "\"0xffffffffffffffff\"");
        assert_eq!(json(1_u128 << 64), "\"0x10000000000000000\"");
        assert_eq!(json(U256::ZERO), "\"0x0\"");
        assert_eq!(json(U256::from(1) << 200), format!("\"0x1{}\"", "0".repeat(50)));
        assert_eq!(json(U256::MAX), format!("\"0x{}\"", "f".repeat(64)));
    }

    #[test]
    fn it_is_what_the_standard_library_writes() {
        let mut value = 1_u128;
        for step in 0..500_u128 {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
            assert_eq!(json(value), format!("\"{value:#x}\""));
            let small = value as u64 >> (step % 64);
            assert_eq!(json(small), format!("\"{small:#x}\""));
        }
    }
}
