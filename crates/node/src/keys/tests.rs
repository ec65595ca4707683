use super::*;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

const CHAIN_ID: u64 = 177_155;
const FILES: [&str; 4] = ["consensus.key", "vrf.key", "p2p.key", "operator.key"];

fn made(passphrase: Option<&str>) -> (tempfile::TempDir, PathBuf, PublicKeys) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("keys");
    let public = new(&dir, passphrase.map(Passphrase::from).as_ref()).unwrap();
    (root, dir, public)
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The seeds are the ones of the public keys, by the libraries that will use them.
fn agrees(keys: &AuthorityKeys) {
    let ed25519 = |seed| ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes();
    let vrf = mfenx_vrf::SecretKey::from_seed(*keys.vrf_seed());
    assert_eq!(ed25519(keys.consensus_seed()), keys.public().consensus_key);
    assert_eq!(vrf.public_key().as_bytes(), &keys.public().vrf_key);
    assert_eq!(Some(ed25519(keys.p2p_seed())), keys.public().peer_key());
}

#[test]
fn keys_come_back_as_they_were_made() {
    let (_root, dir, public) = made(None);
    assert_eq!(super::public(&dir).unwrap(), public);
    let keys = load(&dir, None).unwrap();
    assert_eq!(keys.public(), &public);
    agrees(&keys);
    // A passphrase that is not needed does no harm.
    load(&dir, Some(&"unneeded".into())).unwrap();
    let (_root, _, other) = made(None);
    assert_ne!(other, public);
    assert!(!format!("{keys:?}").contains("seed") && !format!("{keys:?}").contains("consensus:"));
}

#[test]
fn files_are_for_their_owner_and_never_overwritten() {
    let (_root, dir, _) = made(None);
    assert_eq!(mode(&dir), 0o700);
    let before: Vec<_> = FILES.map(|name| fs::read(dir.join(name)).unwrap()).into();
    for name in FILES {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    assert!(matches!(new(&dir, None), Err(KeysError::NotEmpty { .. })));
    for name in &FILES[1..] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(matches!(new(&dir, None), Err(KeysError::NotEmpty { .. })));
    assert_eq!(fs::read(dir.join(FILES[0])).unwrap(), before[0]);
    let missing = super::public(&dir).unwrap_err().to_string();
    assert!(missing.contains("vrf.key"), "{missing}");
}

#[test]
fn an_empty_directory_is_taken_if_it_is_ours_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("keys");
    fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
    set_mode(&dir, 0o770);
    assert!(matches!(new(&dir, None), Err(KeysError::TooOpen { .. })));
    set_mode(&dir, 0o700);
    new(&dir, None).unwrap();
}

#[test]
fn open_files_are_refused() {
    let (_root, dir, _) = made(None);
    for name in FILES {
        for wrong in [0o640, 0o604, 0o660, 0o620, 0o601] {
            set_mode(&dir.join(name), wrong);
            let error = load(&dir, None).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, KeysError::TooOpen { .. }), "{text}");
            assert!(text.contains(name) && text.contains("chmod 600"), "{text}");
        }
        set_mode(&dir.join(name), 0o400);
        load(&dir, None).unwrap();
    }
    for (wrong, refused) in [(0o777, true), (0o720, true), (0o755, false)] {
        set_mode(&dir, wrong);
        assert_eq!(load(&dir, None).is_err(), refused, "{wrong:o}");
    }
}

#[test]
fn encrypted_keys_need_their_passphrase() {
    let (_root, dir, public) = made(Some("correct horse"));
    for name in FILES {
        let text = fs::read_to_string(dir.join(name)).unwrap();
        assert!(text.contains("argon2id") && !text.contains("secret"), "{text}");
    }
    assert_eq!(super::public(&dir).unwrap(), public);
    assert!(matches!(load(&dir, None), Err(KeysError::Locked { .. })));
    let wrong = load(&dir, Some(&"correct horsf".into())).unwrap_err();
    assert!(matches!(wrong, KeysError::WrongPassphrase { .. }), "{wrong}");
    let keys = load(&dir, Some(&"correct horse".into())).unwrap();
    assert_eq!(keys.public(), &public);
    agrees(&keys);
}

