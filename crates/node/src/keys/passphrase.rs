//! Passphrases, which come from a file: a command line is seen by everybody on the machine.

use super::error::KeysError;
use std::{fmt, fs::File, io::Read, path::Path};
use zeroize::Zeroizing;

/// More is a wrong file.
const BYTES_MAX: u64 = 1_024;

/// What opens encrypted keys; wiped when dropped.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Reads a file; one line break at its end does not belong to the passphrase.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or is too long to be one.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let failed = |source| KeysError::File { path: path.into(), source };
        let wrong = |reason| KeysError::Passphrase { path: path.into(), reason };
        // With room for all of it from the beginning, nothing is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize + 2));
        let file = File::open(path).map_err(failed)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(wrong("a passphrase has at most 1024 bytes; is this another file?"));
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(wrong("the passphrase is empty; write one into the file"));
        }
        Ok(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
