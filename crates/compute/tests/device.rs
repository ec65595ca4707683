//! The conformance suite on the cards of this machine, in every way that they can multiply.

#![cfg(all(feature = "cuda", feature = "test-support"))]
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

use mfenx_compute::{
    conformance,
    cuda::{CudaBackend, CudaOptions, Product, Unavailable, devices},
};

#[test]
fn real_cards_conform() {
    let found = match devices() {
        Ok(found) => found,
        Err(why) => {
            eprintln!("SKIPPED: no card to test: {why}");
            return;
        }
    };
    for device in found {
        for product in Product::ALL {
            let options = CudaOptions {
                devices: vec![device.ordinal],
                product: Some(product),
                ..CudaOptions::default()
            };
            match CudaBackend::new(&options) {
                Ok(backend) => assert_eq!(conformance::check(&backend), Ok(())),
                // The card, or the machine, does not have it. A wrong product is no reason to skip.
                Err(Unavailable::Wrong { reasons, .. }) if !reasons.contains("differs") => {
                    eprintln!("SKIPPED: {} with {}: {reasons}", device.name, product.name());
                }
                Err(why) => panic!("{}: {why}", device.name),
            }
        }
    }
}
