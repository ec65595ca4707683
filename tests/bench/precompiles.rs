//! `bench precompiles`: nanoseconds a gas of the chain's own precompiles.
//!
//! Gas is meant to be about 10 ns of one core. The time is that of the functions that the EVM calls,
//! decoding included; the call itself and the memory of the input are the caller's gas.

use clap::Args;
use ed25519_dalek::{Signer, SigningKey};
use eyre::{Result, ensure, eyre};
use mfenx_compute::{Prover, Reference, Task, unwatched};
use mfenx_precompiles::{
    Beacon, PrecompileResult, beacon, blake3, compute_verify, ed25519_verify, multiply, vrf_verify,
};
use mfenx_primitives::precompile::RecordWord;
use mfenx_vrf::SecretKey;
use std::{
    convert::Infallible,
    hint::black_box,
    time::{Duration, Instant},
};

/// Gas of a call that is not short of it.
const PLENTY: u64 = 1 << 40;

/// How long to measure, and what is too slow.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Milliseconds that a turn of one case takes; the fastest of five turns counts.
    #[arg(long, default_value_t = 60)]
    turn_ms: u64,
    /// Fails when a case takes more nanoseconds a gas than `--ns-per-gas-max`.
    #[arg(long)]
    check: bool,
    /// The most nanoseconds a gas may take.
    #[arg(long, default_value_t = 15.0)]
    ns_per_gas_max: f64,
}

/// One call of a precompile.
struct Case {
    name: String,
    input: Vec<u8>,
    function: fn(&[u8], u64) -> PrecompileResult,
}

impl Case {
    fn new(
        name: impl Into<String>,
        function: fn(&[u8], u64) -> PrecompileResult,
        input: Vec<u8>,
    ) -> Self {
        Self { name: name.into(), input, function }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    println!("{:<44} {:>12} {:>12} {:>8}", "precompile", "gas", "microseconds", "ns/gas");
    let mut slow = Vec::new();
    for Case { name, input, function } in cases()? {
        let output = function(&input, PLENTY).map_err(|_| eyre!("{name}: out of gas"))?;
        ensure!(!output.reverted, "{name}: {}", output.bytes);
        let turn = Duration::from_millis(options.turn_ms);
        let time = (0..5).map(|_| time_of(&input, function, turn)).min().unwrap_or_default();
        let ns_per_gas = time.as_nanos() as f64 / output.gas_used as f64;
        let micros = time.as_nanos() as f64 / 1e3;
        println!("{name:<44} {:>12} {micros:>12.2} {ns_per_gas:>8.2}", output.gas_used);
        if ns_per_gas > options.ns_per_gas_max {
            slow.push(name);
        }
    }
    ensure!(
        !options.check || slow.is_empty(),
        "more than {} ns a gas: {}",
        options.ns_per_gas_max,
        slow.join(", ")
    );
    Ok(())
}

/// The average of as many calls as fit into `turn`.
fn time_of(input: &[u8], function: fn(&[u8], u64) -> PrecompileResult, turn: Duration) -> Duration {
    let start = Instant::now();
    let mut calls = 0;
    while calls == 0 || start.elapsed() < turn {
        _ = black_box(function(black_box(input), PLENTY));
        calls += 1;
    }
    start.elapsed() / calls
}

fn cases() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for bytes in [0, 32, 64, 1_024, 16_384, 1 << 20] {
        cases.push(Case::new(format!("BLAKE3, {bytes} bytes"), blake3, vec![7; bytes]));
    }
    for bytes in [32, 1_024, 65_536] {
        let name = format!("Ed25519, message of {bytes} bytes");
        cases.push(Case::new(name, ed25519_verify, signature_call(bytes)));
    }
    for (name, alpha) in [
        ("40 bytes", vec![1; 40]),
        ("1,024 bytes", vec![1; 1_024]),
        ("40 bytes that take many tries", many_tries()),
    ] {
        cases.push(Case::new(format!("VRF, alpha of {name}"), vrf_verify, proof_call(&alpha)));
    }
    cases.push(Case::new("beacon of authorities", beacon_of_authorities, beacon_call()));
    for (name, sizes, samples) in [
        ("k 64, m and p 64, 64 samples", [64, 64, 64, 1], 64),
        ("k 1,024, m and p 256, 64 samples", [256, 1_024, 256, 1], 64),
        ("k 4,096, m and p 64, 64 samples", [64, 4_096, 64, 1], 64),
        ("k 32,768, m and p 64, 64 samples", [64, 32_768, 64, 1], 64),
        ("k 1,024, m and p 64, 1 sample", [64, 1_024, 64, 1], 1),
        ("k 1, m and p 16, 1,024 rounds, 1 sample", [16, 1, 16, 1_024], 1),
        ("k 1, m and p 16, 256 rounds, 256 samples", [16, 1, 16, 256], 256),
    ] {
        let call = compute_call(sizes, samples)?;
        cases.push(Case::new(format!("compute, {name}"), compute_verify, call));
    }
    for (m, k, p) in [
        (1, 1, 1),
        (16, 16, 16),
        (64, 64, 64),
        (256, 256, 256),
        (1, 4_096, 4_096),
        (4_096, 1, 4_096),
    ] {
        let name = format!("matrix, {m} x {k} x {p}");
        cases.push(Case::new(name, multiply, matrix_call(m, k, p)));
    }
    for (m, k, p) in [(4_096, 8, 512), (2_048, 7, 1_024), (16_384, 1, 1)].into_iter().chain(thin())
    {
        let name = format!("matrix, {m} x {k} x {p}");
        cases.push(Case::new(name, multiply, matrix_call(m, k, p)));
    }
    Ok(cases)
}

