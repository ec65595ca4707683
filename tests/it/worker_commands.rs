//! `mfenx worker`, as an operator types it wrongly: words that say what to do, and nothing is made.

use crate::node::{Ended, Node, run};
use std::{ffi::OsStr, fs, path::Path};

/// `mfenx worker` with these words; `{}` stands for the directory.
fn worker(words: &str, directory: &Path) -> Ended {
    let words = words.split_whitespace().map(|word| match word {
        "{}" => directory.as_os_str(),
        word => OsStr::new(word),
    });
    run(&[OsStr::new("worker")].into_iter().chain(words).collect::<Vec<_>>())
}

/// Exit code 2, nothing on standard output, and one line with these words.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in {ended:?}");
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn a_directory_without_a_worker_is_left_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let (missing, empty) = (parent.path().join("missing"), parent.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    for directory in [&missing, &empty] {
        for command in ["status", "exit", "release", "withdraw", "terms --capacity 0"] {
            for account in ["", "--dev-account 1"] {
                let ended = worker(&format!("{command} --dir {{}} {account}"), directory);
                let place = directory.to_str().unwrap();
                refused(&ended, &[place, "holds no worker", "--dir", "`mfenx worker`"]);
            }
        }
        for command in ["observe", "lapse 1"] {
            let ended = worker(&format!("{command} --dir {{}}"), directory);
            refused(&ended, &["holds no account", "--operator-key"]);
        }
        assert!(!missing.exists() && is_empty(&empty));
    }
}

#[test]
fn what_the_contract_refuses_is_said_in_words() {
    let (node, parent) = (Node::dev(None), tempfile::tempdir().unwrap());
    let directory = parent.path().join("worker");
    let with = |words: &str| {
        let rpc = format!("--rpc http://{}", node.http());
        worker(&format!("{words} --dir {{}} {rpc}"), &directory)
    };
    // Whoever is no authority observes nothing, and prints nothing.
    refused(&with("observe --dev-account 5"), &["is no authority of this chain"]);
    let lapse = with("lapse 0x10000000000000000 --dev-account 5");
    refused(&lapse, &["the Compute contract refuses"]);
    assert!(!lapse.stderr.contains(['{', '(']), "not as the code has it: {lapse:?}");
    let wrong = with("lapse one --dev-account 5");
    assert!(wrong.stderr.contains("not the number of a job"), "{wrong:?}");
    assert!(!directory.exists());
    // The stake is missing: who lacks how much, in JULIAN. The keys are made, so that they can be funded.
    let broke = with("--backend cpu");
    refused(&broke, &["account 0x", "has 0.0", "takes up to 10.0", "send it 10.0", "JULIAN"]);
    assert!(directory.join("worker.key").exists() && directory.join("operator.key").exists());
    // A worker that is there, and that the contract does not know.
    let status = with("status");
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains("not registered"), "{status:?}");
    let exit = with("exit");
    refused(&exit, &["is not registered", "`mfenx worker`"]);
    assert_eq!(exit.stderr.matches("0x").count(), 1, "once is enough: {exit:?}");
}

#[test]
fn devices_are_listed_without_a_driver() {
    let ended = worker("devices", Path::new(""));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.lines().any(|line| line.starts_with("CPU: ")), "{ended:?}");
    if ended.stdout.lines().count() == 1 {
        assert!(ended.stderr.contains("no cards: no CUDA driver found"), "{ended:?}");
        assert!(!ended.stderr.contains("libloading") && !ended.stderr.contains(".so"), "{ended:?}");
    }
}
