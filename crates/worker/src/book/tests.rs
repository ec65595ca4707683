use super::*;
use alloy_primitives::Address;

fn entry() -> Entry {
    let seed = B256::repeat_byte(3);
    Entry { seed, m: 2, k: 1, p: 1, rounds: 2, samples: 4, deadline: 9, is_benchmark: false }
}

#[test]
fn a_book_is_read_as_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let (worker, id) = (Address::repeat_byte(1), U256::from(7));
    let rows = vec![vec![[1; 32], [2; 32]], vec![[3; 32], [4; 32]]];
    {
        let mut book = Book::open(directory.path(), 5, worker, 10).unwrap();
        assert_eq!(book.cursor(), 10);
        assert!(book.add(id, entry()) && book.rows(id).is_none());
        book.set_cursor(11);
        book.earnings_mut().verified = 3;
        book.save_rows(id, &rows).unwrap();
        book.save().unwrap();
        let other = Book::open(directory.path(), 5, worker, 10).unwrap_err();
        assert!(matches!(other, WorkerError::InUse(_)), "{other}");
    }
    let mut book = Book::open(directory.path(), 5, worker, 10).unwrap();
    assert_eq!((book.cursor(), book.earnings().verified), (11, 3));
    assert_eq!(book.jobs().get(&id), Some(&entry()));
    assert_eq!(book.rows(id), Some(rows));
    fs::write(directory.path().join("jobs/7.rows"), [0; 127]).unwrap();
    assert_eq!(book.rows(id), None, "a torn file is none");
    book.remove(id);
    assert!(!book.has_rows(id) && book.jobs().is_empty());
    book.save().unwrap();
    drop(book);
    let stray = |name: &str| directory.path().join("jobs").join(name);
    for name in ["8.rows", "8.new", "notes.txt"] {
        fs::write(stray(name), "").unwrap();
    }
    drop(Book::open(directory.path(), 5, worker, 10).unwrap());
    assert!(!stray("8.rows").exists() && !stray("8.new").exists(), "files of no job stay");
    assert!(stray("notes.txt").exists(), "and what is not ours is left");
    let error = Book::open(directory.path(), 6, worker, 10).unwrap_err().to_string();
    assert!(error.contains("on chain 5,") && error.contains("--dir"), "{error}");
    assert!(!error.contains("away"), "another's jobs are no file to be moved: {error}");
    for damage in ["{".to_owned(), " ".repeat(BOOK_BYTES_MAX as usize + 1)] {
        fs::write(directory.path().join("book.json"), damage).unwrap();
        let error = Book::open(directory.path(), 5, worker, 10).unwrap_err().to_string();
        assert!(error.contains("move this file away"), "{error}");
    }
}

#[test]
fn a_chain_that_was_begun_anew_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (id, rows) = (U256::from(7), vec![vec![[1; 32]; 2]; 2]);
    let mut book = Book::open(directory.path(), 5, Address::ZERO, 10).unwrap();
    assert!(book.check_head(10).is_ok());
    let error = book.check_head(9).unwrap_err();
    assert!(error.is_passing(), "the node may catch up");
    let error = error.to_string();
    assert!(error.contains("block 10") && error.contains("mfenx dev"), "{error}");
    // The same number, of another chain: not what was computed for the old one.
    assert!(book.add(id, entry()));
    book.save_rows(id, &rows).unwrap();
    assert!(book.add(id, entry()) && book.rows(id) == Some(rows), "the same is the same");
    let other = Entry { seed: B256::repeat_byte(4), ..entry() };
    assert!(book.add(id, other.clone()) && !book.has(id, entry().seed));
    assert!(book.has(id, other.seed) && book.rows(id).is_none());
}

#[test]
fn jobs_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut book = Book::open(directory.path(), 5, Address::ZERO, 0).unwrap();
    for id in 0..JOBS_MAX {
        assert!(book.add(U256::from(id), entry()));
    }
    assert!(!book.add(U256::from(JOBS_MAX), entry()));
    assert!(book.add(U256::from(3), entry()), "one it has is no new one");
}