/// Shapes with one long side, of about 2^20 multiply-adds: those whose multiply-adds are the smallest part
/// of the work.
fn thin() -> impl Iterator<Item = (usize, usize, usize)> {
    let short = [(1, 1), (1, 7), (2, 2), (7, 15), (15, 1), (15, 15), (31, 31)];
    short.into_iter().flat_map(|(one, other)| {
        let long = (1 << 20) / (one * other);
        [(long, one, other), (one, long, other), (one, other, long)]
    })
}

fn word(value: usize) -> [u8; 32] {
    alloy_primitives::U256::from(value).to_be_bytes()
}

/// A call with `head` (in words) before its arguments of type `bytes`.
fn call(selector: [u8; 4], head: &[[u8; 32]], tails: &[&[u8]]) -> Vec<u8> {
    let mut encoded = selector.to_vec();
    encoded.extend(head.iter().flatten());
    let mut offset = 32 * (head.len() + tails.len());
    for tail in tails {
        encoded.extend(word(offset));
        offset += 32 + tail.len().next_multiple_of(32);
    }
    for tail in tails {
        encoded.extend(word(tail.len()));
        encoded.extend_from_slice(tail);
        encoded.resize(encoded.len() + tail.len().wrapping_neg() % 32, 0);
    }
    encoded
}

fn signature_call(bytes: usize) -> Vec<u8> {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), vec![1; bytes]);
    let signature = key.sign(&message).to_bytes();
    call([0x5b, 0xf4, 0x8e, 0x3a], &[key.verifying_key().to_bytes()], &[&signature, &message])
}

fn vrf_key() -> SecretKey {
    SecretKey::from_seed([8; 32])
}

fn proof_call(alpha: &[u8]) -> Vec<u8> {
    let key = vrf_key();
    let proof = key.prove(alpha).0.to_bytes();
    call([0x5b, 0xf4, 0x8e, 0x3a], &[*key.public_key().as_bytes()], &[&proof, alpha])
}

/// An input for which try-and-increment takes the longest of 4,096: what somebody finds who looks
/// for it.
fn many_tries() -> Vec<u8> {
    let slowest = (0_u64..4_096).map(|index| {
        let alpha = [&index.to_le_bytes()[..], &[0; 32]].concat();
        let call = proof_call(&alpha);
        let time = (0..3).map(|_| time_of(&call, vrf_verify, Duration::ZERO)).min();
        (time, alpha)
    });
    slowest.max().map(|(_, alpha)| alpha).unwrap_or_default()
}

fn beacon_call() -> Vec<u8> {
    call([0x1d, 0x21, 0xc6, 0x69], &[word(7)], &[])
}

/// Without the database, whose pages are in memory when the same record is asked for again.
fn beacon_of_authorities(input: &[u8], gas: u64) -> PrecompileResult {
    static RECORD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let proof = vrf_key().prove(b"alpha").0.to_bytes();
        [&[1][..], &[2; 32], &proof].concat()
    });
    let Ok(result) = beacon::<Infallible>(input, gas, 10, |height| {
        Beacon::read(height, |number| {
            let word = RecordWord::of_number(number).map(|word| word.of(&RECORD));
            Ok(word.unwrap_or_default().into())
        })
    });
    result
}

fn compute_call([m, k, p, rounds]: [u32; 4], samples: u32) -> Result<Vec<u8>> {
    let (seed, beacon) = ([5; 32], [6; 32]);
    let mut prover = Prover::new(Task::new(seed, m, k, p, rounds)?);
    prover.run(&Reference, &unwatched)?;
    let proof = prover.open(&Reference, &beacon, samples, &unwatched)?;
    let roots = prover.roots();
    let mut encoded = vec![0x3c, 0x6a, 0x1e, 0xd0];
    encoded.extend(seed);
    encoded.extend([m, k, p, rounds].map(|size| word(size as usize)).concat());
    encoded.extend(word(9 * 32));
    encoded.extend(beacon);
    encoded.extend(word(samples as usize));
    encoded.extend(word(10 * 32 + 32 * roots.len()));
    encoded.extend(word(roots.len()));
    encoded.extend(roots.concat());
    encoded.extend(word(proof.len()));
    encoded.extend_from_slice(&proof);
    encoded.resize(encoded.len() + proof.len().wrapping_neg() % 32, 0);
    Ok(encoded)
}

fn matrix_call(m: usize, k: usize, p: usize) -> Vec<u8> {
    let entries = |count: usize| (0..count).map(|i| (i * 31 + 7) as u8).collect::<Vec<_>>();
    let (a, b) = (entries(m * k), entries(k * p));
    call([0x18, 0xd4, 0x0e, 0x92], &[word(m), word(k), word(p)], &[&a, &b])
}
