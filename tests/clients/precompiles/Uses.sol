// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Task} from "mfenx/interfaces/IMfenxPrecompiles.sol";
import {MfenxPrecompiles} from "mfenx/interfaces/MfenxPrecompiles.sol";

/// Calls every precompile through the library, as a contract of somebody's would.
contract Uses {
    function blake3(bytes calldata data) external view returns (bytes32) {
        return MfenxPrecompiles.blake3(data);
    }

    function verifyEd25519(bytes32 key, bytes calldata signature, bytes calldata message)
        external
        view
        returns (bool)
    {
        return MfenxPrecompiles.verifyEd25519(key, signature, message);
    }

    function verifyVrf(bytes32 key, bytes calldata proof, bytes calldata alpha)
        external
        view
        returns (bool ok, bytes memory beta)
    {
        return MfenxPrecompiles.verifyVrf(key, proof, alpha);
    }

    function beacon(uint256 height) external view returns (bytes32 seed, bytes memory beta) {
        return MfenxPrecompiles.beacon(height);
    }

    function verifyCompute(
        Task calldata task,
        bytes32[] calldata roots,
        bytes32 drawn,
        uint32 samples,
        bytes calldata proof
    ) external view returns (bool) {
        return MfenxPrecompiles.verifyCompute(task, roots, drawn, samples, proof);
    }

    function multiply(uint32 m, uint32 k, uint32 p, bytes calldata a, bytes calldata b)
        external
        view
        returns (bytes memory)
    {
        return MfenxPrecompiles.multiply(m, k, p, a, b);
    }
}
