//! What can be wrong with keys, and what to do about it.

use super::registration::RegistrationError;
use std::{io, path::PathBuf};

/// Why keys were not made, read or shown.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or directory could not be used.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// New keys would stand beside something else.
    #[error("{path} is not empty; keys are never overwritten: name a new directory")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Others than the owner can use a file, or put one in its place.
    #[error("{path} has mode {mode:04o}; a secret is for its owner alone: chmod {wanted} {path}")]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What would do.
        wanted: &'static str,
    },
    /// A file that is no key file.
    #[error("{path} is not a key file: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key in the place of another.
    #[error("{path} {reason}; put back the files as `mfenx keys new` wrote them")]
    Mixed {
        /// The file.
        path: PathBuf,
        /// What does not belong together.
        reason: String,
    },
    /// An encrypted key, and no passphrase.
    #[error("{path} is encrypted; name the file of its passphrase with --passphrase-file")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is not the one of the file, or the file was changed.
    #[error("the passphrase does not open {path}: it is another one, or the file was changed")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that cannot be one.
    #[error("{path}: {reason}")]
    Passphrase {
        /// The file it stands in.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Every key is encrypted already.
    #[error("the keys in {path} are encrypted already")]
    AlreadyEncrypted {
        /// The directory.
        path: PathBuf,
    },
    /// Encryption itself failed; too little memory, most likely.
    #[error("cannot derive a key from the passphrase: {0}")]
    Derivation(String),
    /// The system has no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
    /// A secret that is no key of its curve; a defect or a damaged file.
    #[error("{path} holds no valid secret key")]
    Secret {
        /// The file.
        path: PathBuf,
    },
    /// Registration data that does not prove what it says.
    #[error("{origin}: {source}")]
    Registration {
        /// The file.
        origin: PathBuf,
        /// Why not.
        source: RegistrationError,
    },
}
