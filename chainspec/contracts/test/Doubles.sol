// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IMfenxBeacon, IMfenxComputeVerify, IMfenxEd25519, Task} from "../interfaces/IMfenxPrecompiles.sol";
import {IAuthorities} from "../interfaces/IAuthorities.sol";

// What stands at the precompiles' addresses in these tests. None is the real one: a test knows how
// to make what they accept, and how to make what they refuse.

contract Blake3Double {
    fallback(bytes calldata input) external returns (bytes memory) {
        return abi.encodePacked(keccak256(input));
    }
}

contract Ed25519Double is IMfenxEd25519 {
    function verify(bytes32 key, bytes calldata signature, bytes calldata message) external pure returns (bool) {
        return keccak256(signature) == keccak256(abi.encodePacked(key, keccak256(message)));
    }
}

contract BeaconDouble is IMfenxBeacon {
    function beacon(uint256 height) external view returns (bytes32 seed, bytes memory beta) {
        require(height > 0 && height < block.number && height + 8_192 >= block.number, "not one of the last 8192 blocks");
        return (keccak256(abi.encode("seed", height)), betaOf(height));
    }

    function betaOf(uint256 height) public pure returns (bytes memory) {
        return abi.encodePacked(keccak256(abi.encode("one", height)), keccak256(abi.encode("two", height)));
    }
}

contract ComputeVerifyDouble is IMfenxComputeVerify {
    function verify(Task calldata task, bytes32[] calldata roots, bytes32 beacon, uint32 samples, bytes calldata proof)
        external
        pure
        returns (bool)
    {
        require(proof.length == 32, "the proof has another length");
        return bytes32(proof) == proofOf(task, roots, beacon, samples);
    }

    function proofOf(Task calldata task, bytes32[] calldata roots, bytes32 beacon, uint32 samples)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(task, roots, beacon, samples));
    }
}

/// A registry that says what a test told it.
contract RegistryDouble {
    IAuthorities.Authority[] private _set;

    function put(address operator, uint64 power) external {
        _set.push(IAuthorities.Authority(operator, power, 0, 0, 0));
    }

    function epoch() external pure returns (uint64) {
        return 7;
    }

    function authoritiesAt(uint64 wanted) external view returns (IAuthorities.Authority[] memory) {
        require(wanted == 7);
        return _set;
    }
}
