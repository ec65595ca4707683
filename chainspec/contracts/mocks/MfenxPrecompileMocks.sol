// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {
    IMfenxBeacon,
    IMfenxComputeVerify,
    IMfenxEd25519,
    IMfenxMatrix,
    IMfenxVrf,
    Task
} from "../interfaces/IMfenxPrecompiles.sol";

// Stand-ins for the precompiles in tests of contracts, on any EVM: place the code of one at the
// address of its precompile. With Foundry:
//
//     vm.etch(address(MfenxPrecompiles.VRF), address(new MockMfenxVrf()).code);
//     MockMfenxVrf(address(MfenxPrecompiles.VRF)).set(key, proof, alpha, beta);
//
// What a mock computes itself it computes as the precompile does; what it was told it repeats. None
// takes the gas of its precompile, so a test that measures gas belongs on `mfenx dev`. All of them
// refuse lengths that the precompile refuses, but they read calls as Solidity does, which accepts
// encodings that the precompiles refuse.

/// BLAKE3, computed: the real hash, for up to 1,024 bytes (one chunk). Longer input reverts.
contract MockMfenxBlake3 {
    /// The chaining value's initial words, as SHA-256 has them, in one word.
    uint256 private constant IV = 0x6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19;

    fallback(bytes calldata data) external returns (bytes memory) {
        require(data.length <= 1024, "mock: BLAKE3 of more than 1,024 bytes");
        uint32[8] memory chaining;
        for (uint256 i = 0; i < 8; i++) chaining[i] = uint32(IV >> (224 - 32 * i));
        uint256 blocks = data.length == 0 ? 1 : (data.length + 63) / 64;
        for (uint256 i = 0; i < blocks; i++) {
            bool last = i + 1 == blocks;
            uint32 length = last ? uint32(data.length - 64 * i) : 64;
            uint32 flags = (i == 0 ? 1 : 0) | (last ? 2 | 8 : 0);
            _compress(chaining, _words(data, 64 * i), length, flags);
        }
        bytes memory hash = new bytes(32);
        for (uint256 i = 0; i < 32; i++) hash[i] = bytes1(uint8(chaining[i / 4] >> (8 * (i % 4))));
        return hash;
    }

    /// 64 bytes from `from` on as little-endian words, with zeros behind the end.
    function _words(bytes calldata data, uint256 from) private pure returns (uint32[16] memory words) {
        for (uint256 i = 0; i < 64 && from + i < data.length; i++) {
            words[i / 4] |= uint32(uint8(data[from + i])) << uint32(8 * (i % 4));
        }
    }

    function _compress(uint32[8] memory chaining, uint32[16] memory m, uint32 length, uint32 flags) private pure {
        uint32[16] memory v;
        for (uint256 i = 0; i < 8; i++) v[i] = chaining[i];
        for (uint256 i = 0; i < 4; i++) v[8 + i] = uint32(IV >> (224 - 32 * i));
        v[14] = length;
        v[15] = flags;
        unchecked {
            for (uint256 round = 0; round < 7; round++) {
                for (uint256 i = 0; i < 4; i++) _mix(v, i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
                for (uint256 i = 0; i < 4; i++) {
                    _mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i]);
                }
                m = _permute(m);
            }
        }
        for (uint256 i = 0; i < 8; i++) chaining[i] = v[i] ^ v[8 + i];
    }

    function _permute(uint32[16] memory m) private pure returns (uint32[16] memory permuted) {
        uint64 order = 0x263A704D1BC59EF8;
        for (uint256 i = 0; i < 16; i++) permuted[i] = m[(order >> (60 - 4 * i)) & 15];
    }

    function _mix(uint32[16] memory v, uint256 a, uint256 b, uint256 c, uint256 d, uint32 x, uint32 y)
        private
        pure
    {
        unchecked {
            v[a] = v[a] + v[b] + x;
            v[d] = _rotate(v[d] ^ v[a], 16);
            v[c] = v[c] + v[d];
            v[b] = _rotate(v[b] ^ v[c], 12);
            v[a] = v[a] + v[b] + y;
            v[d] = _rotate(v[d] ^ v[a], 8);
            v[c] = v[c] + v[d];
            v[b] = _rotate(v[b] ^ v[c], 7);
        }
    }

    function _rotate(uint32 word, uint32 by) private pure returns (uint32) {
        return (word >> by) | (word << (32 - by));
    }
}

