//! Log and guard: torn and damaged files, lost files, second signatures.

use super::super::{
    guard::{Doubt, Guard, GuardError, Signed},
    journal::Journal,
    log::{Log, LogError},
};
use super::support::{keys, operator};
use crate::error::EngineError;
use mfenx_consensus::{Domain, Height, NilOrVal, Operator, Round, Vote, VoteType, WalEntry};
use mfenx_primitives::B256;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{fs, path::Path};

fn vote(height: u64, round: u32, value: u8) -> WalEntry {
    let keys = keys(0);
    let domain = Domain { chain_id: 1, genesis_hash: B256::ZERO };
    let vote = Vote {
        kind: VoteType::Prevote,
        height: Height(height),
        round: Round::new(round),
        value: NilOrVal::Val(B256::repeat_byte(value)),
        operator: Operator(keys.operator),
    };
    WalEntry::Vote(keys.consensus.sign_vote(&domain, vote))
}

/// A log of height 7 with one frame a record, and where each frame ends.
fn written(path: &Path, records: u32) -> Vec<u64> {
    let (mut log, recovered) = Log::open(path).unwrap();
    assert!(recovered.entries.is_empty());
    log.reset(7).unwrap();
    let append = |round| {
        log.append_entry(&vote(7, round, 1));
        log.append_block(&vec![round as u8 + 1; 3000]);
        log.sync().unwrap();
        fs::metadata(path).unwrap().len()
    };
    (0..records).map(append).collect()
}

fn reopened(path: &Path) -> Result<usize, LogError> {
    let (_, recovered) = Log::open(path)?;
    assert_eq!(recovered.blocks.len(), recovered.entries.len());
    for (round, entry) in recovered.entries.iter().enumerate() {
        assert_eq!((recovered.height, entry), (7, &vote(7, round as u32, 1)));
    }
    Ok(recovered.entries.len())
}

#[test]
fn what_was_synced_is_read_again_and_a_new_height_starts_empty() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    written(&path, 3);
    assert_eq!(reopened(&path).unwrap(), 3);
    let (mut log, _) = Log::open(&path).unwrap();
    log.append_entry(&vote(7, 3, 1));
    log.reset(8).unwrap();
    log.sync().unwrap();
    let (log, recovered) = Log::open(&path).unwrap();
    assert_eq!((log.height(), recovered.entries.len()), (8, 0));
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let ends = written(&path, 3);
    let whole = fs::read(&path).unwrap();
    for _ in 0..100 {
        let cut = rng.random_range(0..=whole.len());
        let mut torn = whole[..cut].to_vec();
        if rng.random() {
            // The system had made room, but not written it.
            torn.resize(rng.random_range(cut..=whole.len()), 0);
        }
        fs::write(&path, &torn).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut as u64).count();
        // A sector of the disk holds the 24 bytes of the file's header, whole or not at all.
        let found = if (1..24).contains(&cut) { 0 } else { reopened(&path).unwrap() };
        assert_eq!(found, kept, "cut at {cut}");
    }
}

#[test]
fn damage_before_a_sound_frame_is_refused_with_advice() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let ends = written(&path, 4);
    let whole = fs::read(&path).unwrap();
    for _ in 0..50 {
        let mut damaged = whole.clone();
        let at = rng.random_range(0..ends[2] as usize);
        damaged[at] ^= 1 << rng.random_range(0..8);
        fs::write(&path, &damaged).unwrap();
        let error = reopened(&path).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "byte {at}: {error}");
        assert!(error.to_string().contains("move the file away"), "{error}");
    }
}