#[test]
fn encrypting_keeps_the_keys() {
    let (_root, dir, public) = made(None);
    let seed = *load(&dir, None).unwrap().consensus_seed();
    let passphrase = Passphrase::from("new");
    // What a process that was killed while it encrypted leaves behind.
    fs::write(dir.join("vrf.key.new"), "half").unwrap();
    encrypt(&dir, &passphrase).unwrap();
    assert!(!dir.join("vrf.key.new").exists());
    assert!(matches!(load(&dir, None), Err(KeysError::Locked { .. })));
    let keys = load(&dir, Some(&passphrase)).unwrap();
    assert_eq!((keys.public(), keys.consensus_seed()), (&public, &seed));
    for name in FILES {
        assert_eq!(mode(&dir.join(name)), 0o600);
    }
    assert!(matches!(encrypt(&dir, &passphrase), Err(KeysError::AlreadyEncrypted { .. })));
}

#[test]
fn an_interrupted_encryption_goes_on_with_the_same_passphrase_only() {
    let (_root, dir, public) = made(None);
    let plain = fs::read(dir.join("p2p.key")).unwrap();
    encrypt(&dir, &"one".into()).unwrap();
    fs::write(dir.join("p2p.key"), plain).unwrap();
    let error = encrypt(&dir, &"two".into()).unwrap_err();
    assert!(matches!(error, KeysError::WrongPassphrase { .. }), "{error}");
    encrypt(&dir, &"one".into()).unwrap();
    assert_eq!(load(&dir, Some(&"one".into())).unwrap().public(), &public);
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let (_root, dir, _) = made(None);
    let (_other_root, other, _) = made(None);
    let path = |name: &str| dir.join(name);
    let refused = |words: &[&str]| {
        let error = load(&dir, None).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, KeysError::Mixed { .. }), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    // One role's file under another's name.
    let (consensus, vrf) = (fs::read(path(FILES[0])).unwrap(), fs::read(path(FILES[1])).unwrap());
    fs::write(path(FILES[0]), &vrf).unwrap();
    refused(&["consensus.key", "holds the vrf key"]);
    fs::write(path(FILES[0]), &consensus).unwrap();
    // One seed for two roles.
    edit(&path(FILES[1]), |file| {
        let consensus: Value = serde_json::from_slice(&consensus).unwrap();
        file["secret"] = consensus["secret"].clone();
        file["public"] = consensus["public"].clone();
    });
    refused(&["vrf.key", "same key as consensus.key"]);
    fs::write(path(FILES[1]), &vrf).unwrap();
    // The public part of another key.
    let foreign: Value = serde_json::from_slice(&fs::read(other.join(FILES[2])).unwrap()).unwrap();
    edit(&path(FILES[2]), |file| file["public"] = foreign["public"].clone());
    refused(&["p2p.key", "not the one of its secret"]);
}

#[test]
fn an_encrypted_file_cannot_be_relabelled() {
    let (_root, dir, _) = made(Some("p"));
    let path = dir.join(FILES[0]);
    let good = fs::read(&path).unwrap();
    let changes: [&dyn Fn(&mut Value); 5] = [
        &|file| file["public"] = json!(format!("0x{}", "11".repeat(32))),
        &|file| file["sealed"]["passes"] = json!(4),
        &|file| file["sealed"]["memoryKib"] = json!(1024),
        &|file| file["sealed"]["nonce"] = json!(format!("0x{}", "11".repeat(24))),
        &|file| file["sealed"]["ciphertext"] = json!(format!("0x{}", "11".repeat(48))),
    ];
    for change in changes {
        edit(&path, change);
        let error = load(&dir, Some(&"p".into())).unwrap_err();
        assert!(matches!(error, KeysError::WrongPassphrase { .. }), "{error}");
        fs::write(&path, &good).unwrap();
    }
    load(&dir, Some(&"p".into())).unwrap();
}

#[test]
fn malformed_files_are_named() {
    let (_root, dir, _) = made(Some("p"));
    let path = dir.join(FILES[1]);
    let good = fs::read(&path).unwrap();
    let changes: [&dyn Fn(&mut Value); 8] = [
        &|file| file["version"] = json!(2),
        &|file| file["comment"] = json!("x"),
        &|file| file["public"] = json!("0x01"),
        &|file| file["secret"] = json!(format!("0x{}", "11".repeat(32))),
        &|file| file["sealed"] = Value::Null,
        &|file| file["sealed"]["memoryKib"] = json!(u32::MAX),
        &|file| file["sealed"]["salt"] = json!("0x"),
        &|file| file["sealed"]["kdf"] = json!("md5"),
    ];
    for change in changes {
        edit(&path, change);
        let error = load(&dir, Some(&"p".into())).unwrap_err();
        assert!(matches!(error, KeysError::Format { .. }), "{error}");
        assert!(error.to_string().contains("vrf.key"), "{error}");
        fs::write(&path, &good).unwrap();
    }
    fs::write(&path, " ".repeat(9 << 10)).unwrap();
    assert!(load(&dir, None).unwrap_err().to_string().contains("too long"));
}

