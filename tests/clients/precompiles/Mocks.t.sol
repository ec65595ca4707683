// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Task} from "mfenx/interfaces/IMfenxPrecompiles.sol";
import {MfenxPrecompiles} from "mfenx/interfaces/MfenxPrecompiles.sol";
import {
    MockMfenxBeacon,
    MockMfenxBlake3,
    MockMfenxComputeVerify,
    MockMfenxEd25519,
    MockMfenxMatrix,
    MockMfenxVrf
} from "mfenx/mocks/MfenxPrecompileMocks.sol";
import {Uses} from "../src/Uses.sol";

/// The cheat codes that are needed here.
interface Vm {
    function etch(address target, bytes calldata code) external;
    function expectRevert(bytes calldata reason) external;
    function roll(uint256 height) external;
}

/// A contract that uses the precompiles, tested with the mocks in their places.
contract MocksTest {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Uses private uses;

    function setUp() external {
        VM.etch(MfenxPrecompiles.BLAKE3, address(new MockMfenxBlake3()).code);
        VM.etch(address(MfenxPrecompiles.ED25519), address(new MockMfenxEd25519()).code);
        VM.etch(address(MfenxPrecompiles.VRF), address(new MockMfenxVrf()).code);
        VM.etch(address(MfenxPrecompiles.BEACON), address(new MockMfenxBeacon()).code);
        VM.etch(address(MfenxPrecompiles.COMPUTE), address(new MockMfenxComputeVerify()).code);
        VM.etch(address(MfenxPrecompiles.MATRIX), address(new MockMfenxMatrix()).code);
        uses = new Uses();
    }

    function reverts(string memory reason) private {
        VM.expectRevert(abi.encodeWithSignature("Error(string)", reason));
    }

    /// The input of BLAKE3's own test vectors.
    function counting(uint256 length) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i++) data[i] = bytes1(uint8(i % 251));
    }

    function testBlake3IsComputed() external {
        require(uses.blake3("") == 0xaf1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262, "0");
        require(uses.blake3("abc") == 0x6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85, "abc");
        require(
            uses.blake3(counting(1024)) == 0x42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7, "1024"
        );
        VM.expectRevert(abi.encodeWithSelector(MfenxPrecompiles.Blake3Failed.selector));
        uses.blake3(counting(1025));
    }

    function testMatricesAreMultiplied() external view {
        bytes memory c = uses.multiply(1, 2, 1, hex"80ff", hex"7f02");
        // -128 * 127 - 1 * 2
        require(keccak256(c) == keccak256(hex"7ec0ffff"), "product");
    }

    function testSignaturesHoldWhenTold() external {
        bytes memory signature = counting(64);
        require(!uses.verifyEd25519(bytes32(uint256(1)), signature, "message"), "before");
        MockMfenxEd25519(address(MfenxPrecompiles.ED25519)).set(bytes32(uint256(1)), signature, "message", true);
        require(uses.verifyEd25519(bytes32(uint256(1)), signature, "message"), "after");
        require(!uses.verifyEd25519(bytes32(uint256(1)), signature, "another"), "another");
        reverts("a signature has 64 bytes");
        uses.verifyEd25519(bytes32(uint256(1)), hex"00", "message");
    }

    function testProofsOfTheVrfHoldWhenTold() external {
        MockMfenxVrf(address(MfenxPrecompiles.VRF)).set(bytes32(uint256(1)), counting(80), "alpha", counting(64));
        (bool ok, bytes memory beta) = uses.verifyVrf(bytes32(uint256(1)), counting(80), "alpha");
        require(ok && keccak256(beta) == keccak256(counting(64)), "told");
        (ok, beta) = uses.verifyVrf(bytes32(uint256(1)), counting(80), "another");
        require(!ok && beta.length == 0, "another");
    }

    function testBeaconsAreInTheWindow() external {
        MockMfenxBeacon(address(MfenxPrecompiles.BEACON)).set(10, bytes32(uint256(3)), counting(64));
        VM.roll(11);
        (bytes32 seed,) = uses.beacon(10);
        require(seed == bytes32(uint256(3)), "seed");
        VM.roll(10 + 8192);
        uses.beacon(10);
        VM.roll(10 + 8193);
        reverts("not one of the last 8192 blocks");
        uses.beacon(10);
        reverts("no beacon for this block");
        uses.beacon(11);
    }

    function testProofsOfComputeHoldWhenTold() external {
        Task memory task = Task(bytes32(uint256(1)), 2, 3, 4, 1);
        bytes32[] memory roots = new bytes32[](1);
        MockMfenxComputeVerify mock = MockMfenxComputeVerify(address(MfenxPrecompiles.COMPUTE));
        mock.set(task, roots, bytes32(uint256(5)), 64, "proof", true);
        require(uses.verifyCompute(task, roots, bytes32(uint256(5)), 64, "proof"), "told");
        require(!uses.verifyCompute(task, roots, bytes32(uint256(5)), 64, "another"), "another");
        reverts("samples are not from 1 to 256");
        uses.verifyCompute(task, roots, bytes32(uint256(5)), 257, "proof");
    }
}
