//! `mfenx worker`, as an operator types it: what is changed, and where it is wrong words that say what
//! to do, and nothing is made.

use crate::node::{Ended, Node, mfenx, run};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::Stdio,
};

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
        for command in [
            "observe",
            "lapse 1",
            "miss 0 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "refresh 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        ] {
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
    for words in [format!("miss 0 {OPERATOR}"), format!("refresh {OPERATOR}")] {
        let refusal = with(&format!("{words} --dev-account 5"));
        refused(&refusal, &["worker", "is not registered"]);
    }
    let wrong = with(&format!("miss one {OPERATOR} --dev-account 5"));
    assert!(wrong.stderr.contains("not the number of a round"), "{wrong:?}");
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

/// A worker of account 1 on a chain of its own.
struct Operated {
    node: Node,
    parent: tempfile::TempDir,
}

/// Accounts 1 and 2 of the development chain.
const OPERATOR: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const AGENT: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

impl Operated {
    fn new() -> Self {
        Self { node: Node::dev(None), parent: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> PathBuf {
        self.parent.path().join("worker")
    }

    fn rpc(&self) -> String {
        format!("--rpc http://{}", self.node.http())
    }

    /// Runs a command with these words as the operator.
    fn does(&self, words: &str) -> Ended {
        self.does_as(words, "--dev-account 1")
    }

    fn does_as(&self, words: &str, account: &str) -> Ended {
        worker(&format!("{words} --dir {{}} {account} {}", self.rpc()), &self.directory())
    }

    /// As [`Self::does`], and it is done.
    fn done(&self, words: &str) -> Ended {
        let ended = self.does(words);
        assert_eq!(ended.code, Some(0), "{words}: {ended:?}");
        assert!(ended.stdout.starts_with("done in block "), "{words}: {ended:?}");
        ended
    }

    fn status(&self) -> Value {
        let ended = self.does("status --json");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// Starts the worker with these words until it is ready; what it said on standard error.
    fn starts(&self, words: &str) -> String {
        let mut command = mfenx(&["worker", "--backend", "cpu", "--threads", "1"]);
        command.args(["--dev-account", "1", "--dir"]).arg(self.directory());
        command.args(self.rpc().split(' ')).args(words.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().map(Result::unwrap).unwrap_or_default();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(line.starts_with("ready "), "{words}: {line:?}\n{said}");
        said
    }
}

#[test]
fn an_operator_changes_stake_terms_declaration_and_agent() {
    let it = Operated::new();
    it.starts("--capacity 8 --price 7");
    let status = it.status();
    let found = ["class", "capacity", "base", "price"].map(|name| status[name].as_u64().unwrap());
    assert_eq!(found, [0, 8, 0, 7], "{status}");
    assert_eq!(status["strikes"], json!({"key": 0, "operator": 0, "card": 0}));
    assert_eq!(status["banned"], json!([]));

    // What is not named stays.
    it.done("terms --base 5");
    let status = it.status();
    assert_eq!([&status["capacity"], &status["base"], &status["price"]], [8, 5, 7], "{status}");
    let nothing = it.does("terms");
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("--capacity"), "{nothing:?}");

    it.done("stake --add 2.5");
    let stake = "0xad78ebc5ac620000"; // 12.5 * 10^18
    assert_eq!(it.status()["stake"], stake);
    let nothing = it.does("stake --add 0");
    assert!(nothing.code == Some(2) && nothing.stderr.contains("nothing is added"), "{nothing:?}");
    refused(&it.does("stake --add 100000"), &[OPERATOR, "JULIAN", "send it"]);
    assert_eq!(it.status()["stake"], stake);

    let attested = it.done("attest --backend cpu --class 1");
    assert!(attested.stderr.contains("the measurement is void"), "{attested:?}");
    assert_eq!(it.status()["class"], 1);
    it.done("attest --backend cpu");
    assert_eq!(it.status()["class"], 1, "the class is kept where none is named");
    refused(&it.does("attest --backend cpu --class 9"), &["there is no class 9"]);

    let as_agent =
        |words: &str| it.does_as(&format!("{words} --operator {OPERATOR}"), "--dev-account 2");
    refused(&as_agent("terms --capacity 3"), &[AGENT, "only its operator"]);
    it.done(&format!("agent --set {AGENT}"));
    assert_eq!(it.status()["agent"], AGENT.to_lowercase());
    assert_eq!(as_agent("terms --capacity 3").code, Some(0));
    assert_eq!(it.status()["capacity"], 3);
    refused(&as_agent("exit"), &["only its operator", "terms, and nothing else"]);
    it.done("agent --none");
    refused(&as_agent("terms --capacity 4"), &["only its operator"]);
    for words in ["agent", "agent --none --set 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"] {
        let ended = it.does(words);
        assert!(ended.code == Some(2) && ended.stderr.contains("--none"), "{ended:?}");
    }
}

#[test]
fn what_is_asked_of_a_registered_worker_is_done_or_said() {
    let it = Operated::new();
    assert_eq!(it.starts("--capacity 2 --base 5"), "", "nothing to say of a new one");
    // Terms are changed, and the others kept; class and stake are not.
    let said = it.starts("--capacity 6 --class 2 --stake 17.5");
    for words in [
        "terms changed from --capacity 2 --base 5 --price 0 to --capacity 6 --base 5 --price 0",
        "--class 2 is ignored",
        "`mfenx worker attest --class 2`",
        "--stake 17.5",
        "`mfenx worker stake --add 7.5",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let status = it.status();
    assert_eq!([&status["capacity"], &status["base"], &status["class"]], [6, 5, 0], "{status}");
    assert_eq!(it.starts("--capacity 6 --class 0 --stake 10"), "", "it is so already");
    assert_eq!(it.starts(""), "");
    assert_eq!(it.status()["capacity"], 6);
}

/// The list of jobs is torn, of another chain, or of another worker: what to do about it differs.
#[test]
fn a_book_that_cannot_be_used_is_explained() {
    let it = Operated::new();
    it.starts("");
    let path = it.directory().join("book.json");
    fs::write(&path, "{").unwrap();
    let torn = it.does("--backend cpu --threads 1");
    refused(&torn, &["book.json", "move this file away", "leave the keys"]);
    let mut pages = json!({
        "chain_id": 177_155, "worker": it.status()["worker"], "cursor": 1_000_000, "jobs": {},
        "earnings": {
            "verified": 0, "late": 0, "failed": 0, "benchmarks": 0, "earned": "0x0", "gas": "0x0",
            "multiplyAdds": 0,
        },
    });
    fs::write(&path, pages.to_string()).unwrap();
    let anew = it.does("--backend cpu --threads 1");
    assert_eq!(anew.code, Some(1), "the node may catch up: {anew:?}");
    for words in ["up to block 1000000", "wait until it has caught up", "`mfenx dev`"] {
        assert!(anew.stderr.contains(words), "{words:?} is not in {anew:?}");
    }
    pages["worker"] = json!(AGENT);
    fs::write(&path, pages.to_string()).unwrap();
    let other = it.does("--backend cpu --threads 1");
    refused(&other, &["it is of worker", AGENT, "--dir"]);
    assert!(!other.stderr.contains("move"), "{other:?}");
    // And after what was advised it works.
    fs::remove_file(&path).unwrap();
    it.starts("");
}
