//! Encryption of a secret under a passphrase: Argon2id (RFC 9106) makes a key of it,
//! XChaCha20-Poly1305 encrypts. What is public in the file is authenticated with it.

use super::{Passphrase, Secret, error::KeysError};
use alloy_primitives::Bytes;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use rand::{TryRngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// The most a file may ask for: reading one must not stop a machine.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 32;
const LANES_MAX: u32 = 64;

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;

/// An encrypted secret, as it stands in a key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sealed {
    kdf: Kdf,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Bytes,
    cipher: Cipher,
    nonce: Bytes,
    ciphertext: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kdf {
    Argon2id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cipher {
    XChaCha20Poly1305,
}

/// Fills an array with random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeysError> {
    let mut bytes = Zeroizing::new([0; N]);
    OsRng.try_fill_bytes(bytes.as_mut()).map_err(|error| KeysError::Random(error.to_string()))?;
    Ok(bytes)
}

impl Sealed {
    /// Encrypts `secret`; `public` says what it is the secret of.
    pub(crate) fn seal(
        secret: &Secret,
        public: &str,
        passphrase: &Passphrase,
    ) -> Result<Self, KeysError> {
        let (salt, nonce) = (random::<SALT_BYTES>()?, random::<NONCE_BYTES>()?);
        let mut sealed = Self {
            kdf: Kdf::Argon2id,
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: salt.to_vec().into(),
            cipher: Cipher::XChaCha20Poly1305,
            nonce: nonce.to_vec().into(),
            ciphertext: Bytes::new(),
        };
        let aad = sealed.authenticated(public);
        let cipher = XChaCha20Poly1305::new((&*sealed.key(passphrase)?).into());
        let payload = Payload { msg: secret.as_slice(), aad: &aad };
        let ciphertext = cipher.encrypt(&XNonce::from(*nonce), payload);
        sealed.ciphertext =
            ciphertext.map_err(|error| KeysError::Derivation(error.to_string()))?.into();
        Ok(sealed)
    }

    /// Decrypts; none when the passphrase is another one or anything was changed.
    pub(crate) fn open(
        &self,
        public: &str,
        passphrase: &Passphrase,
    ) -> Result<Option<Secret>, KeysError> {
        let aad = self.authenticated(public);
        let cipher = XChaCha20Poly1305::new((&*self.key(passphrase)?).into());
        let payload = Payload { msg: &self.ciphertext, aad: &aad };
        // Its length was checked when the file was read.
        let Ok(nonce) = <[u8; NONCE_BYTES]>::try_from(self.nonce.as_ref()) else {
            return Ok(None);
        };
        let Ok(plain) = cipher.decrypt(&XNonce::from(nonce), payload) else { return Ok(None) };
        let plain = Zeroizing::new(plain);
        Ok(plain.as_slice().try_into().ok().map(Zeroizing::new))
    }

    /// Whether the lengths and costs are ones that [`Self::open`] can work with.
    pub(crate) fn is_sane(&self) -> bool {
        self.salt.len() == SALT_BYTES
            && self.nonce.len() == NONCE_BYTES
            && self.ciphertext.len() == 32 + 16
            && (1..=LANES_MAX).contains(&self.lanes)
            && (1..=PASSES_MAX).contains(&self.passes)
            && (8 * self.lanes..=MEMORY_KIB_MAX).contains(&self.memory_kib)
    }

    fn key(&self, passphrase: &Passphrase) -> Result<Zeroizing<[u8; 32]>, KeysError> {
        let failed = |error: argon2::Error| KeysError::Derivation(error.to_string());
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; 32]);
        argon2
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut())
            .map_err(failed)?;
        Ok(key)
    }

    fn authenticated(&self, public: &str) -> Vec<u8> {
        let Self { memory_kib, passes, lanes, .. } = self;
        format!("mfenx/key-file/v1 {public} argon2id {memory_kib} {passes} {lanes}").into_bytes()
    }
}
