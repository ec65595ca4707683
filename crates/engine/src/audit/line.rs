//! One line: written, and read strictly. The signature stands at a fixed place from the end, so that
//! nothing in a record can be taken for it.

use super::event::Event;
use alloy_primitives::{B256, hex};
use mfenx_consensus::{ConsensusKey, PublicKey, Signature};
use serde::{Deserialize, Serialize};

const BEFORE_SIGNATURE: &[u8] = br#","signature":""#;
const AFTER_SIGNATURE: &[u8] = br#""}"#;
/// What follows the part that is signed.
const TAIL_BYTES: usize = BEFORE_SIGNATURE.len() + 128 + AFTER_SIGNATURE.len();

#[derive(Serialize)]
struct Record<'a> {
    n: u64,
    time: u64,
    prev: B256,
    #[serde(flatten)]
    event: &'a Event,
}

/// The place of a record, which every version of the format has.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) n: u64,
    /// Milliseconds since the Unix epoch, by the clock of the machine.
    pub(super) time: u64,
    pub(super) prev: B256,
    pub(super) event: String,
}

/// A line whose signature is not verified yet.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) place: Place,
    /// What is signed.
    body: &'a [u8],
    signature: Signature,
}

/// The line of a record, without a newline.
pub(super) fn write(
    (n, time, prev): (u64, u64, B256),
    event: &Event,
    key: &ConsensusKey,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(&Record { n, time, prev, event })?;
    // The closing brace.
    line.pop();
    let signature = key.sign_audit_record(&line);
    line.extend_from_slice(BEFORE_SIGNATURE);
    line.extend_from_slice(hex::encode(signature.0).as_bytes());
    line.extend_from_slice(AFTER_SIGNATURE);
    Ok(line)
}

/// The hash that the next line names.
pub(super) fn hash(line: &[u8]) -> B256 {
    B256::new(*blake3::hash(line).as_bytes())
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        let malformed = || "it is no record".to_owned();
        let at = line.len().checked_sub(TAIL_BYTES).ok_or_else(malformed)?;
        let (body, tail) = line.split_at(at);
        let digits = tail.strip_prefix(BEFORE_SIGNATURE).ok_or_else(malformed)?;
        let digits = digits.strip_suffix(AFTER_SIGNATURE).ok_or_else(malformed)?;
        let signature = hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
        let signature = Signature(signature.ok_or_else(malformed)?);
        // One signature has one line.
        if hex::encode(signature.0).as_bytes() != digits {
            return Err(malformed());
        }
        let place = serde_json::from_slice(line).map_err(|error| format!("no record: {error}"))?;
        Ok(Self { place, body, signature })
    }

    /// Whether the line is of this key.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies_audit_record(self.body, &self.signature)
    }
}
