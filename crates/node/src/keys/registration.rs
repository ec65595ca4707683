//! Registration data: the public keys of an authority, each with a proof that its holder has the
//! secret and wants it to stand for this operator on this chain.
//!
//! Every proof is over the same statement: domain, role, chain ID, operator and all three keys, so
//! that no key can be registered by somebody else, beside other keys, or on another chain. It does
//! not say when or with what power: whoever votes decides that.

use super::{
    Passphrase, PublicKeys,
    directory::{public_of, read_all},
    error::KeysError,
    role::{Role, operator_signer},
};
use alloy_primitives::{Address, B256, Bytes, Signature};
use alloy_signer::SignerSync;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use mfenx_chainspec::{peer_id_from_text, peer_id_to_text, peer_key};
use mfenx_vrf::{Proof, PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use std::{fs::File, io::Read, path::Path};

const VERSION: u32 = 1;
const DOMAIN: &[u8] = b"mfenx/registration/v1";
/// Registration data has about 1 KiB.
const BYTES_MAX: u64 = 16 << 10;

/// Why registration data is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// Not what `mfenx keys show --registration` writes.
    #[error("not registration data: {0}")]
    Format(String),
    /// Made for another chain.
    #[error(
        "was made for chain ID {found}, not {wanted}; ask for one made with --chain-id {wanted}"
    )]
    Chain {
        /// The chain ID in it.
        found: u64,
        /// The chain ID needed.
        wanted: u64,
    },
    /// A key that is none.
    #[error("`{field}` is not a valid public key")]
    Key {
        /// Its field.
        field: &'static str,
    },
    /// A proof that does not hold.
    #[error("`proofs.{field}` does not prove that the key belongs to this operator and chain")]
    Proof {
        /// Its field.
        field: &'static str,
    },
}

/// Registration data as it stands in a file; nothing is checked until [`Self::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    version: u32,
    chain_id: u64,
    operator: Address,
    consensus_key: B256,
    vrf_key: B256,
    peer_id: String,
    proofs: Proofs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proofs {
    /// secp256k1 signature of the statement as an EIP-191 message: r, s, v.
    operator: Bytes,
    /// Ed25519 signature of the statement.
    consensus: Bytes,
    /// VRF proof with the statement as its input.
    vrf: Bytes,
    /// Ed25519 signature of the statement.
    peer: Bytes,
}

/// Makes registration data of the keys in `directory` for the chain `chain_id`.
///
/// # Errors
/// As [`super::load`].
pub fn register(
    directory: &Path,
    passphrase: Option<&Passphrase>,
    chain_id: u64,
) -> Result<Registration, KeysError> {
    let files = read_all(directory)?;
    let public = public_of(&files)?;
    let statement = |role| statement(role, chain_id, &public);
    let mut proofs: [Bytes; 4] = Default::default();
    for (proof, file) in proofs.iter_mut().zip(&files) {
        let secret = file.open(passphrase)?;
        let statement = statement(file.role);
        *proof = match file.role {
            Role::Consensus | Role::P2p | Role::Worker => {
                SigningKey::from_bytes(&secret).sign(&statement).to_bytes().into()
            }
            Role::Vrf => SecretKey::from_seed(*secret).prove(&statement).0.to_bytes().into(),
            Role::Operator => {
                let signed = operator_signer(&secret)
                    .and_then(|signer| signer.sign_message_sync(&statement).ok());
                let signed = signed.ok_or_else(|| KeysError::Secret { path: file.path.clone() });
                signed?.as_bytes().into()
            }
        };
    }
    let [consensus, vrf, peer, operator] = proofs;
    Ok(Registration {
        version: VERSION,
        chain_id,
        operator: public.operator,
        consensus_key: public.consensus_key.into(),
        vrf_key: public.vrf_key.into(),
        peer_id: peer_id_to_text(&public.peer_id),
        proofs: Proofs { operator, consensus, vrf, peer },
    })
}

/// What the key of `role` signs.
fn statement(role: Role, chain_id: u64, public: &PublicKeys) -> Vec<u8> {
    let number = match role {
        Role::Operator => 0_u8,
        Role::Consensus => 1,
        Role::Vrf => 2,
        Role::P2p => 3,
        Role::Worker => 4,
    };
    [
        DOMAIN,
        &[number],
        &chain_id.to_be_bytes(),
        public.operator.as_slice(),
        &public.consensus_key,
        &public.vrf_key,
        &public.peer_id,
    ]
    .concat()
}

impl Registration {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not registration data.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let failed = |source| KeysError::File { path: path.into(), source };
        let mut json = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(BYTES_MAX).read_to_string(&mut json).map_err(failed)?;
        let read = serde_json::from_str(&json);
        read.map_err(|error| KeysError::Registration {
            origin: path.into(),
            source: RegistrationError::Format(error.to_string()),
        })
    }

    /// The text that [`Self::read`] reads.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always becomes JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Checks every proof; only then are the keys worth anything.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, chain_id: u64) -> Result<PublicKeys, RegistrationError> {
        if self.version != VERSION {
            let reason = format!("its version is {}; this program reads 1", self.version);
            return Err(RegistrationError::Format(reason));
        }
        if self.chain_id != chain_id {
            return Err(RegistrationError::Chain { found: self.chain_id, wanted: chain_id });
        }
        let peer_id = peer_id_from_text(&self.peer_id)
            .map_err(|reason| RegistrationError::Format(format!("`peerId` {reason}")))?;
        let peer = peer_key(&peer_id).ok_or(RegistrationError::Key { field: "peerId" })?;
        let public = PublicKeys {
            operator: self.operator,
            consensus_key: self.consensus_key.0,
            vrf_key: self.vrf_key.0,
            peer_id,
        };
        let statement = |role| statement(role, chain_id, &public);
        let consensus_key = ed25519_key("consensusKey", &public.consensus_key)?;
        let peer_key = ed25519_key("peerId", &peer)?;
        let vrf_key = PublicKey::from_bytes(&public.vrf_key)
            .map_err(|_| RegistrationError::Key { field: "vrfKey" })?;
        let Proofs { operator, consensus, vrf, peer } = &self.proofs;
        let proof = check_ed25519(&consensus_key, consensus, &statement(Role::Consensus));
        proof.ok_or(RegistrationError::Proof { field: "consensus" })?;
        let proof = check_ed25519(&peer_key, peer, &statement(Role::P2p));
        proof.ok_or(RegistrationError::Proof { field: "peer" })?;
        let proof = Proof::from_bytes(vrf).ok();
        proof
            .filter(|proof| vrf_key.verify(&statement(Role::Vrf), proof).is_ok())
            .ok_or(RegistrationError::Proof { field: "vrf" })?;
        check_operator(operator, &statement(Role::Operator), self.operator)?;
        Ok(public)
    }
}

fn ed25519_key(field: &'static str, key: &[u8; 32]) -> Result<VerifyingKey, RegistrationError> {
    let key = VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak());
    key.ok_or(RegistrationError::Key { field })
}

fn check_ed25519(key: &VerifyingKey, signature: &[u8], statement: &[u8]) -> Option<()> {
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    key.verify_strict(statement, &signature).ok()
}

fn check_operator(
    signature: &[u8],
    statement: &[u8],
    operator: Address,
) -> Result<(), RegistrationError> {
    Signature::from_raw(signature)
        .ok()
        .filter(|signature| signature.normalize_s().is_none())
        .and_then(|signature| signature.recover_address_from_msg(statement).ok())
        .filter(|recovered| *recovered == operator)
        .map(|_| ())
        .ok_or(RegistrationError::Proof { field: "operator" })
}
