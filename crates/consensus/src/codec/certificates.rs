//! Certificates of decisions, of polkas and of rounds.

use malachite_core_types::{PolkaSignature, RoundCertificateType, RoundSignature};

use super::messages::{kind_byte, read_kind};
use super::{DecodeError, Reader, Writer};
use crate::{Certificate, Height, PolkaCertificate, Round, RoundCertificate};

impl Certificate {
    /// Encodes `version (1) || height (8) || round (4) || hash (32) || count (1)`, then `index (1) ||
    /// signature (64)` for each signer. At most [`MAX_CERTIFICATE_BYTES`](crate::MAX_CERTIFICATE_BYTES).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned();
        writer
            .u64(self.height.0)
            .round(Round::new(self.round))
            .bytes(self.block_hash.as_slice())
            .count(self.signatures.len());
        for (index, signature) in &self.signatures {
            writer.byte(*index).bytes(&signature.0);
        }
        writer.0
    }

    /// Decodes a certificate. Nothing is verified.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are not a certificate, or not in their canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| {
            Ok(Self {
                height: Height(reader.u64()?),
                round: reader.round_number()?,
                block_hash: reader.hash()?,
                signatures: reader
                    .list(|item| Ok((item.byte()?, item.signature()?)), |(index, _)| *index)?,
            })
        })
    }
}

/// `height (8) || round (4) || hash (32) || count (1)`, then `operator (20) || signature (64)` each, in
/// ascending order of operators whatever order the certificate has.
pub(super) fn write_polka(writer: &mut Writer, polka: &PolkaCertificate) {
    let mut signatures: Vec<_> = polka.polka_signatures.iter().collect();
    signatures.sort_by_key(|one| one.address);
    writer
        .u64(polka.height.0)
        .round(polka.round)
        .bytes(polka.value_id.as_slice())
        .count(signatures.len());
    for one in signatures {
        writer.bytes(one.address.0.as_slice()).bytes(&one.signature.0);
    }
}

pub(super) fn read_polka(reader: &mut Reader<'_>) -> Result<PolkaCertificate, DecodeError> {
    Ok(PolkaCertificate {
        height: Height(reader.u64()?),
        round: reader.round()?,
        value_id: reader.hash()?,
        polka_signatures: reader.list(
            |item| Ok(PolkaSignature::new(item.operator()?, item.signature()?)),
            |one| one.address,
        )?,
    })
}

/// `height (8) || round (4) || 1 skip or 2 precommit || count (1)`, then `kind (1) || 0, or 1 and hash
/// (32) || operator (20) || signature (64)` each, in ascending order of operators.
pub(super) fn write_round_certificate(writer: &mut Writer, certificate: &RoundCertificate) {
    let mut signatures: Vec<_> = certificate.round_signatures.iter().collect();
    signatures.sort_by_key(|one| one.address);
    let cert_type = match certificate.cert_type {
        RoundCertificateType::Skip => 1,
        RoundCertificateType::Precommit => 2,
    };
    writer
        .u64(certificate.height.0)
        .round(certificate.round)
        .byte(cert_type)
        .count(signatures.len());
    for one in signatures {
        writer
            .byte(kind_byte(one.vote_type))
            .hash_or_nil(&one.value_id)
            .bytes(one.address.0.as_slice())
            .bytes(&one.signature.0);
    }
}

pub(super) fn read_round_certificate(
    reader: &mut Reader<'_>,
) -> Result<RoundCertificate, DecodeError> {
    Ok(RoundCertificate {
        height: Height(reader.u64()?),
        round: reader.round()?,
        cert_type: match reader.byte()? {
            1 => RoundCertificateType::Skip,
            2 => RoundCertificateType::Precommit,
            other => return Err(DecodeError::Tag(other)),
        },
        round_signatures: reader.list(
            |item| {
                let (kind, value) = (read_kind(item)?, item.hash_or_nil()?);
                Ok(RoundSignature::new(kind, value, item.operator()?, item.signature()?))
            },
            |one| one.address,
        )?,
    })
}

/// Encodes a polka certificate, its signatures in ascending order of operators.
pub fn encode_polka(polka: &PolkaCertificate) -> Vec<u8> {
    let mut writer = Writer::versioned();
    write_polka(&mut writer, polka);
    writer.0
}

/// Decodes a polka certificate. Nothing is verified.
///
/// # Errors
/// [`DecodeError`]: whoever sent the bytes does not keep the format.
pub fn decode_polka(bytes: &[u8]) -> Result<PolkaCertificate, DecodeError> {
    Reader::whole(bytes, read_polka)
}

/// Encodes a round certificate, its signatures in ascending order of operators.
pub fn encode_round_certificate(certificate: &RoundCertificate) -> Vec<u8> {
    let mut writer = Writer::versioned();
    write_round_certificate(&mut writer, certificate);
    writer.0
}

/// Decodes a round certificate. Nothing is verified.
///
/// # Errors
/// [`DecodeError`]: whoever sent the bytes does not keep the format.
pub fn decode_round_certificate(bytes: &[u8]) -> Result<RoundCertificate, DecodeError> {
    Reader::whole(bytes, read_round_certificate)
}
