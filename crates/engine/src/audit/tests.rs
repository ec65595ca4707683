//! Lines that were changed, removed, swapped or cut; writes that were cut off; rotation; full disks.

use super::*;
use crate::consensus::{ValidatorKeys, test_keys};
use alloy_primitives::B256;
use mfenx_consensus::Domain;
use std::{fs, path::Path, sync::Arc};

const DOMAIN: Domain = Domain { chain_id: 177_155, genesis_hash: B256::repeat_byte(0x33) };

fn keys(index: u8) -> Arc<ValidatorKeys> {
    Arc::new(test_keys(index))
}

fn public(index: u8) -> B256 {
    keys(index).consensus.public_key().to_bytes().into()
}

fn open(directory: &Path) -> Result<Audit, AuditError> {
    Audit::open(directory, DOMAIN, keys(0))
}

fn event(height: u64) -> Event {
    Event::VotingFrom { height }
}

/// A log of `count` records behind the first.
fn written(directory: &Path, count: u64) -> Vec<u8> {
    let mut audit = open(directory).unwrap();
    (0..count).for_each(|height| audit.record(event(height)));
    fs::read(directory.join(NAME)).unwrap()
}

fn verified(directory: &Path) -> Result<Summary, AuditError> {
    verify(&files(directory)?, Demands::default())
}

/// The line that is found to be wrong, and why.
fn fault(directory: &Path) -> (u64, String) {
    match verified(directory) {
        Err(AuditError::Fault { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn of_event(directory: &Path, name: &str) -> usize {
    let mut count = 0;
    let wanted = format!(r#""event":"{name}""#);
    show(&files(directory).unwrap(), |_, line| count += usize::from(line.contains(&wanted)))
        .unwrap();
    count
}

#[test]
fn a_log_verifies_and_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), 3);
    let bytes = written(directory.path(), 2);
    let summary = verified(directory.path()).unwrap();
    assert_eq!((summary.first, summary.last, summary.files), (0, 5, 1));
    assert_eq!(summary.keys, [public(0)]);
    let last = lines(&bytes).pop().unwrap();
    assert_eq!(summary.hash, line::hash(last.strip_suffix(b"\n").unwrap()));
    let paths = files(directory.path()).unwrap();
    let demands = |key, contains| verify(&paths, Demands { key, contains });
    demands(Some(public(0)), Some(summary.hash)).unwrap();
    assert!(matches!(demands(Some(public(1)), None), Err(AuditError::Fault { line: 1, .. })));
    let missing = demands(None, Some(B256::ZERO)).unwrap_err();
    assert!(matches!(missing, AuditError::Missing { .. }), "{missing}");
}

#[test]
fn a_changed_byte_is_found_in_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(directory.path(), 4);
    let path = directory.path().join(NAME);
    let mut line = 1;
    for at in 0..bytes.len() {
        if bytes[at] == b'\n' {
            line += 1;
            continue;
        }
        // Each place once; every kind of change at some place.
        let mut changed = bytes.clone();
        changed[at] = if at % 3 == 0 { changed[at] ^ 1 } else { changed[at] ^ (1 << (at % 7)) };
        if changed[at] == b'\n' {
            continue;
        }
        fs::write(&path, &changed).unwrap();
        let (found, reason) = fault(directory.path());
        assert_eq!(found, line, "byte {at}: {reason}");
    }
}

#[test]
fn lines_that_were_removed_swapped_or_said_twice_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let all = lines(&written(directory.path(), 4));
    let path = directory.path().join(NAME);
    let found = |order: &[usize]| {
        let bytes: Vec<u8> = order.iter().flat_map(|index| all[*index].clone()).collect();
        fs::write(&path, bytes).unwrap();
        fault(directory.path()).0
    };
    assert_eq!(found(&[1, 2, 3, 4]), 1, "the first line is missing");
    assert_eq!(found(&[0, 2, 3, 4]), 2);
    assert_eq!(found(&[0, 1, 3, 4]), 3);
    assert_eq!(found(&[0, 1, 3, 2, 4]), 3, "swapped");
    assert_eq!(found(&[0, 1, 1, 2]), 3, "twice");
    assert_eq!(found(&[0, 1, 2, 0]), 4, "a second beginning");
    // The end is what only a hash that somebody else knows can show.
    let whole: Vec<u8> = all.concat();
    fs::write(&path, &whole[..whole.len() - all[4].len()]).unwrap();
    verified(directory.path()).unwrap();
    let last = line::hash(all[4].strip_suffix(b"\n").unwrap());
    let demands = Demands { contains: Some(last), key: None };
    let missing = verify(std::slice::from_ref(&path), demands).unwrap_err();
    assert!(matches!(missing, AuditError::Missing { .. }), "{missing}");
}

/// Somebody without the key writes lines that are in order but for the signature.
#[test]
fn a_line_of_another_key_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let all = lines(&written(directory.path(), 2));
    let prev = line::hash(all[1].strip_suffix(b"\n").unwrap());
    let mut forged = line::write((2, 1, prev), &event(9), &keys(1).consensus).unwrap();
    forged.push(b'\n');
    let bytes = [all[0].clone(), all[1].clone(), forged].concat();
    fs::write(directory.path().join(NAME), bytes).unwrap();
    let (line, reason) = fault(directory.path());
    assert!(line == 3 && reason.contains("signature"), "{line}: {reason}");
    assert!(matches!(open(directory.path()), Err(AuditError::Damaged { line: 3, .. })));
}

