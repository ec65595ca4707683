//! The chain's own precompiles on a real node, through client libraries; what they have to answer
//! comes from the libraries behind them, called here.

use crate::{
    clients,
    node::Node,
    persistence::receipt,
    wallet::{STRANGER, account, sign, transfer},
};
use ed25519_dalek::{Signer, SigningKey};
use mfenx_compute::{Prover, Reference, Task, unwatched};
use mfenx_vrf::SecretKey;
use serde_json::{Value, json};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}

fn compute() -> Value {
    let (seed, beacon, samples) = ([5; 32], [6; 32], 64);
    let [m, k, p, rounds] = [33, 200, 70, 3];
    let mut prover = Prover::new(Task::new(seed, m, k, p, rounds).unwrap());
    prover.run(&Reference, &unwatched).unwrap();
    let proof = prover.open(&Reference, &beacon, samples, &unwatched).unwrap();
    let roots: Vec<_> = prover.roots().iter().map(hex).collect();
    json!({"task": [hex(seed), m, k, p, rounds], "roots": roots, "beacon": hex(beacon),
        "samples": samples, "proof": hex(proof)})
}

/// (2 x 3) times (3 x 2).
fn matrix() -> Value {
    let (a, b) = ([1, -2, 3, -128, 127, 0_i8], [7, -8, 9, 10, -11, 12_i8]);
    let c = [7 - 2 * 9 - 3 * 11, -8 - 2 * 10 + 3 * 12, -128 * 7 + 127 * 9, 128 * 8 + 127 * 10_i32];
    let bytes = |entries: [i8; 6]| hex(entries.map(i8::cast_unsigned));
    let c: Vec<u8> = c.into_iter().flat_map(i32::to_le_bytes).collect();
    json!({"m": 2, "k": 3, "p": 2, "a": bytes(a), "b": bytes(b), "c": hex(c), "gas": 100 + 1 + 3 * 3})
}

fn vectors() -> Value {
    let blake3 = [0, 3, 64, 5_000].map(|length| {
        let input: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        json!({"input": hex(&input), "hash": hex(blake3::hash(&input).as_bytes())})
    });
    let (signer, message) = (SigningKey::from_bytes(&[3; 32]), b"a message");
    let signature = signer.sign(message).to_bytes();
    let (prover, alpha) = (SecretKey::from_seed([4; 32]), b"an input");
    let (proof, output) = prover.prove(alpha);
    json!({
        "blake3": blake3,
        "ed25519": {"key": hex(signer.verifying_key().as_bytes()), "signature": hex(signature),
            "message": hex(message)},
        "vrf": {"key": hex(prover.public_key().as_bytes()), "proof": hex(proof.to_bytes()),
            "alpha": hex(alpha), "beta": hex(output.as_bytes())},
        "compute": compute(),
        "matrix": matrix(),
    })
}

#[test]
fn ethers_and_cast_call_all_six() {
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(file.as_file(), &vectors()).unwrap();
    clients::with_cast("precompiles.mjs", "ethers", file.path());
}

/// The same call by plain JSON-RPC, for machines without client libraries; and a restart between.
#[test]
fn beacons_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let ask = |node: &Node| {
        let data = format!("0x1d21c669{:064x}", 1);
        let call = json!({"to": "0x00000000000000000000000000000002b4030004", "data": data});
        node.rpc().get("eth_call", json!([call, "latest"]))
    };
    let node = Node::dev(Some(directory.path()));
    for nonce in 0..2 {
        let raw = sign(&account(0), transfer(nonce, STRANGER));
        let rpc = node.rpc();
        receipt(&rpc, &rpc.get("eth_sendRawTransaction", json!([raw])));
    }
    let before = ask(&node);
    assert_eq!(before.as_str().unwrap().len(), 2 + 2 * 32 * 5);
    node.stop("TERM");
    assert_eq!(ask(&Node::dev(Some(directory.path()))), before);
}
