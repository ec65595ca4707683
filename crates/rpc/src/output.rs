//! Answers as they are written: straight from values to the bytes that are sent.

use crate::{error::RpcError, request::RequestId};
use jsonrpsee::types::ErrorObjectOwned;
use serde::Serialize;
use std::io;

/// Errors up to this long, in bytes without their identifier, are always written.
const REFUSAL_BYTES_MAX: usize = 1_024;

/// The bytes of an answer, at most so many.
#[derive(Debug)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    bytes_max: usize,
    overflowed: bool,
}

impl Output {
    /// Nothing yet.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, overflowed: false }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes the answer to a request: what `run` writes, or the error that it returns. The code of
    /// the error, if it is one.
    pub(crate) fn answer(
        &mut self,
        id: RequestId<'_>,
        run: impl FnOnce(&mut Self) -> Result<(), RpcError>,
    ) -> Option<i32> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        self.bytes.extend_from_slice(id.json().as_bytes());
        self.bytes.extend_from_slice(b",\"result\":");
        let bytes_max = self.bytes_max;
        let written = run(self).and_then(|()| {
            self.bytes.push(b'}');
            let fits = self.bytes.len() <= bytes_max;
            self.overflowed |= !fits;
            fits.then_some(()).ok_or(RpcError::ResponseTooLarge { bytes_max })
        });
        match written {
            Ok(()) => None,
            Err(error) => {
                self.bytes.truncate(start);
                Some(self.refuse(id, error))
            }
        }
    }

    /// Writes a result.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) fn result<T: Serialize>(&mut self, value: &T) -> Result<(), RpcError> {
        let bytes_max = self.bytes_max;
        serde_json::to_writer(Bounded(self), value).map_err(|error| {
            if error.is_io() {
                self.overflowed = true;
                RpcError::ResponseTooLarge { bytes_max }
            } else {
                RpcError::Internal(format!("a result cannot be written: {error}"))
            }
        })
    }

    /// Writes a result that is JSON already.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) fn json(&mut self, json: &[u8]) -> Result<(), RpcError> {
        if self.bytes.len().saturating_add(json.len()) > self.bytes_max {
            self.overflowed = true;
            return Err(RpcError::ResponseTooLarge { bytes_max: self.bytes_max });
        }
        self.bytes.extend_from_slice(json);
        Ok(())
    }

    /// Writes an answer that is an error; there is always room for one that carries little. Its
    /// code.
    pub(crate) fn refuse(&mut self, id: RequestId<'_>, error: RpcError) -> i32 {
        let start = self.bytes.len();
        let code = self.write_error(id, error);
        let written = self.bytes.len() - start;
        if self.bytes.len() <= self.bytes_max || written <= id.json().len() + REFUSAL_BYTES_MAX {
            return code;
        }
        self.bytes.truncate(start);
        self.overflowed = true;
        self.write_error(id, RpcError::ResponseTooLarge { bytes_max: self.bytes_max })
    }

    fn write_error(&mut self, id: RequestId<'_>, error: RpcError) -> i32 {
        let error = ErrorObjectOwned::from(error);
        self.bytes.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        self.bytes.extend_from_slice(id.json().as_bytes());
        self.bytes.extend_from_slice(b",\"error\":");
        // Code, message and data are numbers and strings, which can always be written.
        let _ = serde_json::to_writer(&mut self.bytes, &error);
        self.bytes.push(b'}');
        error.code()
    }

    /// Whether something was too long for what was left.
    pub(crate) const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Marks that something was too long, which was written elsewhere.
    pub(crate) const fn overflow(&mut self) {
        self.overflowed = true;
    }

    /// Bytes that may still be written.
    pub(crate) const fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.bytes.len())
    }

    /// Writes what holds the answers of a batch together; it is not counted.
    pub(crate) fn frame(&mut self, json: u8) {
        self.bytes.push(json);
        self.bytes_max = self.bytes_max.saturating_add(1);
    }

    /// Writes JSON as it is.
    pub(crate) fn raw(&mut self, json: &[u8]) {
        self.bytes.extend_from_slice(json);
    }

    /// Writes JSON as it is, without copying it if there is nothing yet.
    pub(crate) fn append(&mut self, json: Vec<u8>) {
        if self.bytes.is_empty() {
            self.bytes = json;
        } else {
            self.bytes.extend_from_slice(&json);
        }
    }

    /// Takes back what was written after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }
}

struct Bounded<'o>(&'o mut Output);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.0.bytes.len().saturating_add(bytes.len()) > self.0.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_too_long_leaves_an_error_behind_and_nothing_else() {
        let mut output = Output::new(100);
        assert_eq!(output.answer(RequestId::NULL, |out| out.result(&[1, 2])), None);
        let first = output.len();
        let code = output.answer(RequestId::NULL, |out| out.result(&"x".repeat(100)));
        assert_eq!(code, Some(-32003));
        let bytes = output.into_bytes();
        let (first, second) = bytes.split_at(first);
        assert_eq!(first, br#"{"jsonrpc":"2.0","id":null,"result":[1,2]}"#);
        let error: serde_json::Value = serde_json::from_slice(second).unwrap();
        assert_eq!(error["error"]["code"], -32003);
    }

    #[test]
    fn an_error_that_carries_too_much_becomes_a_short_one() {
        let mut output = Output::new(10_000);
        let reverted = |bytes: usize| RpcError::Reverted { output: vec![1; bytes].into() };
        assert_eq!(output.refuse(RequestId::NULL, reverted(4_000)), 3);
        assert!(!output.overflowed());
        let first = output.len();
        assert_eq!(output.refuse(RequestId::NULL, reverted(4_000)), -32003);
        assert!(output.overflowed());
        assert!(output.len() < first + 200);
        // A short one is always written.
        let mut full = Output::new(0);
        assert_eq!(full.refuse(RequestId::NULL, reverted(4)), 3);
        assert!(!full.overflowed());
    }
}
