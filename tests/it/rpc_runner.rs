//! `conformance rpc`: the given cases of ethereum/execution-apis, and that the runner can fail.

use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn conformance(fixtures: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["rpc", "--fixtures"]).arg(fixtures).args(more);
    command.output().expect("the runner starts")
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn every_given_case_passes() {
    let Some(fixtures) = std::env::var_os("MFENX_FIXTURES") else {
        println!("SKIPPED: MFENX_FIXTURES names no directory of fixtures");
        return;
    };
    let output = conformance(&PathBuf::from(fixtures).join("rpc-compat"), &[]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with(" passed, 0 failed\n") && !text.contains("\n0 passed"), "{text}");
}

/// The development chain, without a block, and three cases of which the last two must fail.
fn small_fixtures() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let genesis = concat!(env!("CARGO_MANIFEST_DIR"), "/../chainspec/dev.json");
    fs::copy(genesis, dir.path().join("genesis.json")).unwrap();
    fs::write(dir.path().join("chain.rlp"), []).unwrap();
    for (method, case, expected) in [
        ("eth_blockNumber", "a-right", json!({"jsonrpc": "2.0", "id": 7, "result": "0x0"})),
        ("eth_blockNumber", "b-wrong", json!({"jsonrpc": "2.0", "id": 7, "result": "0x1"})),
        (
            "testing_missing",
            "c-wrong-code",
            json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "x"}}),
        ),
    ] {
        let folder = dir.path().join(method);
        fs::create_dir_all(&folder).unwrap();
        let request = json!({"jsonrpc": "2.0", "id": 7, "method": method});
        let text = format!("// a case\n>> {request}\n<< {expected}\n");
        fs::write(folder.join(format!("{case}.io")), text).unwrap();
    }
    dir
}

#[test]
fn a_wrong_answer_fails_the_run_and_is_shown() {
    let dir = small_fixtures();
    let output = conformance(dir.path(), &[]);
    let all = text(&output);
    assert_eq!(output.status.code(), Some(1), "{all}");
    assert!(all.contains("FAILED eth_blockNumber/b-wrong"), "{all}");
    assert!(all.contains("result: expected \"0x1\", got \"0x0\""), "{all}");
    assert!(all.contains("error.code: expected -32000, got -32601"), "{all}");
    assert!(all.ends_with("1 passed, 2 failed\n"), "{all}");
    let right = conformance(dir.path(), &["--only", "eth_blockNumber/a-right"]);
    assert_eq!(right.status.code(), Some(0), "{}", text(&right));
    assert!(text(&right).ends_with("1 passed, 0 failed\n"), "{}", text(&right));
}

#[test]
fn a_wrong_directory_or_a_wrong_chain_is_told_and_nothing_is_run() {
    let dir = small_fixtures();
    let empty = tempfile::tempdir().unwrap();
    let told = |output: &Output, words: &str| {
        assert_eq!(output.status.code(), Some(2), "{}", text(output));
        assert!(text(output).contains(words), "{}", text(output));
    };
    told(&conformance(empty.path(), &[]), "holds no METHOD/case.io");
    told(&conformance(&empty.path().join("missing"), &[]), "cannot list");
    told(&conformance(dir.path(), &["--only", "eth_nothing"]), "no case of eth_nothing");
    let nobody = ["--url", "http://127.0.0.1:1", "--only", "eth_blockNumber/a-right"];
    let unanswered = conformance(dir.path(), &nobody);
    assert_eq!(unanswered.status.code(), Some(1), "{}", text(&unanswered));
    assert!(text(&unanswered).contains("no answer from 127.0.0.1:1"), "{}", text(&unanswered));

    let other = json!({"params": [{"headBlockHash": "0x00"}]}).to_string();
    fs::write(dir.path().join("headfcu.json"), other).unwrap();
    told(&conformance(dir.path(), &[]), "headfcu.json expects 0x00");
    fs::write(dir.path().join("chain.rlp"), "text").unwrap();
    told(&conformance(dir.path(), &[]), "the chain cannot be imported");
    fs::remove_file(dir.path().join("chain.rlp")).unwrap();
    told(&conformance(dir.path(), &[]), "has no chain.rlp");
}
