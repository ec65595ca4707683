// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// Rounds, benchmarks, reports and records.
contract RoundsTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    /// Multiply-adds of the benchmark of class 0.
    uint256 private constant WORK = 2 * 64 ** 3;

    function test_a_round_is_opened_once_a_period() external {
        equal(compute.openRound(ICompute.RoundKind.All), 0, "the first");
        vm.expectPartialRevert(ICompute.NotYet.selector);
        compute.openRound(ICompute.RoundKind.All);
        equal(compute.openRound(ICompute.RoundKind.Spot), 1, "of its own kind");
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotYet.selector, (START / 1 days + 1) * 1 days));
        compute.openRound(ICompute.RoundKind.Spot);
        _nextDay();
        equal(compute.openRound(ICompute.RoundKind.Spot), 2, "the next day");
        vm.expectPartialRevert(ICompute.NotYet.selector);
        compute.openRound(ICompute.RoundKind.All);
        vm.warp((START / 7 days + 1) * 7 days);
        equal(compute.openRound(ICompute.RoundKind.All), 3, "the next window");
    }

    function test_the_median_of_the_reports_is_the_record() external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 3);
        solve(job);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoQuorum.selector, 0, 3));
        compute.settle(job);
        _report(job, 0, 900);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoQuorum.selector, 1, 3));
        compute.settle(job);
        vm.prank(authority(0));
        vm.expectRevert(abi.encodeWithSelector(ICompute.AlreadyReported.selector, authority(0)));
        (uint256[] memory jobs, uint32[] memory times) = _one(job, 1);
        compute.report(jobs, times);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotAuthority.selector, address(this)));
        compute.report(jobs, times);
        _report(job, 1, 1);
        _report(job, 2, 2_000);
        compute.settle(job);
        equal(compute.worker(id).rate, WORK * 1_000 / 900, "rate");
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Settled));
        compute.settle(job);
    }

    function test_two_of_three_reports_suffice_and_the_slower_one_counts() external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 3);
        solve(job);
        _report(job, 1, 1_500);
        _report(job, 2, 800);
        compute.settle(job);
        equal(compute.worker(id).rate, WORK * 1_000 / 1_500, "rate");
    }

    function test_authorities_cannot_say_more_time_than_the_chain_saw() external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 2);
        solve(job);
        report(job, 3_600_000, 3);
        compute.settle(job);
        // Two seconds from the round to the commitment, and one for what their parts hide.
        equal(compute.worker(id).rate, WORK * 1_000 / 3_000, "rate");
    }

    function test_ten_times_slower_than_the_class_is_refused() external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 10);
        solve(job);
        report(job, 5_300, 3);
        compute.settle(job);
        check(!compute.worker(id).measured, "emulation passed");
        equal(compute.worker(id).place, 0, "in the pool");
        _nextDay();
        job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 10);
        solve(job);
        report(job, 5_200, 3);
        compute.settle(job);
        check(compute.worker(id).measured, "ten times slower at most");
    }

    function test_level_four_needs_a_verified_benchmark() external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        commit(job);
        report(job, 1_000, 3);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Committed));
        compute.settle(job);
        blocks(3);
        open(job, abi.encode(keccak256("skipped")));
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Failed));
        compute.settle(job);
        equal(compute.worker(id).stake, STAKE - STAKE / 20, "slashed");
        equal(compute.strikes(compute.worker(id).key), 1, "strikes");
    }

    function test_a_benchmark_answers_once_and_in_time() external {
        address id = newcomer(ALICE, 0);
        address late = newcomer(address(0xCA), 0);
        uint256 round = openRound(ICompute.RoundKind.Spot);
        uint256 job = compute.benchmarkId(round, id);
        solve(job);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Verified));
        compute.commit(job, keccak256("again"));
        job = compute.benchmarkId(round, late);
        // 2 * 64^3 multiply-adds at 10^6 a second, ten times, and a minute.
        equal(compute.deadlineOf(job), compute.round(round).time + 65, "deadline");
        vm.warp(compute.round(round).time + 66);
        vm.prank(address(0xCA));
        vm.expectRevert(ICompute.TooLate.selector);
        compute.commit(job, keccak256("late"));
        job = compute.benchmarkId(round, address(0xDEAD));
        vm.prank(address(0xCA));
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, address(0xDEAD)));
        compute.commit(job, keccak256("nobody"));
    }

    function test_a_round_for_all_asks_all_and_who_misses_it_is_out() external {
        address id = member(ALICE, 1);
        address other = member(address(0xCA), 1);
        vm.warp((START / 7 days + 1) * 7 days + 60);
        compute.refresh(id);
        check(compute.worker(id).place != 0, "valid through the grace");
        uint256 round = openRound(ICompute.RoundKind.All);
        check(compute.isAsked(round, id) && compute.isAsked(round, other), "all");
        vm.warp(block.timestamp + 3);
        measure(round, id, 1_050);
        check(!compute.worker(id).flagged, "5 % are no deviation");
        equal(compute.worker(id).rate, uint256(512) ** 3 * 1_000 / 1_050, "the record is renewed");
        check(compute.isAsked(round, other), "still asked");
        vm.expectPartialRevert(ICompute.NotYet.selector);
        compute.miss(round, other);
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Settled));
        compute.miss(round, id);
        compute.miss(round, other);
        ICompute.Worker memory it = compute.worker(other);
        check(!it.measured && it.class == 0 && it.place == 0, "one class lower, and out");
        equal(it.stake, STAKE, "late is not slashed");
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Late));
        compute.miss(round, other);
    }

    function test_without_a_new_measurement_the_old_one_ends() external {
        address id = member(ALICE, 0);
        uint256 until = ((START / 7 days) + 1) * 7 days + 1 days;
        equal(compute.worker(id).validUntil, until, "the end of the window and a day");
        vm.warp(until);
        compute.refresh(id);
        check(compute.worker(id).place != 0, "the last second");
        vm.warp(until + 1);
        compute.refresh(id);
        equal(compute.worker(id).place, 0, "in the pool");
        equal(compute.worker(id).score, 70, "without level 4");
    }

    function test_newcomers_are_not_asked_by_the_round_that_let_them_in() external {
        address id = newcomer(ALICE, 0);
        vm.warp(START + 1 days);
        uint256 round = openRound(ICompute.RoundKind.Spot);
        check(compute.isAsked(round, id), "may answer");
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
        compute.miss(round, id);
        measure(round, id, 1_000);
        vm.warp(block.timestamp + 3_600);
        check(!compute.isAsked(round, id), "asked twice");
    }

    function test_a_deviation_of_more_than_a_tenth_is_flagged_and_checked_again() external {
        address id = member(ALICE, 0);
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp((START / 7 days + 1 + i) * 7 days + 60);
            uint256 round = openRound(ICompute.RoundKind.All);
            vm.warp(block.timestamp + 3);
            measure(round, id, 1_120);
            check(compute.worker(id).flagged == (i == 0), "flagged by the first only");
            if (i == 0) {
                // Whoever is flagged is part of each spot check.
                _nextDay();
                uint256 spot = openRound(ICompute.RoundKind.Spot);
                check(compute.isAsked(spot, id), "asked");
                vm.warp(block.timestamp + 3);
                uint64 rate = compute.worker(id).rate;
                measure(spot, id, 1_130);
                check(!compute.worker(id).flagged, "near to its record again");
                equal(compute.worker(id).rate, rate, "a spot check leaves the record");
            }
        }
    }

    function test_a_twentieth_is_asked_by_a_spot_check() external {
        // A window of 4,000 days, so that the measurement lasts.
        uint256 packed = uint256(vm.load(address(compute), 0));
        _put(0, packed & ~(uint256(type(uint32).max) << 184) | uint256(4_000 days) << 184);
        uint256 asked = 0;
        address id = member(ALICE, 0);
        for (uint256 i = 0; i < 400; ++i) {
            _nextDay();
            uint256 round = openRound(ICompute.RoundKind.Spot);
            if (compute.isAsked(round, id)) ++asked;
        }
        // 20 expected, sigma 4.4; the beacons of these tests are always the same.
        check(asked >= 8 && asked <= 36, "not one in twenty");
    }

    function test_a_measurement_of_another_declaration_does_not_count() external {
        address id = newcomer(ALICE, 0);
        bytes32 key = compute.worker(id).key;
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 5);
        solve(job);
        report(job, 1_000, 3);
        bytes memory signed = signature(ALICE, key, 2, device());
        vm.prank(ALICE);
        compute.attest(id, 2, device(), signed);
        compute.settle(job);
        ICompute.Worker memory it = compute.worker(id);
        check(!it.measured && it.rate == 0 && it.validUntil == 0, "measured as another class");
    }

    function test_a_new_declaration_voids_the_measurement() external {
        address id = member(ALICE, 0);
        bytes memory signed = signature(ALICE, compute.worker(id).key, 0, device());
        vm.prank(ALICE);
        compute.attest(id, 0, device(), signed);
        equal(compute.worker(id).place, 0, "in the pool");
        equal(compute.worker(id).score, 70, "without level 4");
    }

    function test_there_is_no_round_before_it_is_opened() external {
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoSuchRound.selector, 3));
        compute.round(3);
    }

    function _one(uint256 job, uint32 time) private pure returns (uint256[] memory jobs, uint32[] memory times) {
        (jobs, times) = (new uint256[](1), new uint32[](1));
        (jobs[0], times[0]) = (job, time);
    }

    function _report(uint256 job, uint256 who, uint32 time) private {
        (uint256[] memory jobs, uint32[] memory times) = _one(job, time);
        vm.prank(authority(who));
        compute.report(jobs, times);
    }

    /// The record is the median whatever the order of the reports.
    function test_the_order_of_reports_does_not_matter(uint16 a, uint16 b, uint16 c) external {
        address id = newcomer(ALICE, 0);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.Spot), id);
        vm.warp(block.timestamp + 60);
        solve(job);
        _report(job, 0, a);
        _report(job, 1, b);
        _report(job, 2, c);
        compute.settle(job);
        uint256 low = a < b ? a : b;
        uint256 high = a < b ? b : a;
        uint256 middle = c < low ? low : c > high ? high : c;
        if (middle > 61_000) middle = 61_000;
        equal(compute.worker(id).rate, WORK * 1_000 / (middle == 0 ? 1 : middle), "rate");
    }
}