/// `kill -9` or a power failure between any two bytes of the last write.
#[test]
fn a_write_that_was_cut_off_is_removed_and_that_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(directory.path(), 3);
    let path = directory.path().join(NAME);
    let whole = bytes.len() - lines(&bytes).pop().unwrap().len();
    for end in (whole + 1..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..end]).unwrap();
        let (line, reason) = fault(directory.path());
        assert!(line == 4 && reason.contains("unfinished"), "{line}: {reason}");
        let mut audit = open(directory.path()).unwrap();
        audit.record(event(7));
        let text = fs::read_to_string(&path).unwrap();
        let cut = format!(r#""event":"cut","bytes":{}"#, end - whole);
        assert!(text.contains(&cut), "{text}");
        assert_eq!(verified(directory.path()).unwrap().last, 4);
    }
    // The very first write of the file.
    fs::write(&path, &bytes[..9]).unwrap();
    open(directory.path()).unwrap();
    assert_eq!(of_event(directory.path(), "cut"), 1);
    assert_eq!(verified(directory.path()).unwrap().first, 0);
}

/// Only the end can be a write that was cut off. All else is left as it is, with advice.
#[test]
fn a_damaged_log_is_refused_and_not_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(directory.path(), 3);
    let path = directory.path().join(NAME);
    let all = lines(&bytes);
    let garbage = [bytes.clone(), vec![b'x'; LINE_BYTES_MAX + 1]].concat();
    let changed = String::from_utf8(bytes).unwrap().replacen("votingFrom", "votingform", 1);
    let without = [all[0].clone(), all[2].clone(), all[3].clone()].concat();
    for damaged in [garbage, changed.into_bytes(), without, b"nothing of ours\n".to_vec()] {
        fs::write(&path, &damaged).unwrap();
        let error = open(directory.path()).unwrap_err();
        assert!(matches!(error, AuditError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("move the file away"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "it was left as it is");
    }
    fs::remove_file(&path).unwrap();
    open(directory.path()).unwrap();
}

#[test]
fn files_are_rotated_and_follow_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let small = |index| Audit::open_bounded(directory.path(), DOMAIN, keys(index), 2_000);
    let mut audit = small(0).unwrap();
    (0..20).for_each(|height| audit.record(event(height)));
    let before = verified(directory.path()).unwrap();
    assert!((3..FILES_KEPT).contains(&before.files) && before.first == 0, "{before:?}");
    // A crash behind a rotation leaves no present file, or an empty one.
    audit.record(event(20));
    drop(audit);
    let present = directory.path().join(NAME);
    let text = fs::read_to_string(&present).unwrap();
    let first = text.split_once(r#"{"n":"#).unwrap().1.split_once(',').unwrap().0.to_owned();
    let first: u64 = first.parse().unwrap();
    fs::rename(&present, directory.path().join(format!("{NAME}.{first:012}"))).unwrap();
    let mut audit = small(0).unwrap();
    audit.record(event(21));
    let after = verified(directory.path()).unwrap();
    assert_eq!((after.first, after.files), (0, before.files + 1));
    assert!(after.last > before.last);
    // A file that is missing in the middle.
    let all = files(directory.path()).unwrap();
    let others: Vec<_> = all.iter().filter(|path| **path != all[1]).cloned().collect();
    let error = verify(&others, Demands::default()).unwrap_err();
    assert!(error.to_string().contains("a file is missing"), "{error}");
    // Far more than is kept: the oldest go, what is left verifies.
    (0..200).for_each(|height| audit.record(event(height)));
    let later = verified(directory.path()).unwrap();
    assert_eq!(later.files, FILES_KEPT + 1);
    assert!(later.first > 0);
    // Other keys begin a file of their own, behind the others.
    small(1).unwrap().record(event(1));
    let both = verified(directory.path()).unwrap();
    assert_eq!(both.keys, [public(0), public(1)]);
}

/// A device that is always full stands for a full disk.
#[test]
fn a_disk_that_takes_nothing_stops_nobody_and_loses_no_count() {
    let directory = tempfile::tempdir().unwrap();
    let mut audit = open(directory.path()).unwrap();
    audit.record(event(1));
    audit.fill_disk();
    for height in 0..WAITING_MAX as u64 + 5 {
        audit.record(event(height));
    }
    assert_eq!(verified(directory.path()).unwrap().last, 1);
    audit.free_disk();
    audit.record(event(2));
    let summary = verified(directory.path()).unwrap();
    assert_eq!(of_event(directory.path(), "lost"), 1);
    // The first two, those that waited, and the count of the others with this one.
    assert_eq!(summary.last, 1 + WAITING_MAX as u64 + 1);
    let text = fs::read_to_string(directory.path().join(NAME)).unwrap();
    assert!(text.contains(r#""event":"lost","records":6"#));
}
