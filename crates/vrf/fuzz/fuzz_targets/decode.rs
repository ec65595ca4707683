//! Any bytes as a key, a proof and an input: `cargo +nightly fuzz run decode` in `crates/vrf`.
//!
//! A test of the crate runs the same function over specimens of its own, without a fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mfenx_vrf::fuzzing::decode(data));
