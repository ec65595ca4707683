//! How often a check of the chain finds what was left out, against what the design says.

use crate::{
    node::Node,
    persistence::receipt,
    wallet::{STRANGER, account, sign, transfer},
};
use alloy_primitives::{Address, U256, address};
use mfenx_client::Client;
use mfenx_compute::{
    Backend, BackendError, Hash, Prover, Reference, Round, Task, Watch, beacon_of, row_root,
    unwatched,
};
use serde_json::json;

alloy_sol_types::sol! {
    struct ProofTask {
        bytes32 seed;
        uint32 m;
        uint32 k;
        uint32 p;
        uint32 rounds;
    }
    function verify(ProofTask task, bytes32[] roots, bytes32 beacon, uint32 samples, bytes proof)
        external view returns (bool);
    function beacon(uint256 height) external view returns (bytes32 seed, bytes beta);
}

const BEACON: Address = address!("00000000000000000000000000000002b4030004");
const COMPUTE_VERIFY: Address = address!("00000000000000000000000000000002b4030005");

/// Blocks whose beacons draw: one draw each, for each cheat and number of samples.
const DRAWS: u32 = 240;
/// How rarely an honest chain may leave the interval on either side.
const TAIL: f64 = 1e-7;
/// Rows of a round.
const ROWS: u32 = 40;

/// Leaves out the first rows of each twenty.
struct Skipping {
    of_twenty: u32,
}

impl Backend for Skipping {
    fn name(&self) -> &str {
        "skipping"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        let rows: Vec<u32> = (0..round.m()).collect();
        let entries = self.rows(round, &rows, watch)?;
        Ok(entries.chunks(round.p() as usize).map(row_root).collect())
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let mut entries = Reference.rows(round, rows, watch)?;
        for (row, entries) in rows.iter().zip(entries.chunks_mut(round.p() as usize)) {
            if row % 20 < self.of_twenty {
                // No sum is that large, so that what is left out is never right by chance.
                entries.fill(i32::MAX);
            }
        }
        Ok(entries)
    }
}

/// The fewest and the most successes among `runs` that are not rarer than [`TAIL`].
fn binomial_interval(runs: u32, chance: f64) -> (u32, u32) {
    let logarithm = |count: u32| (1..=count).map(|n| f64::from(n).ln()).sum::<f64>();
    let density = |hits: u32| {
        let ways = logarithm(runs) - logarithm(hits) - logarithm(runs - hits);
        let missed = f64::from(runs - hits) * (1.0 - chance).ln();
        (ways + f64::from(hits) * chance.ln() + if hits == runs { 0.0 } else { missed }).exp()
    };
    let within = |order: &mut dyn Iterator<Item = u32>| {
        let mut tail = 0.0;
        let mut rare = order.take_while(|hits| {
            tail += density(*hits);
            tail < TAIL
        });
        rare.by_ref().count() as u32
    };
    (within(&mut (0..=runs)), runs - within(&mut (0..=runs).rev()))
}

#[test]
fn the_interval_is_that_of_a_coin() {
    // Twenty throws: all heads, or all tails, have a chance of 2^-20, above the tail.
    assert_eq!(binomial_interval(20, 0.5), (0, 20));
    // Thirty: 2^-30 and 31 * 2^-30 are below it, 31 + 435 are not.
    assert_eq!(binomial_interval(30, 0.5), (2, 28));
    let (fewest, most) = binomial_interval(1_000, 0.5);
    assert!((410..=420).contains(&fewest) && fewest + most == 1_000, "{fewest} to {most}");
}

/// The precompile answers through `eth_call`, for the beacons of as many blocks of a running chain.
#[test]
fn who_leaves_out_a_part_is_caught_as_often_as_the_design_says() {
    let node = Node::dev(None);
    let rpc = node.rpc();
    let signer = account(3);
    // One more than draws: a call on the latest state runs in the latest block and finds those before.
    for nonce in 0..=u64::from(DRAWS) {
        let raw = sign(&signer, transfer(nonce, STRANGER));
        receipt(&rpc, &rpc.get("eth_sendRawTransaction", json!([raw])));
    }
    let client = Client::new(&format!("http://{}", node.http())).unwrap();
    let beacons: Vec<Hash> = (1..=DRAWS)
        .map(|height| {
            let call = beaconCall { height: U256::from(height) };
            let output = client.view(BEACON, &call, "latest").unwrap().beta;
            beacon_of(output.as_ref().try_into().unwrap())
        })
        .collect();
    let caught = |prover: &Prover, backend: &dyn Backend, samples: u32| {
        let refused = beacons.iter().filter(|beacon| {
            let proof = prover.open(backend, beacon, samples, &unwatched).unwrap();
            let task = prover.task();
            let call = verifyCall {
                task: ProofTask {
                    seed: (*task.seed()).into(),
                    m: task.m(),
                    k: task.k(),
                    p: task.p(),
                    rounds: task.rounds(),
                },
                roots: prover.roots().iter().map(|root| (*root).into()).collect(),
                beacon: (**beacon).into(),
                samples,
                proof: proof.into(),
            };
            !client.view(COMPUTE_VERIFY, &call, "latest").unwrap()
        });
        refused.count() as u32
    };
    for of_twenty in [0, 1, 2, 6] {
        let backend = Skipping { of_twenty };
        let mut prover = Prover::new(Task::new([of_twenty as u8; 32], ROWS, 48, 18, 2).unwrap());
        prover.run(&backend, &unwatched).unwrap();
        for samples in [8, 64] {
            let caught = caught(&prover, &backend, samples);
            let part = f64::from(of_twenty) / 20.0;
            let chance = 1.0 - (1.0 - part).powi(samples as i32);
            println!(
                "{:>2} % left out, {samples:>2} samples: {caught} of {DRAWS} caught, {:.1} expected",
                100.0 * part,
                chance * f64::from(DRAWS)
            );
            if of_twenty == 0 {
                assert_eq!(caught, 0, "somebody honest was accused");
                continue;
            }
            let (fewest, most) = binomial_interval(DRAWS, chance);
            assert!((fewest..=most).contains(&caught), "{caught}, not {fewest} to {most}");
        }
    }
}
