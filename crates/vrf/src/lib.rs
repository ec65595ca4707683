//! The verifiable random function ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381, suite 0x03).
//!
//! The holder of a [`SecretKey`] turns any input `alpha` into one [`Output`] and a [`Proof`] of
//! it; whoever has the [`PublicKey`] checks the proof and learns the same output. For one key and
//! one input there is one output, which nobody without the secret key can foresee.
//!
//! # Invariants
//! - What decodes, encodes to the same bytes: points are canonical, scalars are below the group's
//!   order `q`. A point whose order divides the cofactor is neither a key nor part of a proof.
//! - [`PublicKey::from_bytes`] validates the key as RFC 9381, section 5.4.5 asks, so uniqueness of
//!   the output holds for keys made with malice, too ("full uniqueness").
//! - The *output* is unique, the proof is not: the holder of a key can find several proofs of the
//!   same output. Nothing may be identified by the bytes of its proof.
//!
//! # Time
//! Everything that touches the secret scalar, the nonce prefix or the nonce runs in constant time:
//! hashes of fixed length, multiplications by table with masked look-ups, scalar arithmetic,
//! inversions for encoding. Two steps are not, and touch nothing secret:
//! - Try-and-increment (section 5.4.1.1) takes as many tries as the input asks for. Its inputs are
//!   the public key, as salt, and `alpha`. **`alpha` must be public**; here it is a height and the
//!   seed of the chain.
//! - Verification sees public values only.
//!
//! Secrets are wiped when they are dropped. Copies that the compiler leaves in registers or on the
//! stack are beyond reach.
//!
//! # Deliberately absent
//! Randomness (whoever makes a key hands in its seed), the suites over P-256 and with Elligator,
//! and the key itself: files, passphrases and signatures are elsewhere. Ed25519 derives its nonces
//! from a seed in the same way, so **one seed must never serve both**.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod proof;
mod public_key;
mod secret_key;
mod suite;
#[cfg(test)]
mod tests;

pub use error::VrfError;
pub use proof::{Output, Proof};
pub use public_key::PublicKey;
pub use secret_key::SecretKey;
