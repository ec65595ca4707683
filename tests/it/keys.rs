//! `mfenx keys`, as an operator types it.

use crate::node::{Ended, run};
use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A command of `mfenx keys`; `{}` stands for the paths, in order.
pub(crate) fn keys(command: &str, paths: &[&Path]) -> Ended {
    let mut paths = paths.iter();
    let words = command.split_whitespace().map(|word| match word {
        "{}" => paths.next().expect("a path for each {}").as_os_str(),
        word => OsStr::new(word),
    });
    run(&words.collect::<Vec<_>>())
}

/// What a command that must succeed printed.
pub(crate) fn said(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.stdout
}

/// Exit code 2 and one line with these words.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in {ended:?}");
    }
}

/// Makes keys in `dir/name` and their registration in `dir/name.json`.
pub(crate) fn register(dir: &Path, name: &str) -> PathBuf {
    let keys_dir = dir.join(name);
    said(&keys("keys new --out {}", &[&keys_dir]));
    let shown = keys("keys show {} --registration", &[&keys_dir]);
    let file = dir.join(format!("{name}.json"));
    fs::write(&file, said(&shown)).unwrap();
    file
}

#[test]
fn keys_are_made_shown_encrypted_and_registered() {
    let dir = tempfile::tempdir().unwrap();
    let keys_dir = dir.path().join("keys");
    let made = keys("keys new --out {}", &[&keys_dir]);
    assert!(made.stderr.contains("not encrypted"), "{made:?}");
    assert!(said(&made).contains("12D3Koo"), "{made:?}");
    for entry in fs::read_dir(&keys_dir).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(said(&keys("keys show {}", &[&keys_dir])), made.stdout);
    refused(&keys("keys new --out {}", &[&keys_dir]), &["not empty", "never overwritten"]);

    let (right, wrong) = (dir.path().join("right"), dir.path().join("wrong"));
    fs::write(&right, "correct horse\n").unwrap();
    fs::write(&wrong, "incorrect horse\n").unwrap();
    said(&keys("keys encrypt {} --passphrase-file {}", &[&keys_dir, &right]));
    assert_eq!(said(&keys("keys show {}", &[&keys_dir])), made.stdout);
    let register = "keys show {} --registration --chain-id 7";
    refused(&keys(register, &[&keys_dir]), &["encrypted", "--passphrase-file"]);
    let with = format!("{register} --passphrase-file {{}}");
    refused(&keys(&with, &[&keys_dir, &wrong]), &["passphrase does not open", "consensus.key"]);
    let registration = dir.path().join("registration.json");
    fs::write(&registration, said(&keys(&with, &[&keys_dir, &right]))).unwrap();
    let verified = keys("keys verify {} --chain-id 7", &[&registration]);
    assert!(said(&verified).starts_with(&made.stdout), "{verified:?}");
    refused(&keys("keys verify {}", &[&registration]), &["chain ID 7, not 177155"]);
}

#[test]
fn keys_that_are_encrypted_from_the_start_are_never_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let (keys_dir, passphrase) = (dir.path().join("keys"), dir.path().join("passphrase"));
    fs::write(&passphrase, "p").unwrap();
    let made = keys("keys new --out {} --passphrase-file {}", &[&keys_dir, &passphrase]);
    said(&made);
    assert_eq!(made.stderr, "");
    for entry in fs::read_dir(&keys_dir).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains("xchacha20poly1305") && !text.contains("\"secret\""), "{text}");
    }
    let again = keys("keys encrypt {} --passphrase-file {}", &[&keys_dir, &passphrase]);
    refused(&again, &["encrypted already"]);
    fs::write(&passphrase, "").unwrap();
    let other = dir.path().join("other");
    let empty = keys("keys new --out {} --passphrase-file {}", &[&other, &passphrase]);
    refused(&empty, &["passphrase is empty"]);
    assert!(!other.exists());
}

#[test]
fn open_and_exchanged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys_dir = dir.path().join("keys");
    said(&keys("keys new --out {}", &[&keys_dir]));
    let consensus = keys_dir.join("consensus.key");
    fs::set_permissions(&consensus, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&keys("keys show {}", &[&keys_dir]), &["consensus.key", "0644", "chmod 600"]);
    fs::set_permissions(&consensus, fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(keys_dir.join("vrf.key"), &consensus).unwrap();
    refused(&keys("keys show {}", &[&keys_dir]), &["consensus.key", "holds the vrf key"]);
    refused(&keys("keys show {}", &[&dir.path().join("none")]), &["none"]);
}
