// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Task} from "../interfaces/IMfenxPrecompiles.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// What a round asks of whom, whatever the worker does after it was opened, and that what is known in
/// the end does not depend on who calls first.
contract DutiesTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    address private constant BUYER = address(0xB0B);

    /// The next window, a minute in.
    function _nextWindow() private {
        vm.warp((block.timestamp / 7 days + 1) * 7 days + 60);
    }

    function _attest(address id, uint8 class) private {
        ICompute.Worker memory it = compute.worker(id);
        bytes memory signed = signature(it.operator, it.key, class, it.device);
        vm.prank(it.operator);
        compute.attest(id, class, it.device, signed);
    }

    function _measuredAnew(address id) private {
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        vm.warp(block.timestamp + 3);
        measure(round, id, 1_000);
    }

    // Who is asked

    function test_a_flag_does_not_reach_back() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 all = openRound(ICompute.RoundKind.All);
        vm.warp(block.timestamp + 3);
        uint256 spot = _unasked(id);
        measure(all, id, 1_200);
        ICompute.Worker memory it = compute.worker(id);
        check(it.flagged && it.duties.flaggedFrom == spot + 1, "flagged");
        check(!compute.isAsked(spot, id), "asked by a round from before");
        vm.warp(block.timestamp + 200);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
        compute.miss(spot, id);
        _nextDay();
        uint256 next = openRound(ICompute.RoundKind.Spot);
        check(compute.isAsked(next, id), "asked by the next");
        vm.warp(block.timestamp + 3);
        measure(next, id, 1_400);
        equal(compute.worker(id).duties.flaggedFrom, next + 1, "flagged again");
        vm.warp(block.timestamp + 1 days);
        next = openRound(ICompute.RoundKind.Spot);
        vm.warp(block.timestamp + 3);
        measure(next, id, 1_200);
        check(!compute.worker(id).flagged && compute.worker(id).duties.flaggedFrom == 0, "no more");
    }

    /// A spot round whose beacon does not draw the worker.
    function _unasked(address id) private returns (uint256 round) {
        round = openRound(ICompute.RoundKind.Spot);
        check(!compute.isAsked(round, id), "this test needs another beacon");
    }

    function test_a_round_is_missed_within_a_window_or_never() external {
        address id = member(ALICE, 1);
        _nextDay();
        uint256 round = _flaggedRound(id);
        uint256 opened = compute.round(round).time;
        // It answers a later one, and so it is measured when somebody remembers this one.
        _nextWindow();
        uint256 later = openRound(ICompute.RoundKind.All);
        vm.warp(block.timestamp + 3);
        measure(later, id, 1_000);
        _flag(id);
        vm.warp(opened + 7 days + 1);
        vm.expectRevert(ICompute.TooLate.selector);
        compute.miss(round, id);
        vm.warp(opened + 7 days);
        compute.miss(round, id);
        ICompute.Worker memory it = compute.worker(id);
        equal(it.class, 0, "one class lower");
        check(it.measured, "what a later round measured stays");
    }

    function test_declaring_anew_does_not_evade_a_round() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 round = openRound(ICompute.RoundKind.All);
        vm.warp(block.timestamp + 3);
        _attest(id, 1);
        check(compute.isAsked(round, id), "still asked");
        vm.warp(block.timestamp + 100);
        compute.miss(round, id);
        equal(compute.worker(id).class, 0, "one class lower");
        // But rounds from after that do not ask who is not measured.
        _nextDay();
        round = openRound(ICompute.RoundKind.Spot);
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
        compute.miss(round, id);
    }

    /// Not in the second of the opening either: what counts is which came first.
    function test_a_round_and_a_declaration_in_one_second_have_an_order() external {
        address id = member(ALICE, 1);
        address other = member(BUYER, 1);
        _nextWindow();
        _attest(other, 1);
        uint256 round = openRound(ICompute.RoundKind.All);
        _attest(id, 1);
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, other));
        compute.miss(round, other);
        compute.miss(round, id);
        equal(compute.worker(id).class, 0, "one class lower");
        equal(compute.worker(other).class, 1, "it was not measured");
    }

    /// A benchmark from before a declaration says nothing about it, in the same second either.
    function test_a_round_of_the_same_second_does_not_measure_what_is_declared_after_it() external {
        address id = newcomer(ALICE, 1);
        uint256 round = openRound(ICompute.RoundKind.Spot);
        address other = newcomer(BUYER, 1);
        check(compute.isAsked(round, id), "registered before");
        check(!compute.isAsked(round, other), "registered after");
        _attest(id, 0);
        check(!compute.isAsked(round, id), "declared after");
    }

    function test_being_measured_anew_does_not_evade_a_round() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 missed = openRound(ICompute.RoundKind.All);
        _attest(id, 1);
        _measuredAnew(id);
        check(compute.isAsked(missed, id), "still asked");
        compute.miss(missed, id);
        ICompute.Worker memory it = compute.worker(id);
        check(it.class == 0 && it.measured, "one class lower, and as the later round measured it");
    }

    /// Without a round between them, measurements and declarations change nothing.
    function test_what_changes_between_two_rounds_forgets_none() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 missed = openRound(ICompute.RoundKind.All);
        _attest(id, 1);
        for (uint256 i = 0; i < 3; ++i) {
            _measuredAnew(id);
            if (i < 2) _attest(id, 1);
        }
        check(compute.worker(id).measured, "measured three times anew, and asked by no round of the first two");
        check(compute.isAsked(missed, id), "still asked");
    }

    /// Refused by one round and let in by the next, both opened before either was settled: it was never out.
    function test_two_verdicts_at_once_forget_nothing() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 missed = openRound(ICompute.RoundKind.All);
        _attest(id, 1);
        _measuredAnew(id);
        _nextDay();
        uint256 slow = compute.benchmarkId(_flaggedRound(id), id);
        vm.warp(block.timestamp + 20);
        solve(slow);
        report(slow, 15_000, 3);
        _nextDay();
        uint256 quick = compute.benchmarkId(_flaggedRound(id), id);
        vm.warp(block.timestamp + 3);
        solve(quick);
        report(quick, 1_000, 3);
        compute.settle(slow);
        check(!compute.worker(id).measured, "refused");
        compute.settle(quick);
        check(compute.worker(id).measured && compute.isAsked(missed, id), "still asked");
    }

    function test_a_measurement_that_ran_out_binds_to_nothing_new() external {
        address id = member(ALICE, 1);
        uint256 until = compute.worker(id).validUntil;
        vm.warp(until);
        uint256 last = openRound(ICompute.RoundKind.All);
        vm.warp(until + 1);
        uint256 next = _flaggedRound(id);
        vm.warp(until + 200);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
        compute.miss(next, id);
        compute.miss(last, id);
        equal(compute.worker(id).class, 0, "one class lower");
    }

    /// A measurement that ran out binds to what was opened before, whatever becomes of the worker later.
    function test_what_was_owed_when_a_measurement_ran_out_is_owed() external {
        address id = member(ALICE, 0);
        uint256 start = vm.snapshotState();
        // It is late, declares anew, is measured anew; and the last two together.
        for (uint256 i = 0; i < 4; ++i) {
            uint256 job = i == 0 ? assigned(BUYER, 1 ether) : 0;
            _nextWindow();
            uint256 missed = openRound(ICompute.RoundKind.All);
            vm.warp(compute.worker(id).validUntil + 1);
            uint256 next = _flaggedRound(id);
            if (i == 0) compute.lapse(job);
            if (i == 1 || i == 3) _attest(id, 0);
            if (i > 1) _measuredAnew(id);
            check(compute.isAsked(missed, id), "still owed");
            vm.warp(block.timestamp + 200);
            vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
            compute.miss(next, id);
            compute.miss(missed, id);
            check(vm.revertToState(start), "back");
        }
    }

    /// Let in by a benchmark of before that is settled late: rounds from between ask nothing.
    function test_whoever_was_out_when_a_round_was_opened_does_not_owe_it() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 missed = _flaggedRound(id);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.All), id);
        vm.warp(block.timestamp + 3);
        solve(job);
        report(job, 1_000, 3);
        vm.warp(compute.worker(id).validUntil + 1);
        uint256 between = openRound(ICompute.RoundKind.Spot);
        compute.miss(missed, id);
        compute.settle(job);
        check(compute.worker(id).measured && compute.worker(id).validUntil > block.timestamp, "in again");
        _flag(id);
        check(!compute.isAsked(between, id), "asked by a round of when it was out");
        _nextDay();
        check(compute.isAsked(openRound(ICompute.RoundKind.Spot), id), "asked from now on");
    }

    /// Lowered between its computation and its commitment, by whoever calls `miss` of another round first.
    function test_an_answer_for_the_class_before_is_no_strike() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 spot = _flaggedRound(id);
        vm.warp(block.timestamp + 90);
        uint256 job = compute.benchmarkId(openRound(ICompute.RoundKind.All), id);
        (Task memory task, bytes32[] memory roots) = (taskOf(job), rootsOf(job));
        compute.miss(spot, id);
        equal(compute.worker(id).class, 0, "one class lower");
        check(roots.length != compute.classes()[0].rounds, "this test needs classes of different rounds");
        vm.prank(ALICE);
        compute.commit(job, keccak256(abi.encodePacked(roots)));
        blocks(3);
        bytes32 beacon = keccak256(beacons.betaOf(compute.job(job).height + 2));
        bytes memory proof = abi.encodePacked(verifier.proofOf(task, roots, beacon, 64));
        uint256 state = vm.snapshotState();
        vm.prank(ALICE);
        compute.open(job, roots, proof);
        equal(compute.job(job).class, 1, "verified as what it is");
        report(job, 1_000, 3);
        compute.settle(job);
        check(compute.worker(id).measured && compute.worker(id).rate == uint256(512) ** 3, "and measured by it");
        equal(compute.strikes(compute.worker(id).key), 0, "strikes");
        check(vm.revertToState(state), "back");
        // As a class that is not the next one, or with another number of roots, it is malformed.
        bytes32[] memory more = new bytes32[](3);
        vm.prank(ALICE);
        vm.expectRevert(ICompute.WrongRoots.selector);
        compute.open(job, more, proof);
    }

    /// What the old card did says nothing of the new one.
    function test_a_new_card_has_a_new_record() external {
        address id = member(ALICE, 1);
        _attest(id, 1);
        equal(compute.worker(id).rate, 0, "no record");
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        vm.warp(block.timestamp + 3);
        measure(round, id, 2_000);
        check(!compute.worker(id).flagged && compute.worker(id).measured, "not compared with the old one");
    }

    /// Rounds, declarations, measurements and failures in any order, beside a model: whoever is measured
    /// when a round is opened owes it an answer, until it was measured twice anew.
    function test_who_owes_an_answer_was_measured_at_the_opening(bytes calldata steps) external {
        // A window of 4,000 days, so that measurements last and spot checks ask in each of them.
        _put(0, uint256(vm.load(address(compute), 0)) & ~(uint256(type(uint32).max) << 184) | uint256(4_000 days) << 184);
        address id = newcomer(ALICE, 1);
        uint256 now_ = 0;
        uint256 before = 0;
        uint256 answered = 0;
        bool wasOut = false;
        uint256 next = 0;
        for (uint256 i = 0; i < steps.length && i < 24; ++i) {
            uint256 step = uint8(steps[i]) % 4;
            bool was = compute.worker(id).measured;
            if (step == 1) {
                _attest(id, 1);
            } else if (step == 0 || next == 0) {
                _nextDay();
                if (was) _flag(id);
                uint256 round = openRound(ICompute.RoundKind.Spot);
                next = round + 1;
                if (was) now_ |= 1 << round;
                else wasOut = true;
                vm.warp(block.timestamp + 3);
            } else if (_open(next - 1, id)) {
                if (step == 2) {
                    measure(next - 1, id, 1_000);
                } else {
                    cheat(compute.benchmarkId(next - 1, id));
                    // A strike that does not count, so that it can go on for ever.
                    _list(ICompute.ListKind.Pardon, compute.worker(id).key);
                    _list(ICompute.ListKind.Pardon, bytes32(uint256(uint160(ALICE))));
                    _list(ICompute.ListKind.Pardon, compute.worker(id).device.fingerprint);
                }
                answered |= 1 << next - 1;
            }
            if (!was && compute.worker(id).measured && wasOut) {
                if (now_ != 0) (before, now_) = (now_, 0);
                wasOut = false;
            }
        }
        vm.warp(block.timestamp + 200);
        _flag(id);
        for (uint256 round = 0; round < next; ++round) {
            uint256 state = vm.snapshotState();
            (bool ok,) = address(compute).call(abi.encodeCall(ICompute.miss, (round, id)));
            check(ok == (((now_ | before) & ~answered) >> round & 1 == 1), string.concat("round ", vm.toString(round)));
            check(vm.revertToState(state), "back");
        }
    }

    function _open(uint256 round, address id) private view returns (bool) {
        bool isNew = compute.job(compute.benchmarkId(round, id)).state == ICompute.JobState.None;
        return isNew && compute.isAsked(round, id);
    }

    function test_leaving_does_not_evade_a_round() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 round = openRound(ICompute.RoundKind.All);
        vm.warp(block.timestamp + 3);
        vm.prank(ALICE);
        compute.exit(id);
        check(compute.isAsked(round, id), "still asked");
        address newcomer_ = newcomer(BUYER, 0);
        vm.prank(BUYER);
        compute.exit(newcomer_);
        uint256 other = openRound(ICompute.RoundKind.Spot);
        check(!compute.isAsked(other, id), "asked by a round from after");
        check(!compute.isAsked(other, newcomer_), "a newcomer that has left is let in");
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotChosen.selector, id));
        compute.miss(other, id);
        compute.miss(round, id);
        equal(compute.worker(id).class, 0, "one class lower");
        check(compute.params().exitSeconds > 100, "the stake is still there");
    }

    function test_a_declaration_waits_for_what_is_under_way() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        ICompute.Worker memory it = compute.worker(id);
        ICompute.Device memory other = compute.worker(id).device;
        other.fingerprint = keccak256("made up");
        bytes memory signed = signature(ALICE, it.key, 0, other);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(ALICE);
            vm.expectRevert(abi.encodeWithSelector(ICompute.Busy.selector, 1));
            compute.attest(id, 0, other, signed);
            if (i == 0) commit(job);
        }
        blocks(3);
        open(job, abi.encode(keccak256("wrong")));
        equal(compute.strikes(it.device.fingerprint), 1, "a strike for the card that was there");
        vm.prank(ALICE);
        compute.attest(id, 0, other, signed);
        equal(compute.strikes(it.device.fingerprint), 1, "strikes stay");
        equal(compute.strikes(it.key), 1, "strikes stay");
        equal(compute.strikes(bytes32(uint256(uint160(ALICE)))), 1, "strikes stay");
    }

    // Who calls first

    /// Two benchmarks of one worker, in rounds of either kind: the order of `settle` changes nothing.
    function test_the_order_of_settling_does_not_matter(uint16 first, uint16 second, uint8 kinds) external {
        address id = kinds & 1 == 0 ? member(ALICE, 1) : newcomer(ALICE, 1);
        _nextWindow();
        (ICompute.RoundKind one, ICompute.RoundKind other) = kinds & 2 == 0
            ? (ICompute.RoundKind.All, ICompute.RoundKind.Spot)
            : (ICompute.RoundKind.Spot, ICompute.RoundKind.All);
        uint256 a = compute.benchmarkId(openRound(one), id);
        blocks(1);
        if (kinds & 4 != 0 && one == ICompute.RoundKind.All) _flag(id);
        uint256 b = compute.benchmarkId(openRound(other), id);
        vm.warp(block.timestamp + 30);
        if (!_answer(a, first) || !_answer(b, second)) return;
        uint256 before = vm.snapshotState();
        compute.settle(a);
        compute.settle(b);
        bytes32 found = _known(id);
        check(vm.revertToState(before), "back");
        compute.settle(b);
        compute.settle(a);
        check(found == _known(id), "another worker");
    }

    /// Flagged by storage, so that the next spot round asks it: `measured` and `flagged` are in the slot
    /// behind the agent's, class and score.
    function _flag(address id) private {
        uint256 slot = uint256(keccak256(abi.encode(id, uint256(7)))) + 1;
        uint256 word = uint256(vm.load(address(compute), bytes32(slot)));
        _put(slot, word | 1 << 184);
        check(compute.worker(id).flagged, "the layout is another");
    }

    function _answer(uint256 job, uint32 time) private returns (bool) {
        if (!compute.isAsked(job << 1 >> 161, address(uint160(job)))) return false;
        solve(job);
        report(job, 1 + time, 3);
        return true;
    }

    function _known(address id) private view returns (bytes32) {
        ICompute.Worker memory it = compute.worker(id);
        // Who is let in or out for a moment, by what does not hold in the end, comes in anew.
        it.enteredAt = 0;
        // The same rounds are asked for other reasons.
        (it.duties.from, it.duties.to, it.duties.boundFrom, it.duties.boundTo) = (0, 0, 0, 0);
        (, uint256 rounds,) = compute.counts();
        bool[] memory asked = new bool[](rounds);
        for (uint256 i = 0; i < rounds; ++i) {
            asked[i] = compute.isAsked(i, id);
        }
        return keccak256(abi.encode(it, asked));
    }

    /// What was missed or has failed is void, also when something from before is settled later.
    function test_what_came_later_decides() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 spot = compute.benchmarkId(_flaggedRound(id), id);
        solve(spot);
        report(spot, 1_000, 3);
        vm.warp(block.timestamp + 1);
        uint256 all = openRound(ICompute.RoundKind.All);
        vm.warp(block.timestamp + 100);
        compute.miss(all, id);
        check(!compute.worker(id).measured, "missed");
        compute.settle(spot);
        check(!compute.worker(id).measured, "measured by a round from before");
        uint256 gone = compute.benchmarkId(all, id);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Late));
        compute.commit(gone, keccak256("after it was missed"));
    }

    function test_a_failed_benchmark_voids_what_was_measured_before() external {
        address id = member(ALICE, 1);
        _nextWindow();
        uint256 spot = compute.benchmarkId(_flaggedRound(id), id);
        vm.warp(block.timestamp + 1);
        uint256 all = compute.benchmarkId(openRound(ICompute.RoundKind.All), id);
        commit(spot);
        commit(all);
        blocks(3);
        open(spot, proofOf(spot));
        report(spot, 1_000, 3);
        open(all, abi.encode(keccak256("wrong")));
        check(!compute.worker(id).measured, "failed");
        compute.settle(spot);
        check(!compute.worker(id).measured, "measured by a round from before");
    }

    function _flaggedRound(address id) private returns (uint256) {
        _flag(id);
        return openRound(ICompute.RoundKind.Spot);
    }

    /// Late in the lowest class: no round until now lets it in again.
    function test_who_is_out_is_let_in_by_a_new_round_only() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        vm.warp(block.timestamp + 1 days);
        uint256 round = openRound(ICompute.RoundKind.Spot);
        compute.lapse(job);
        check(!compute.worker(id).measured && !compute.isAsked(round, id), "let in again");
        _nextDay();
        round = openRound(ICompute.RoundKind.Spot);
        check(compute.isAsked(round, id), "not asked by a new round");
        measure(round, id, 1_000);
        check(compute.worker(id).place != 0, "in the pool");
    }
}
