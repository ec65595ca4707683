//! Peer identities of libp2p as text and as bytes, for Ed25519 keys only.
//!
//! A peer ID is the multihash of a protobuf-encoded public key; keys of up to 42 bytes are not
//! hashed but kept (identity), so an Ed25519 key can be read back from its peer ID (libp2p's
//! specification "Peer Ids and Keys"). Written in base58 with Bitcoin's alphabet, it begins with
//! `12D3Koo`.

/// What stands before the key: identity multihash (0x00) of 36 bytes (0x24), of a protobuf with
/// key type Ed25519 (0x08 0x01) and 32 bytes of data (0x12 0x20).
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Bytes of the multihash of an Ed25519 identity.
pub const PEER_ID_BYTES: usize = PREFIX.len() + 32;

/// Longer texts are not decoded; 38 bytes have at most 52 characters.
const TEXT_MAX: usize = 64;

/// The multihash of the identity whose Ed25519 public key is `key`.
pub fn peer_id_of_key(key: [u8; 32]) -> Vec<u8> {
    [PREFIX.as_slice(), &key].concat()
}

/// The Ed25519 public key in a multihash, if it is the identity of one.
pub fn peer_key(peer_id: &[u8]) -> Option<[u8; 32]> {
    peer_id.strip_prefix(&PREFIX)?.try_into().ok()
}

/// As [`peer_key`], borrowed.
pub(crate) fn peer_key_bytes(peer_id: &[u8]) -> Option<&[u8]> {
    peer_id.strip_prefix(&PREFIX).filter(|key| key.len() == 32)
}

/// The multihash as people write it.
pub fn peer_id_to_text(peer_id: &[u8]) -> String {
    bs58::encode(peer_id).into_string()
}

/// Reads what [`peer_id_to_text`] wrote.
///
/// # Errors
/// In words: not base58, or not the identity of an Ed25519 key.
pub fn peer_id_from_text(text: &str) -> Result<Vec<u8>, String> {
    if text.len() > TEXT_MAX {
        return Err("is too long for a peer ID; write it as `mfenx keys show` does".into());
    }
    let bytes = bs58::decode(text)
        .into_vec()
        .map_err(|error| format!("is not base58 ({error}); write it as `mfenx keys show` does"))?;
    if peer_key(&bytes).is_none() {
        return Err("is not the peer ID of an Ed25519 key, which begins with `12D3Koo`".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_inverse() {
        for byte in 0..=u8::MAX {
            let id = peer_id_of_key([byte; 32]);
            assert_eq!(id.len(), PEER_ID_BYTES);
            let text = peer_id_to_text(&id);
            assert!(text.starts_with("12D3Koo") && text.len() == 52, "{text}");
            assert_eq!(peer_id_from_text(&text), Ok(id.clone()));
            assert_eq!(peer_key(&id), Some([byte; 32]));
        }
    }

    #[test]
    fn a_published_peer_id_is_read() {
        // The example of an Ed25519 peer ID in libp2p's specification.
        let text = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
        let id = peer_id_from_text(text).unwrap();
        assert_eq!(peer_id_to_text(&id), text);
    }

    #[test]
    fn others_are_refused() {
        let hashed = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";
        assert!(peer_id_from_text(hashed).unwrap_err().contains("Ed25519"));
        assert!(peer_id_from_text("0OIl").unwrap_err().contains("base58"));
        assert!(peer_id_from_text("").unwrap_err().contains("Ed25519"));
        assert!(peer_id_from_text(&"1".repeat(65)).unwrap_err().contains("too long"));
        let mut long = peer_id_of_key([7; 32]);
        long.push(0);
        assert_eq!(peer_key(&long), None);
    }
}
