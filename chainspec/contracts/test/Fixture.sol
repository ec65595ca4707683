// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Precompiles} from "./Precompiles.sol";
import {vm} from "./Vm.sol";
import {BeaconDouble, Blake3Double, ComputeVerifyDouble, Ed25519Double} from "./Doubles.sol";
import {Task} from "../interfaces/IMfenxPrecompiles.sol";

/// The Compute contract as a genesis file would place it, with the code of the artifact, storage
/// by the layout that `State.sol` documents, and three authorities.
abstract contract Fixture {
    ICompute internal constant compute = ICompute(address(uint160(0x2b403C01)));
    bytes32 internal constant DRIVER = keccak256("driver");
    bytes32 internal constant PCI = keccak256("pci");
    uint256 internal constant STAKE = 100 ether;
    uint256 internal constant START = 1_800_000_000;

    BeaconDouble internal beacons;
    ComputeVerifyDouble internal verifier;
    uint256 internal keys;

    function setUp() public virtual {
        vm.roll(1_000);
        vm.warp(START);
        beacons = new BeaconDouble();
        verifier = new ComputeVerifyDouble();
        vm.etch(Precompiles.BLAKE3, address(new Blake3Double()).code);
        vm.etch(Precompiles.ED25519, address(new Ed25519Double()).code);
        vm.etch(Precompiles.BEACON, address(beacons).code);
        vm.etch(Precompiles.COMPUTE_VERIFY, address(verifier).code);
        vm.etch(address(compute), vm.parseJsonBytes(vm.readFile("artifacts/Compute.json"), ".runtimeBytecode"));
        _params(address(0), 70);
        _array(2, 3);
        for (uint256 i = 0; i < 3; ++i) {
            _put(uint256(keccak256(abi.encode(2))) + i, uint160(authority(i)));
        }
        _array(3, 3);
        _class(0, 1e6, 64, 2);
        _class(1, 1e8, 512, 1);
        _class(2, 1e10, 2_048, 1);
        _list(ICompute.ListKind.Driver, DRIVER);
        _list(ICompute.ListKind.Pci, PCI);
    }

    // Storage of a genesis file

    function _put(uint256 slot, uint256 value) internal {
        vm.store(address(compute), bytes32(slot), bytes32(value));
    }

    function _array(uint256 slot, uint256 length) internal {
        _put(slot, length);
    }

    function _params(address registry, uint8 scoreMin) internal {
        uint256 openBlocks = 100;
        _put(0, uint160(registry) | uint256(scoreMin) << 160 | openBlocks << 168 | uint256(7 days) << 184 | uint256(1 days) << 216);
        _put(1, STAKE | uint256(16e9) << 128 | uint256(7 days) << 192);
    }

    function _class(uint256 index, uint64 rate, uint32 size, uint32 rounds) private {
        uint256 value = rate | uint256(size) << 64 | uint256(size) << 96 | uint256(size) << 128 | uint256(rounds) << 160;
        _put(uint256(keccak256(abi.encode(3))) + index, value);
    }

    /// The least reward, and what counts as work beside multiply-adds.
    function _market(ICompute.Market memory it) internal {
        uint256 high = uint256(it.perRound) << 128 | uint256(it.perEntry) << 192 | uint256(it.perByte) << 224;
        _put(5, it.base | uint256(it.price) << 64 | high);
    }

    function _list(ICompute.ListKind kind, bytes32 value) internal {
        _put(uint256(keccak256(abi.encode(keccak256(abi.encode(kind, value)), uint256(4)))), 1);
    }

    function authority(uint256 i) internal pure returns (address) {
        return address(uint160(0xA000 + i));
    }

    // Time

    function blocks(uint256 count) internal {
        vm.roll(block.number + count);
        vm.warp(block.timestamp + count);
    }

    /// To where the beacon of a slot's next draw is known.
    function reach(uint256 order, uint32 slot) internal {
        uint256 height = compute.slot(order, slot).height;
        if (height == 0) height = compute.order(order).height;
        if (block.number <= height) blocks(height + 1 - block.number);
    }

    // Workers

    function device() internal pure returns (ICompute.Device memory) {
        return ICompute.Device(keccak256("nvml"), DRIVER, PCI, keccak256("card"), 24e9);
    }

    function sign(bytes32 key, bytes32 digest) internal pure returns (bytes memory) {
        return abi.encodePacked(key, keccak256(abi.encodePacked(digest)));
    }

    function signature(address operator, bytes32 key, uint8 class, ICompute.Device memory device_)
        internal
        view
        returns (bytes memory)
    {
        return sign(key, compute.attestationDigest(operator, key, class, device_));
    }

    function register(address operator, uint8 class, ICompute.Device memory device_) internal returns (address) {
        bytes32 key = keccak256(abi.encode("key", keys++));
        bytes memory signed = signature(operator, key, class, device_);
        vm.deal(operator, operator.balance + STAKE);
        vm.prank(operator);
        return compute.register{value: STAKE}(key, address(0), class, ICompute.Terms(8, 0, 0), device_, signed);
    }

    /// A card of its own for every operator, so that strikes stick to one worker only.
    function newcomer(address operator, uint8 class) internal returns (address) {
        ICompute.Device memory own = device();
        own.fingerprint = keccak256(abi.encode("card", operator, keys));
        return register(operator, class, own);
    }

    /// A worker that can be drawn.
    function member(address operator, uint8 class) internal returns (address id) {
        id = newcomer(operator, class);
        _nextDay();
        measure(openRound(ICompute.RoundKind.Spot), id, 1_000);
    }

    function _nextDay() internal {
        vm.warp((block.timestamp / 1 days + 1) * 1 days + 60);
    }

    // Rounds and jobs

    function openRound(ICompute.RoundKind kind) internal returns (uint256 id) {
        id = compute.openRound(kind);
        vm.roll(block.number + 3);
    }

    /// Answers, opens, reports by all authorities, settles.
    function measure(uint256 round, address id, uint32 milliseconds) internal {
        uint256 job = compute.benchmarkId(round, id);
        solve(job);
        report(job, milliseconds, 3);
        compute.settle(job);
    }

    function report(uint256 job, uint32 milliseconds, uint256 count) internal {
        (uint256[] memory jobs, uint32[] memory times) = (new uint256[](1), new uint32[](1));
        (jobs[0], times[0]) = (job, milliseconds);
        for (uint256 i = 0; i < count; ++i) {
            vm.prank(authority(i));
            compute.report(jobs, times);
        }
    }

    function workerOfJob(uint256 job) internal view returns (address) {
        return job >> 255 == 1 ? address(uint160(job)) : compute.job(job).worker;
    }

    function operatorOf(uint256 job) internal view returns (address) {
        return compute.worker(workerOfJob(job)).operator;
    }

    function rootsOf(uint256 job) internal view returns (bytes32[] memory roots) {
        roots = new bytes32[](taskOf(job).rounds);
        for (uint256 i = 0; i < roots.length; ++i) {
            roots[i] = keccak256(abi.encode(compute.seedOf(job), i));
        }
    }

    function taskOf(uint256 job) internal view returns (Task memory) {
        if (job >> 255 == 1) {
            ICompute.Class memory class = compute.classes()[compute.worker(workerOfJob(job)).class];
            return Task(compute.seedOf(job), class.m, class.k, class.p, class.rounds);
        }
        ICompute.Order memory order = compute.order(job >> 64);
        return Task(compute.seedOf(job), order.m, order.k, order.p, order.rounds);
    }

    function commit(uint256 job) internal {
        bytes32 commitment = keccak256(abi.encodePacked(rootsOf(job)));
        vm.prank(operatorOf(job));
        compute.commit(job, commitment);
    }

    function proofOf(uint256 job) internal view returns (bytes memory) {
        bytes32 beacon = keccak256(beacons.betaOf(compute.job(job).height + 2));
        uint32 samples = job >> 255 == 1 ? 64 : compute.order(job >> 64).samples;
        return abi.encodePacked(verifier.proofOf(taskOf(job), rootsOf(job), beacon, samples));
    }

    function open(uint256 job, bytes memory proof) internal {
        bytes32[] memory roots = rootsOf(job);
        vm.prank(operatorOf(job));
        compute.open(job, roots, proof);
    }

    function solve(uint256 job) internal {
        commit(job);
        blocks(3);
        open(job, proofOf(job));
    }

    function cheat(uint256 job) internal {
        commit(job);
        blocks(3);
        open(job, abi.encode(keccak256("wrong")));
    }

    // Orders

    function spec(uint32 results, uint128 reward) internal pure returns (ICompute.Order memory order) {
        (order.m, order.k, order.p, order.rounds) = (64, 64, 64, 3);
        (order.samples, order.commitSeconds, order.results, order.reward) = (64, 120, results, reward);
    }

    function post(address buyer, ICompute.Order memory order) internal returns (uint256) {
        uint256 price = uint256(order.reward) * order.results;
        vm.deal(buyer, buyer.balance + price);
        vm.prank(buyer);
        return compute.post{value: price}(order);
    }

    /// Posts an order of one result and draws for it.
    function assigned(address buyer, uint128 reward) internal returns (uint256 job) {
        uint256 id = post(buyer, spec(1, reward));
        blocks(3);
        job = compute.draw(id, 0);
    }

    // Checks

    function check(bool holds, string memory what) internal pure {
        require(holds, what);
    }

    function equal(uint256 found, uint256 wanted, string memory what) internal pure {
        require(found == wanted, string.concat(what, ": ", _text(found), ", not ", _text(wanted)));
    }

    function _text(uint256 value) private pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(uint8(48 + value)));
        return string.concat(_text(value / 10), string(abi.encodePacked(uint8(48 + value % 10))));
    }

    /// No coin is created or lost.
    function checkBooks() internal view {
        (uint256 escrow, uint256 stakes, uint256 dues, uint256 burned) = compute.totals();
        equal(address(compute).balance, escrow + stakes + dues + burned, "the balance is not what the books say");
    }
}
