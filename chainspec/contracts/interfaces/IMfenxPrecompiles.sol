// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// The precompiles of a MFENX chain. They stand at 0x00000000000000000000000000000002b403000N,
/// N from 1 to 6, from the time that `config.mfenx.computeTime` of the genesis file says.
///
/// What all of them have in common:
///   - They read and write no state, take no part in reentrancy, and answer the same to CALL,
///     STATICCALL and DELEGATECALL. Ether that is sent along stays at their address, for good.
///   - Gas is charged before any work. With less they fail, and with them all gas of the call.
///   - A proof or signature that does not hold answers `false`. Input that is no canonical ABI
///     encoding of the arguments, or has a length that no valid input has, reverts with
///     `Error(string)`.
///
/// BLAKE3, at 0x00000000000000000000000000000002b4030001, has no interface: its input is what is
/// hashed, its output are the 32 bytes of the hash. `MfenxPrecompiles.blake3` calls it.

/// A task of proof-of-compute: `rounds` products of a matrix of `m x k` and one of `k x p`, each
/// expanded from a seed; 1 <= k <= 32768.
struct Task {
    /// Of round 0; later ones follow from the roots.
    bytes32 seed;
    uint32 m;
    uint32 k;
    uint32 p;
    uint32 rounds;
}

/// At 0x00000000000000000000000000000002b4030002. Gas: 5,000 and 12 for each word of `message`.
interface IMfenxEd25519 {
    /// Whether `signature` (64 bytes) is one of `publicKey` on `message` (RFC 8032, strict: no
    /// point of small order, no scalar above the order).
    function verify(bytes32 publicKey, bytes calldata signature, bytes calldata message) external view returns (bool);
}

/// At 0x00000000000000000000000000000002b4030003. Gas: 20,000.
interface IMfenxVrf {
    /// Whether `proof` (80 bytes) is one of `publicKey` on `alpha` (at most 1,024 bytes) under
    /// ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381), and its output of 64 bytes; empty when it is not.
    function verify(bytes32 publicKey, bytes calldata proof, bytes calldata alpha)
        external
        view
        returns (bool ok, bytes memory beta);
}

/// At 0x00000000000000000000000000000002b4030004. Gas: 2,100.
interface IMfenxBeacon {
    /// The seed that was in force at `height` and the output, 64 bytes, of the VRF of its builder.
    /// Reverts for a height that is not one of the 8,192 before this block, and for block 0, which
    /// nobody built.
    function beacon(uint256 height) external view returns (bytes32 seed, bytes memory beta);
}

/// At 0x00000000000000000000000000000002b4030005.
/// Gas: 10,000 + 12 * rounds + samples * (100 + k/5 + k/32 + 12 * depth), depth that of the tree of a round.
interface IMfenxComputeVerify {
    /// Whether `proof` opens, at the positions that `beacon` draws, entries of the products of
    /// `task` to whose roots (one a round) the worker had committed. `samples` from 1 to 256.
    function verify(
        Task calldata task,
        bytes32[] calldata roots,
        bytes32 beacon,
        uint32 samples,
        bytes calldata proof
    ) external view returns (bool);
}

/// At 0x00000000000000000000000000000002b4030006.
/// Gas: 100, 1 for 32 multiply-adds, 3 for each word of input and output.
interface IMfenxMatrix {
    /// `a` (m x k, int8, row major) times `b` (k x p, the same): m x p int32, little endian, row
    /// major. m * k * p is at most 2^24, none of them 0.
    function multiply(uint32 m, uint32 k, uint32 p, bytes calldata a, bytes calldata b)
        external
        view
        returns (bytes memory c);
}
