//! Values that must never change: chains hold roots of this version.

use crate::{
    Backend, CpuBackend, Prover, Reference, Task, beacon_of, first_seed, positions, unwatched,
};
use std::num::NonZeroUsize;

/// Sizes, rounds and the root of the last round, as `golden.py` beside this file computes them.
const ROOTS: [(u32, u32, u32, u32, &str); 6] = [
    (1, 1, 1, 1, "ee383f9b4b380a91755ae9d6ac70ebb1fe73c120a7d722f54421166c870aa906"),
    (3, 5, 17, 2, "491c06f89da484d068dfe29a8b0cbf9f2ec5596aead946b3e718383e4b5cc53c"),
    (7, 33, 16, 1, "699ba430006c7d616e8823becb3383a24a9119162f691471a05763eb47c22083"),
    (17, 64, 33, 3, "2ad8021f83129472fec5e32c539244c572db513c997a15280cb69aebfc308f3f"),
    (5, 1000, 100, 1, "a87fe8ed0ab2df024ae658f94bb1e62bde7b4c179978f13214f5dd9d1dc4836a"),
    (33, 129, 47, 2, "85d8edae26035c89279bb2f833a6d0f5df7409927dda20ea3714856b1bfb9616"),
];

fn last_root(backend: &dyn Backend, m: u32, k: u32, p: u32, rounds: u32) -> String {
    let mut seed = [0; 32];
    for bytes in seed.as_chunks_mut::<4>().0 {
        *bytes = [m as u8, k as u8, p as u8, rounds as u8];
    }
    let mut prover = Prover::new(Task::new(seed, m, k, p, rounds).unwrap());
    prover.run(backend, &unwatched).unwrap();
    hex::encode(prover.roots().last().unwrap())
}

#[test]
fn roots_are_those_of_the_independent_script() {
    let cpu = CpuBackend::new(NonZeroUsize::MIN).unwrap();
    for (m, k, p, rounds, root) in ROOTS {
        assert_eq!(last_root(&Reference, m, k, p, rounds), root, "reference, {m} x {k} x {p}");
        assert_eq!(last_root(&cpu, m, k, p, rounds), root, "cpu, {m} x {k} x {p}");
    }
}

#[test]
fn the_first_seed_is_that_of_the_independent_script() {
    let beta = std::array::from_fn(|index| index as u8);
    let seed = first_seed(177_155, &beta, &[0x0a; 20], &[0x0b; 32]);
    assert_eq!(
        hex::encode(seed),
        "62553da453beca3ce3df589348bee52720a4c6207fe841cb14528b002a2fcc8d"
    );
    assert_eq!(beacon_of(&beta), *blake3::hash(&beta).as_bytes());
}

#[test]
fn positions_are_those_of_the_independent_script() {
    let task = Task::new([1; 32], 1_000, 10, 70, 3).unwrap();
    let drawn = positions(&task, &[[2; 32], [3; 32], [4; 32]], &[5; 32], 4).unwrap();
    let drawn: Vec<_> = drawn.iter().map(|at| (at.round, at.row, at.column)).collect();
    assert_eq!(drawn, [(1, 946, 17), (1, 687, 47), (2, 515, 11), (0, 9, 23)]);
}
