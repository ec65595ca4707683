//! One key file: JSON with the role, the public part, and the secret, in the clear or encrypted.

use super::{
    Passphrase, Secret,
    error::KeysError,
    role::{PublicPart, Role},
    seal::Sealed,
};
use alloy_primitives::hex;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

const VERSION: u32 = 1;
/// A key file has less than 1 KiB.
const BYTES_MAX: u64 = 8 << 10;

/// A key file that was read, or is to be written.
#[derive(Debug)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
    pub(crate) public: PublicPart,
    kept: Kept,
}

/// The secret as it is kept.
enum Kept {
    Plain(Secret),
    Sealed(Box<Sealed>),
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Sealed(_) => "Sealed(..)",
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
    version: u32,
    role: Role,
    public: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sealed: Option<Box<Sealed>>,
}

impl Drop for Text {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl KeyFile {
    /// A key of `secret` for `directory`, encrypted when there is a passphrase.
    pub(crate) fn make(
        directory: &Path,
        role: Role,
        secret: Secret,
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, KeysError> {
        let path = directory.join(role.file_name());
        let public = role.public_of(&secret);
        let public = public.ok_or_else(|| KeysError::Secret { path: path.clone() })?;
        let file = Self { path, role, public, kept: Kept::Plain(secret) };
        match passphrase {
            Some(passphrase) => file.sealed(passphrase),
            None => Ok(file),
        }
    }

    /// The same key encrypted; what is encrypted already stays as it is.
    pub(crate) fn sealed(self, passphrase: &Passphrase) -> Result<Self, KeysError> {
        let kept = match self.kept {
            Kept::Plain(secret) => {
                let public = authenticated(self.role, &self.public);
                Kept::Sealed(Box::new(Sealed::seal(&secret, &public, passphrase)?))
            }
            Kept::Sealed(sealed) => Kept::Sealed(sealed),
        };
        Ok(Self { kept, ..self })
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        matches!(self.kept, Kept::Sealed(_))
    }

    /// The secret, which is checked to be that of the public part.
    pub(crate) fn open(&self, passphrase: Option<&Passphrase>) -> Result<Secret, KeysError> {
        let path = || self.path.clone();
        let secret = match (&self.kept, passphrase) {
            (Kept::Plain(secret), _) => secret.clone(),
            (Kept::Sealed(_), None) => return Err(KeysError::Locked { path: path() }),
            (Kept::Sealed(sealed), Some(passphrase)) => sealed
                .open(&authenticated(self.role, &self.public), passphrase)?
                .ok_or_else(|| KeysError::WrongPassphrase { path: path() })?,
        };
        match self.role.public_of(&secret) {
            Some(public) if public == self.public => Ok(secret),
            Some(_) => {
                let reason = "names a public key that is not the one of its secret".into();
                Err(KeysError::Mixed { path: path(), reason })
            }
            None => Err(KeysError::Secret { path: path() }),
        }
    }

    /// Reads the key of `role` in `directory`, which nobody but its owner may be able to read.
    pub(crate) fn read(directory: &Path, role: Role) -> Result<Self, KeysError> {
        Self::read_file(&directory.join(role.file_name()), role)
    }

    /// The same of a file that may have another name.
    pub(crate) fn read_file(path: &Path, role: Role) -> Result<Self, KeysError> {
        let path = path.to_owned();
        let failed = |source| KeysError::File { path: path.clone(), source };
        let wrong = |reason: String| KeysError::Format { path: path.clone(), reason };
        let file = File::open(&path).map_err(failed)?;
        check_mode(&path, file.metadata().map_err(failed)?.permissions().mode(), 0o077, "600")?;
        let mut json = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize + 2));
        file.take(BYTES_MAX + 1).read_to_end(&mut json).map_err(failed)?;
        if json.len() as u64 > BYTES_MAX {
            return Err(wrong("it is too long".into()));
        }
        let text: Text = serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))?;
        if text.version != VERSION {
            return Err(wrong(format!("its version is {}; this program reads 1", text.version)));
        }
        if text.role != role {
            let reason = format!("holds the {} key, not the {} key", text.role.name(), role.name());
            return Err(KeysError::Mixed { path, reason });
        }
        let public = role.parse_public(&text.public).map_err(wrong)?;
        let kept = match (&text.secret, &text.sealed) {
            (Some(secret), None) => Kept::Plain(
                plain(secret).ok_or_else(|| wrong("`secret` is 0x and 64 hex digits".into()))?,
            ),
            (None, Some(sealed)) if sealed.is_sane() => Kept::Sealed(sealed.clone()),
            (None, Some(_)) => return Err(wrong("`sealed` has a value out of range".into())),
            _ => return Err(wrong("it has either `secret` or `sealed`".into())),
        };
        Ok(Self { path, role, public, kept })
    }

    /// Writes a file that must not exist yet.
    pub(crate) fn write_new(&self) -> Result<(), KeysError> {
        self.write_to(&self.path)
    }

    /// Puts the file in the place of the one that is there, all at once.
    pub(crate) fn replace(&self) -> Result<(), KeysError> {
        let new = self.path.with_extension("key.new");
        let failed = |source| KeysError::File { path: new.clone(), source };
        // Left by a process that was killed before it could rename it.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        self.write_to(&new)?;
        fs::rename(&new, &self.path).map_err(failed)
    }

    fn write_to(&self, path: &Path) -> Result<(), KeysError> {
        let json = self.to_json()?;
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&json)?;
            file.sync_all()
        };
        write().map_err(|source| KeysError::File { path: path.into(), source })
    }

    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let (secret, sealed) = match &self.kept {
            Kept::Plain(secret) => (Some(hex::encode_prefixed(secret.as_slice())), None),
            Kept::Sealed(sealed) => (None, Some(sealed.clone())),
        };
        let public = self.public.to_text();
        let text = Text { version: VERSION, role: self.role, public, secret, sealed };
        let mut json = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize));
        serde_json::to_writer_pretty(&mut *json, &text).map_err(|error| KeysError::Format {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        json.push(b'\n');
        Ok(json)
    }
}

/// What the encryption of a secret vouches for besides the secret.
fn authenticated(role: Role, public: &PublicPart) -> String {
    format!("{} {}", role.name(), public.to_text())
}

fn plain(text: &str) -> Option<Secret> {
    let digits = text.strip_prefix("0x")?;
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, secret.as_mut()).ok()?;
    Some(secret)
}

/// Refuses a file or directory whose permission bits include one of `forbidden`.
pub(crate) fn check_mode(
    path: &Path,
    mode: u32,
    forbidden: u32,
    wanted: &'static str,
) -> Result<(), KeysError> {
    let mode = mode & 0o7777;
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(KeysError::TooOpen { path: path.into(), mode, wanted })
}
