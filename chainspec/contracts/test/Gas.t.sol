// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// What transactions cost, all of it, with doubles in the place of the precompiles. docs/compute.md
/// has the figures: forge prints them with `-vv`.
contract GasTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    address private constant CONSOLE = 0x000000000000000000636F6e736F6c652e6c6f67;

    function _spent(string memory what, uint256 before, uint256 bound) private view {
        uint256 gas = before - gasleft();
        (bool ok,) = CONSOLE.staticcall(abi.encodeWithSignature("log(string,uint256)", what, gas));
        check(ok && gas <= bound, string.concat(what, " costs more than the documentation says"));
    }

    /// forge-config: default.isolate = true
    function test_what_the_life_of_a_result_costs() external {
        ICompute.Device memory own = device();
        bytes32 key = keccak256("key");
        bytes memory signed = signature(ALICE, key, 0, own);
        vm.deal(ALICE, STAKE);
        vm.prank(ALICE);
        uint256 left = gasleft();
        address id = compute.register{value: STAKE}(key, ALICE, 0, ICompute.Terms(8, 1, 1), own, signed);
        _spent("register", left, 370_000);
        _nextDay();
        left = gasleft();
        uint256 round = compute.openRound(ICompute.RoundKind.Spot);
        _spent("openRound", left, 106_000);
        vm.roll(block.number + 3);
        uint256 job = compute.benchmarkId(round, id);
        _life(job, "benchmark");
        _reports(job);
        left = gasleft();
        compute.settle(job);
        _spent("settle, three authorities", left, 226_000);
        ICompute.Order memory wanted = spec(2, 1 ether);
        vm.deal(address(this), 2 ether);
        left = gasleft();
        uint256 order = compute.post{value: 2 ether}(wanted);
        _spent("post", left, 153_000);
        blocks(3);
        left = gasleft();
        job = compute.draw(order, 0);
        _spent("draw", left, 165_000);
        _life(job, "result");
        vm.prank(ALICE);
        left = gasleft();
        compute.withdraw(payable(ALICE));
        _spent("withdraw", left, 165_000);
    }

    function _life(uint256 job, string memory kind) private {
        bytes32[] memory roots = rootsOf(job);
        bytes32 commitment = keccak256(abi.encodePacked(roots));
        vm.prank(ALICE);
        uint256 left = gasleft();
        compute.commit(job, commitment);
        _spent(string.concat(kind, ": commit"), left, 165_000);
        blocks(3);
        bytes memory proof = proofOf(job);
        vm.prank(ALICE);
        left = gasleft();
        compute.open(job, roots, proof);
        _spent(string.concat(kind, ": open"), left, 167_000);
    }

    function _reports(uint256 job) private {
        (uint256[] memory jobs, uint32[] memory times) = (new uint256[](1), new uint32[](1));
        (jobs[0], times[0]) = (job, 1_000);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(authority(i));
            uint256 left = gasleft();
            compute.report(jobs, times);
            _spent("report", left, 121_000);
        }
    }

    function _members(uint256 count) private returns (address[] memory ids) {
        ids = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = newcomer(address(uint160(0xD000 + i)), 0);
        }
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        for (uint256 i = 0; i < count; ++i) {
            vm.warp(compute.round(round).time + 10);
            measure(round, ids[i], 1_000);
        }
    }

    /// Nobody has the reputation, and half of the seats are empty: as much as a draw looks at.
    /// forge-config: default.isolate = true
    function test_what_a_draw_in_vain_costs() external {
        address[] memory ids = _members(80);
        for (uint256 i = 0; i < ids.length; i += 2) {
            vm.prank(address(uint160(0xD000 + i)));
            compute.setTerms(ids[i], ICompute.Terms(0, 0, 0));
        }
        ICompute.Order memory wanted = spec(1, 1 ether);
        wanted.minReputation = 1_000;
        uint256 order = post(ALICE, wanted);
        blocks(3);
        uint256 left = gasleft();
        equal(compute.draw(order, 0), 0, "drawn");
        _spent("a draw in vain", left, 330_000);
    }

    /// No call costs more because there are more workers or orders.
    function test_a_draw_costs_the_same_among_one_and_two_hundred() external {
        member(ALICE, 0);
        uint256 order = post(ALICE, spec(2, 1 ether));
        blocks(3);
        uint256 left = gasleft();
        compute.draw(order, 0);
        uint256 one = left - gasleft();
        _members(200);
        (,, uint256 pool) = compute.counts();
        equal(pool, 201, "pool");
        order = post(ALICE, spec(1, 1 ether));
        blocks(3);
        left = gasleft();
        compute.draw(order, 0);
        uint256 many = left - gasleft();
        check(many < one + 25_000, "the draw grows with the pool");
    }
}
