//! The secret of an operator's account, for whoever sends the operator's transactions.

use super::{
    Passphrase,
    error::KeysError,
    file::KeyFile,
    role::{Role, operator_signer},
};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use std::{fmt, path::Path};

/// A key that signs transactions of an operator. The secret is wiped when it is dropped.
pub struct OperatorKey(PrivateKeySigner);

impl OperatorKey {
    /// Reads `operator.key`: the file, or the directory it is in.
    ///
    /// # Errors
    /// It cannot be read, is another key, or the passphrase is missing or wrong.
    pub fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, KeysError> {
        let inside = path.join(Role::Operator.file_name());
        let path = if path.is_dir() { &inside } else { path };
        let secret = KeyFile::read_file(path, Role::Operator)?.open(passphrase)?;
        let signer = operator_signer(&secret);
        signer.map(Self).ok_or_else(|| KeysError::Secret { path: path.into() })
    }

    /// The operator's account.
    pub const fn address(&self) -> Address {
        self.0.address()
    }

    /// What signs its transactions.
    pub(crate) fn signer(&self) -> PrivateKeySigner {
        self.0.clone()
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OperatorKey").field(&self.address()).finish()
    }
}
