// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {
    IMfenxBeacon,
    IMfenxComputeVerify,
    IMfenxEd25519,
    IMfenxMatrix,
    IMfenxVrf,
    Task
} from "./IMfenxPrecompiles.sol";

/// Typed calls of the precompiles of a MFENX chain. A call that the precompile refuses reverts with
/// its reason. On a chain without them every call reverts.
library MfenxPrecompiles {
    address internal constant BLAKE3 = 0x00000000000000000000000000000002B4030001;
    IMfenxEd25519 internal constant ED25519 = IMfenxEd25519(0x00000000000000000000000000000002B4030002);
    IMfenxVrf internal constant VRF = IMfenxVrf(0x00000000000000000000000000000002B4030003);
    IMfenxBeacon internal constant BEACON = IMfenxBeacon(0x00000000000000000000000000000002b4030004);
    IMfenxComputeVerify internal constant COMPUTE = IMfenxComputeVerify(0x00000000000000000000000000000002B4030005);
    IMfenxMatrix internal constant MATRIX = IMfenxMatrix(0x00000000000000000000000000000002B4030006);

    /// BLAKE3 failed: it was given too little gas, or this chain has no precompiles.
    error Blake3Failed();

    /// The BLAKE3 hash of `data`.
    function blake3(bytes memory data) internal view returns (bytes32 hash) {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x00000000000000000000000000000002B4030001, add(data, 32), mload(data), 0, 32)
            ok := and(ok, eq(returndatasize(), 32))
            hash := mload(0)
        }
        if (!ok) revert Blake3Failed();
    }

    /// Whether `signature` (64 bytes) is an Ed25519 signature of `publicKey` on `message`.
    function verifyEd25519(bytes32 publicKey, bytes memory signature, bytes memory message)
        internal
        view
        returns (bool)
    {
        return ED25519.verify(publicKey, signature, message);
    }

    /// Whether `proof` (80 bytes) is a VRF proof of `publicKey` on `alpha`, and its output.
    function verifyVrf(bytes32 publicKey, bytes memory proof, bytes memory alpha)
        internal
        view
        returns (bool ok, bytes memory beta)
    {
        return VRF.verify(publicKey, proof, alpha);
    }

    /// Seed and VRF output of one of the last 8,192 blocks.
    function beacon(uint256 height) internal view returns (bytes32 seed, bytes memory beta) {
        return BEACON.beacon(height);
    }

    /// Whether `proof` opens the drawn entries of the products of `task`.
    function verifyCompute(
        Task memory task,
        bytes32[] memory roots,
        bytes32 drawn,
        uint32 samples,
        bytes memory proof
    ) internal view returns (bool) {
        return COMPUTE.verify(task, roots, drawn, samples, proof);
    }

    /// The product of two int8 matrices, as int32 little endian.
    function multiply(uint32 m, uint32 k, uint32 p, bytes memory a, bytes memory b)
        internal
        view
        returns (bytes memory c)
    {
        return MATRIX.multiply(m, k, p, a, b);
    }
}
