//! Objects written by hand, for results with a thousand of them.
//!
//! serde_json looks at every character of a string for what must be escaped, and nothing in
//! hexadecimal must be. Here the digits are written where they are read.

use alloy_primitives::{U256, hex};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The name by which serde_json's serializer knows JSON that is written already.
const RAW: &str = "$serde_json::private::RawValue";

/// JSON as it is. Only serde_json's serializers know what to do with it.
pub(crate) struct Raw<'a>(pub(crate) &'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW, 1)?;
        raw.serialize_field(RAW, self.0)?;
        raw.end()
    }
}

/// A JSON object under construction; names are given as they stand in JSON, without quotes.
#[derive(Debug, Default)]
pub(crate) struct ObjectWriter {
    bytes: Vec<u8>,
}

impl ObjectWriter {
    /// Forgets what was written and begins anew.
    pub(crate) fn begin(&mut self) -> &mut Self {
        self.bytes.clear();
        self
    }

    fn name(&mut self, name: &str) {
        self.bytes.push(if self.bytes.is_empty() { b'{' } else { b',' });
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    /// Bytes in hexadecimal, all of them.
    pub(crate) fn data(&mut self, name: &str, data: &[u8]) -> &mut Self {
        self.name(name);
        self.bytes.extend_from_slice(b"\"0x");
        let start = self.bytes.len();
        self.bytes.resize(start + 2 * data.len(), 0);
        // The room is twice the length, which is all that can be wrong.
        let _ = hex::encode_to_slice(data, self.bytes.get_mut(start..).unwrap_or_default());
        self.bytes.push(b'"');
        self
    }

    /// Bytes in hexadecimal, or `null`.
    pub(crate) fn data_or_null(&mut self, name: &str, data: Option<&[u8]>) -> &mut Self {
        match data {
            Some(data) => self.data(name, data),
            None => self.null(name),
        }
    }

    /// A number without leading zeros.
    pub(crate) fn quantity(&mut self, name: &str, value: u128) -> &mut Self {
        let limbs = [value as u64, (value >> 64) as u64];
        self.limbs(name, &limbs)
    }

    /// A number without leading zeros, or `null`.
    pub(crate) fn quantity_or_null(&mut self, name: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.limbs(name, &[value]),
            None => self.null(name),
        }
    }

    /// A number without leading zeros, if there is one.
    pub(crate) fn quantity_if(&mut self, name: &str, value: Option<u128>) -> &mut Self {
        match value {
            Some(value) => self.quantity(name, value),
            None => self,
        }
    }

    /// A number without leading zeros.
    pub(crate) fn word(&mut self, name: &str, value: U256) -> &mut Self {
        self.limbs(name, value.as_limbs())
    }

    fn limbs(&mut self, name: &str, limbs: &[u64]) -> &mut Self {
        self.name(name);
        self.bytes.push(b'"');
        super::quantity::append(limbs, &mut self.bytes);
        self.bytes.push(b'"');
        self
    }

    pub(crate) fn null(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.bytes.extend_from_slice(b"null");
        self
    }

    /// A value that serde knows how to write, if there is one.
    pub(crate) fn value_if<T: Serialize>(&mut self, name: &str, value: Option<T>) -> &mut Self {
        let Some(value) = value else { return self };
        self.name(name);
        // Writing to a vector fails only for maps with keys that are no strings.
        let _ = serde_json::to_writer(&mut self.bytes, &value);
        self
    }

    /// The object.
    pub(crate) fn end(&mut self) -> Raw<'_> {
        self.bytes.push(b'}');
        Raw(std::str::from_utf8(&self.bytes).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_json_that_it_says() {
        let mut writer = ObjectWriter::default();
        for _ in 0..2 {
            let object = writer
                .begin()
                .data("a", &[0, 0xab])
                .data("b", &[])
                .data_or_null("c", None)
                .quantity("d", u128::from(u64::MAX) + 1)
                .quantity_or_null("e", Some(0))
                .quantity_if("f", None)
                .word("g", U256::MAX)
                .value_if("h", Some([1, 2]))
                .end();
            let expected = format!(
                "{{\"a\":\"0x00ab\",\"b\":\"0x\",\"c\":null,\"d\":\"0x10000000000000000\",\
                 \"e\":\"0x0\",\"g\":\"0x{}\",\"h\":[1,2]}}",
                "f".repeat(64)
            );
            assert_eq!(serde_json::to_string(&[&object]).unwrap(), format!("[{expected}]"));
            let value = serde_json::to_value(object).unwrap();
            assert_eq!(value["a"], "0x00ab");
        }
    }
}