#[test]
fn the_guard_refuses_a_second_signature_and_an_earlier_one() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Journal::open(directory.path(), Operator(operator(0))).unwrap();
    let (mut journal, _) = open();
    assert!(!journal.may_sign(1, &[]), "nobody has said whether the keys are new");
    journal.change_guard(|guard| guard.settle(0)).unwrap();
    assert!(journal.may_sign(1, &[]));
    journal.start_height(5).unwrap();
    journal.append(&vote(5, 2, 1)).unwrap();
    journal.append(&vote(5, 2, 1)).unwrap();
    journal.sync().unwrap();
    let refused = |journal: &mut Journal, entry| {
        let error = journal.append(&entry).unwrap_err();
        assert!(matches!(error, EngineError::Guard(GuardError::SignedAlready { .. })), "{error}");
    };
    for entry in [vote(5, 2, 2), vote(5, 1, 1), vote(4, 9, 1)] {
        refused(&mut journal, entry);
    }
    drop(journal);

    // After a restart the log says what was signed.
    let (journal, recovered) = open();
    assert_eq!(recovered.entries, [vote(5, 2, 1), vote(5, 2, 1)]);
    assert!(journal.may_sign(5, &recovered.entries));
    drop(journal);

    // Without the log, or with one of another time, nothing more is signed at that height.
    fs::remove_file(directory.path().join("consensus.log")).unwrap();
    let (mut journal, recovered) = open();
    assert!(!journal.may_sign(5, &recovered.entries));
    assert!(!journal.may_sign(5, &[vote(5, 2, 2)]));
    assert!(!journal.may_sign(4, &[]));
    assert!(journal.may_sign(6, &[]));
    journal.start_height(5).unwrap();
    refused(&mut journal, vote(5, 2, 2));
}

/// Signed messages of one height, by round.
fn signed(round: u32) -> Signed {
    Signed::of(&vote(5, round, 1)).unwrap()
}

#[test]
fn a_guard_that_was_copied_forbids_until_it_is_settled_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("signed"), directory.path().join("copy"));
    let mut guard = Guard::open(&path).unwrap();
    assert_eq!((guard.doubt(), guard.is_copy()), (Some(Doubt::Missing), false));
    guard.settle(3);
    guard.note(signed(0)).unwrap();
    guard.sync().unwrap();
    drop(guard);
    fs::copy(&path, &copy).unwrap();
    // However often it is opened, and whatever the directory is called.
    fs::rename(&path, directory.path().join("moved")).unwrap();
    fs::rename(directory.path().join("moved"), &path).unwrap();
    for _ in 0..3 {
        let guard = Guard::open(&path).unwrap();
        assert_eq!((guard.doubt(), guard.votes_from(), guard.is_copy()), (None, Some(3), false));
        assert!(guard.may_sign(6, &[]) && guard.may_sign(5, &[vote(5, 0, 1)]));
    }
    // The copy takes the place of the file.
    fs::rename(&copy, &path).unwrap();
    for is_copy in [true, false] {
        let guard = Guard::open(&path).unwrap();
        assert_eq!((guard.doubt(), guard.is_copy()), (Some(Doubt::Copied), is_copy), "for good");
        assert_eq!((guard.votes_from(), *guard.last()), (None, signed(0)));
        assert!(!guard.may_sign(6, &[]) && !guard.may_sign(5, &[vote(5, 0, 1)]));
    }
    let mut guard = Guard::open(&path).unwrap();
    // What it knows still forbids, whatever others may claim.
    guard.settle(2);
    assert_eq!(guard.votes_from(), Some(3));
    assert!(!guard.may_sign(4, &[]) && !guard.may_sign(5, &[]) && guard.may_sign(6, &[]));
    guard.note(signed(0)).unwrap();
    assert!(guard.note(Signed { step: 0, ..signed(0) }).is_err());
    guard.sync().unwrap();
    let guard = Guard::open(&path).unwrap();
    assert_eq!((guard.doubt(), guard.votes_from()), (None, Some(3)));
}

#[test]
fn a_guard_that_is_proven_old_forbids_what_was_decided_since() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("signed");
    let mut guard = Guard::open(&path).unwrap();
    guard.settle(0);
    guard.note(signed(0)).unwrap();
    assert!(guard.may_sign(6, &[]) && !guard.reaches(5, 0), "a prevote is no precommit");
    guard.forbid_below(9);
    guard.doubt_it(Doubt::Outdated);
    guard.sync().unwrap();
    let mut guard = Guard::open(&path).unwrap();
    assert_eq!((guard.doubt(), guard.votes_from()), (Some(Doubt::Outdated), None));
    guard.settle(7);
    assert!(!guard.may_sign(8, &[]) && guard.may_sign(9, &[]));
    guard.trust();
    assert!(guard.may_sign(6, &[]) && !guard.may_sign(5, &[]), "the last signature still counts");
}
