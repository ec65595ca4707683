//! What the cards of this machine do: right roots at five sizes, and the time of a whole round of
//! the reference size against the card's own int8 rate.
//!
//!     cargo run --release -p mfenx-compute --features cuda --example device [-- SIDE]
//!
//! SIDE is the size of the large round in each direction, 32768 when not given. Fails when a root is
//! wrong, or there is no card.

#![allow(clippy::disallowed_methods)] // a clock, and arguments
#![allow(clippy::print_stdout)]

use mfenx_compute::{
    Backend, BackendError, CpuBackend, Round, Task, TaskError,
    cuda::{CudaBackend, CudaOptions, Product, devices},
    round_root, unwatched,
};
use std::{error::Error, thread::available_parallelism, time::Instant};

/// Sizes with a root to compare, from odd to tiles of the kernels and more than a tile of rows.
const SIZES: [(u32, u32, u32); 5] = [
    (33, 100, 70),
    (257, 4_099, 1_025),
    (1_024, 1_024, 1_024),
    (5_000, 777, 9_001),
    (64, 32_768, 4_100),
];

fn main() -> Result<(), Box<dyn Error>> {
    let side = std::env::args().nth(1).map_or(Ok(32_768), |side| side.parse::<u32>())?;
    for device in devices()? {
        println!("{device:?}");
        for product in Product::ALL {
            let options = CudaOptions {
                devices: vec![device.ordinal],
                product: Some(product),
                ..CudaOptions::default()
            };
            match CudaBackend::new(&options) {
                Ok(backend) => report(&backend, side)?,
                Err(why) => println!("{}: {why}", product.name()),
            }
        }
    }
    let all = CudaBackend::new(&CudaOptions::default())?;
    if all.devices().count() > 1 {
        report(&all, side)?;
    }
    Ok(())
}

fn report(backend: &CudaBackend, side: u32) -> Result<(), Box<dyn Error>> {
    println!("\n{}", backend.name());
    let cpu = CpuBackend::new(available_parallelism()?)?;
    for (index, (m, k, p)) in SIZES.into_iter().enumerate() {
        let round = round(index as u8, m, k, p)?;
        let (root, expected) = (root(backend, &round)?, root(&cpu, &round)?);
        println!("  {m} x {k} x {p}: {}", if root == expected { "as the CPU" } else { "WRONG" });
        if root != expected {
            return Err("a card differs from the CPU".into());
        }
    }
    let round = round(99, side, side, side)?;
    let (tile_ms, multiply_adds) = backend.product_ms(&round, 10)?;
    let rate = tera(multiply_adds, f64::from(tile_ms));
    println!("  product alone: {rate:.1} TOPS over tiles of {multiply_adds} multiply-adds");
    backend.row_roots(&round, &unwatched)?;
    let phases = backend.phases(&round)?;
    println!("  in order: {phases:?}");
    let mut best = f64::INFINITY;
    for seed in 0..5 {
        let round = round_of(&round, seed)?;
        let start = Instant::now();
        backend.row_roots(&round, &unwatched)?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    let whole = tera(round.multiply_adds(), best);
    println!(
        "  whole round of {side}: {best:.2} ms, {whole:.1} TOPS, {:.1} % of the product alone",
        100.0 * whole / rate
    );
    Ok(())
}

fn root(backend: &dyn Backend, round: &Round) -> Result<[u8; 32], BackendError> {
    Ok(round_root(round, &backend.row_roots(round, &unwatched)?))
}

fn round(seed: u8, m: u32, k: u32, p: u32) -> Result<Round, TaskError> {
    Ok(Task::new([seed; 32], m, k, p, 1)?.round([seed; 32]))
}

/// The same sizes with another seed: neither A nor B is there already.
fn round_of(like: &Round, seed: u8) -> Result<Round, TaskError> {
    round(seed, like.m(), like.k(), like.p())
}

/// Tera operations a second, two for each multiply-add.
fn tera(multiply_adds: u64, milliseconds: f64) -> f64 {
    2.0 * multiply_adds as f64 / milliseconds / 1e9
}
