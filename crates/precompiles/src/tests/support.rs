//! Calls as a client library encodes them.

use crate::{Output, PrecompileResult};
use alloy_primitives::Bytes;
use alloy_sol_types::{Revert, SolCall, SolError, sol};

sol! {
    interface Signatures {
        function verify(bytes32 publicKey, bytes signature, bytes message) returns (bool);
    }
    interface Vrfs {
        function verify(bytes32 publicKey, bytes proof, bytes alpha) returns (bool ok, bytes beta);
    }
    struct Task {
        bytes32 seed;
        uint32 m;
        uint32 k;
        uint32 p;
        uint32 rounds;
    }
    interface Proofs {
        function verify(Task task, bytes32[] roots, bytes32 beacon, uint32 samples, bytes proof)
            returns (bool);
    }
    interface Beacons {
        function beacon(uint256 height) returns (bytes32 seed, bytes beta);
    }
    interface Matrices {
        function multiply(uint32 m, uint32 k, uint32 p, bytes a, bytes b) returns (bytes c);
    }
}

pub(super) const PLENTY: u64 = 1 << 40;

/// What a call returned and the gas it took.
pub(super) fn returned<C: SolCall>(result: PrecompileResult) -> (C::Return, u64) {
    let output = result.unwrap();
    assert!(!output.reverted, "{:?}", Revert::abi_decode(&output.bytes));
    (C::abi_decode_returns_validate(&output.bytes).unwrap(), output.gas_used)
}

/// The reason of a revert.
pub(super) fn reason(result: PrecompileResult) -> String {
    let Output { reverted, bytes, .. } = result.unwrap();
    assert!(reverted, "{bytes}");
    Revert::abi_decode_validate(&bytes).unwrap().reason
}

pub(super) fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
