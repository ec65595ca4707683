//! Any bytes as a question, a proof and changes to one: `cargo +nightly fuzz run check` in
//! `crates/compute`.
//!
//! A test of the crate runs the same function over specimens of its own, without a fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mfenx_compute::fuzzing::check(data));