/// Ed25519, told: holds exactly what `set` was called for. It checks no curve.
contract MockMfenxEd25519 is IMfenxEd25519 {
    mapping(bytes32 call => bool) private _holds;

    function set(bytes32 publicKey, bytes calldata signature, bytes calldata message, bool holds) external {
        _holds[keccak256(abi.encode(publicKey, signature, message))] = holds;
    }

    function verify(bytes32 publicKey, bytes calldata signature, bytes calldata message) external view returns (bool) {
        require(signature.length == 64, "a signature has 64 bytes");
        return _holds[keccak256(abi.encode(publicKey, signature, message))];
    }
}

/// The VRF, told: holds exactly what `set` was called for. It checks no curve.
contract MockMfenxVrf is IMfenxVrf {
    mapping(bytes32 call => bytes) private _outputs;

    /// An empty `beta` makes the proof not hold again.
    function set(bytes32 publicKey, bytes calldata proof, bytes calldata alpha, bytes calldata beta) external {
        require(beta.length == 0 || beta.length == 64, "mock: an output has 64 bytes");
        _outputs[keccak256(abi.encode(publicKey, proof, alpha))] = beta;
    }

    function verify(bytes32 publicKey, bytes calldata proof, bytes calldata alpha)
        external
        view
        returns (bool ok, bytes memory beta)
    {
        require(proof.length == 80, "a proof has 80 bytes");
        require(alpha.length <= 1024, "alpha has more than 1,024 bytes");
        beta = _outputs[keccak256(abi.encode(publicKey, proof, alpha))];
        ok = beta.length > 0;
    }
}

/// Beacons, told; the window of heights is that of the precompile.
contract MockMfenxBeacon is IMfenxBeacon {
    struct Record {
        bytes32 seed;
        bytes beta;
    }

    mapping(uint256 height => Record) private _records;

    function set(uint256 height, bytes32 seed, bytes calldata beta) external {
        require(beta.length == 64, "mock: an output has 64 bytes");
        _records[height] = Record(seed, beta);
    }

    function beacon(uint256 height) external view returns (bytes32 seed, bytes memory beta) {
        require(height < block.number && height + 8192 >= block.number, "not one of the last 8192 blocks");
        Record storage record = _records[height];
        require(record.beta.length > 0, "no beacon for this block");
        return (record.seed, record.beta);
    }
}

/// Proofs of compute, told: holds exactly what `set` was called for. It multiplies nothing and opens
/// no tree.
contract MockMfenxComputeVerify is IMfenxComputeVerify {
    mapping(bytes32 call => bool) private _holds;

    function set(
        Task calldata task,
        bytes32[] calldata roots,
        bytes32 beacon,
        uint32 samples,
        bytes calldata proof,
        bool holds
    ) external {
        _holds[keccak256(abi.encode(task, roots, beacon, samples, proof))] = holds;
    }

    function verify(
        Task calldata task,
        bytes32[] calldata roots,
        bytes32 beacon,
        uint32 samples,
        bytes calldata proof
    ) external view returns (bool) {
        require(roots.length == task.rounds, "not one root a round");
        require(samples >= 1 && samples <= 256, "samples are not from 1 to 256");
        return _holds[keccak256(abi.encode(task, roots, beacon, samples, proof))];
    }
}

/// The matrix product, computed: the real product, at the speed of Solidity.
contract MockMfenxMatrix is IMfenxMatrix {
    function multiply(uint32 m, uint32 k, uint32 p, bytes calldata a, bytes calldata b)
        external
        pure
        returns (bytes memory c)
    {
        uint256 multiplyAdds = uint256(m) * k * p;
        require(multiplyAdds >= 1 && multiplyAdds <= 1 << 24, "m * k * p is 0 or above 2^24");
        require(a.length == uint256(m) * k, "a has not m * k bytes");
        require(b.length == uint256(k) * p, "b has not k * p bytes");
        c = new bytes(4 * uint256(m) * p);
        for (uint256 row = 0; row < m; row++) {
            for (uint256 column = 0; column < p; column++) {
                int256 sum = 0;
                for (uint256 i = 0; i < k; i++) {
                    int256 left = int8(uint8(a[row * k + i]));
                    sum += left * int8(uint8(b[i * p + column]));
                }
                uint256 first = 4 * (row * p + column);
                for (uint256 i = 0; i < 4; i++) c[first + i] = bytes1(uint8(uint256(sum) >> (8 * i)));
            }
        }
    }
}