#[test]
fn passphrases_are_read_without_their_line_break() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let read = |text: &str| {
        fs::write(file.path(), text).unwrap();
        Passphrase::read(file.path()).map(|passphrase| passphrase.as_bytes().to_vec())
    };
    for text in ["a b", "a b\n", "a b\r\n"] {
        assert_eq!(read(text).unwrap(), b"a b");
    }
    assert_eq!(read("a b\n\n").unwrap(), b"a b\n");
    for (text, word) in [("", "empty"), ("\n", "empty"), (&"x".repeat(1025), "1024")] {
        assert!(read(text).unwrap_err().to_string().contains(word));
    }
}

#[test]
fn a_registration_proves_every_key() {
    let (_root, dir, public) = made(None);
    let registration = register(&dir, None, CHAIN_ID).unwrap();
    assert_eq!(registration.verify(CHAIN_ID).unwrap(), public);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), registration.to_json()).unwrap();
    assert_eq!(Registration::read(file.path()).unwrap(), registration);
    let error = registration.verify(1).unwrap_err();
    assert_eq!(error, RegistrationError::Chain { found: CHAIN_ID, wanted: 1 });
    // Saying another chain does not make the proofs its own.
    let relabelled = changed(&registration, |json| json["chainId"] = json!(1));
    assert!(matches!(relabelled.verify(1), Err(RegistrationError::Proof { .. })));
}

fn changed(registration: &Registration, change: impl FnOnce(&mut Value)) -> Registration {
    let mut value = serde_json::to_value(registration).unwrap();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_changed_registration_proves_nothing() {
    let (_root, dir, _) = made(None);
    let (_other_root, other_dir, _) = made(None);
    let ours = register(&dir, None, CHAIN_ID).unwrap();
    let theirs = register(&other_dir, None, CHAIN_ID).unwrap();
    let theirs_json = serde_json::to_value(&theirs).unwrap();
    // Any field of somebody else: its own proof fails, or that of another key.
    for field in ["operator", "consensusKey", "vrfKey", "peerId"] {
        let mixed = changed(&ours, |json| json[field] = theirs_json[field].clone());
        let error = mixed.verify(CHAIN_ID).unwrap_err();
        assert!(matches!(error, RegistrationError::Proof { .. }), "{field}: {error}");
    }
    for field in ["operator", "consensus", "vrf", "peer"] {
        let named =
            |error| matches!(error, RegistrationError::Proof { field: named } if named == field);
        let swapped =
            changed(&ours, |json| json["proofs"][field] = theirs_json["proofs"][field].clone());
        assert!(named(swapped.verify(CHAIN_ID).unwrap_err()), "{field}");
        let empty = changed(&ours, |json| json["proofs"][field] = json!("0x"));
        assert!(named(empty.verify(CHAIN_ID).unwrap_err()), "{field}");
    }
    // A signature of one role does not do for another, though both are Ed25519.
    let crossed = changed(&ours, |json| {
        json["proofs"]["peer"] = json["proofs"]["consensus"].clone();
    });
    assert!(crossed.verify(CHAIN_ID).is_err());
}

#[test]
fn keys_that_are_no_points_are_named() {
    let (_root, dir, _) = made(None);
    let ours = register(&dir, None, CHAIN_ID).unwrap();
    // The neutral element: a valid encoding, of small order.
    let mut weak = [0; 32];
    weak[0] = 1;
    let text = json!(alloy_primitives::B256::new(weak));
    let peer = json!(mfenx_chainspec::peer_id_to_text(&mfenx_chainspec::peer_id_of_key(weak)));
    for (field, value) in [("consensusKey", &text), ("vrfKey", &text), ("peerId", &peer)] {
        let spoiled = changed(&ours, |json| json[field] = value.clone());
        assert_eq!(spoiled.verify(CHAIN_ID).unwrap_err(), RegistrationError::Key { field });
    }
}
