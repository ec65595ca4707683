// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// Orders, draws, and the life of a result.
contract OrdersTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    address private constant CAROL = address(0xCA201);
    address private constant BUYER = address(0xB0B);

    function test_a_result_is_paid_when_it_is_verified_and_never_again() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        check(compute.job(job).worker == id, "the only worker");
        bytes32[] memory roots = rootsOf(job);
        solve(job);
        equal(compute.due(ALICE), 1 ether, "reward");
        (uint256 held, ICompute.JobState state, bytes32 result) = compute.resultOf(1, 0);
        check(held == job && state == ICompute.JobState.Verified && result == roots[2], "the last root is the result");
        bytes memory again = abi.encode(keccak256("again"));
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Verified));
        compute.open(job, roots, again);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Verified));
        compute.commit(job, keccak256("x"));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Done));
        compute.draw(1, 0);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Done));
        compute.cancel(1, new uint32[](1));
        vm.roll(block.number + 500);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongJob.selector, ICompute.JobState.Verified));
        compute.lapse(job);
        equal(compute.due(ALICE), 1 ether, "reward");
        checkBooks();
    }

    function test_the_seed_is_the_hash_that_the_interface_says() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        bytes memory beta = beacons.betaOf(compute.order(1).height);
        bytes memory preimage = abi.encodePacked("mfenx compute v1 seed", uint64(block.chainid), beta, id, job);
        equal(preimage.length, 21 + 8 + 64 + 20 + 32, "preimage");
        check(compute.job(job).seed == keccak256(preimage), "seed");
    }

    function test_a_copied_commitment_is_worth_nothing() external {
        member(ALICE, 0);
        member(CAROL, 0);
        uint256 id = post(BUYER, spec(8, 1 ether));
        blocks(3);
        uint256 first = compute.draw(id, 0);
        uint256 second = 0;
        for (uint32 i = 1; i < 8 && second == 0; ++i) {
            uint256 job = compute.draw(id, i);
            if (operatorOf(job) != operatorOf(first)) second = job;
        }
        check(second != 0, "two workers");
        bytes32[] memory roots = rootsOf(first);
        commit(first);
        vm.prank(operatorOf(second));
        compute.commit(second, keccak256(abi.encodePacked(roots)));
        blocks(3);
        bytes memory proof = proofOf(first);
        open(first, proof);
        address copier = operatorOf(second);
        vm.prank(copier);
        compute.open(second, roots, proof);
        check(compute.job(second).state == ICompute.JobState.Failed, "caught");
        equal(compute.due(copier), 0, "paid");
    }

    function test_a_commitment_after_the_deadline_is_refused_and_lowers_the_class() external {
        address id = member(ALICE, 1);
        uint256 job = assigned(BUYER, 1 ether);
        vm.expectPartialRevert(ICompute.NotYet.selector);
        compute.lapse(job);
        vm.warp(compute.job(job).deadline + 1);
        bytes32[] memory roots = rootsOf(job);
        vm.prank(ALICE);
        vm.expectRevert(ICompute.TooLate.selector);
        compute.commit(job, keccak256(abi.encodePacked(roots)));
        compute.lapse(job);
        ICompute.Worker memory it = compute.worker(id);
        equal(it.class, 0, "class");
        equal(it.stake, STAKE, "late is not slashed");
        equal(compute.strikes(it.key), 0, "late is no strike");
        // Late in the lowest class: out until the next measurement.
        reach(1, 0);
        uint256 next = compute.draw(1, 0);
        equal(next, job + 1, "the slot's next attempt");
        vm.warp(compute.job(next).deadline + 1);
        compute.lapse(next);
        check(!compute.worker(id).measured, "still measured");
        reach(1, 0);
        equal(compute.draw(1, 0), 0, "drawn");
        checkBooks();
    }

    function test_positions_are_drawn_after_the_commitment() external {
        member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        bytes32[] memory roots = rootsOf(job);
        commit(job);
        uint256 height = block.number;
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(ALICE);
            vm.expectRevert(abi.encodeWithSelector(ICompute.TooEarly.selector, height + 2));
            compute.open(job, roots, abi.encode(keccak256("early")));
            blocks(1);
        }
        open(job, proofOf(job));
        check(compute.job(job).state == ICompute.JobState.Verified, "verified");
    }

    function test_what_is_not_opened_in_time_is_a_failure() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        commit(job);
        blocks(102);
        bytes memory proof = proofOf(job);
        vm.expectPartialRevert(ICompute.TooEarly.selector);
        compute.lapse(job);
        blocks(1);
        bytes32[] memory roots = rootsOf(job);
        vm.prank(ALICE);
        vm.expectRevert(ICompute.TooLate.selector);
        compute.open(job, roots, proof);
        compute.lapse(job);
        check(compute.job(job).state == ICompute.JobState.Failed, "failed");
        equal(compute.worker(id).stake, STAKE - STAKE / 20, "slashed");
        checkBooks();
    }

    function test_other_roots_than_the_committed_ones_are_refused_without_harm() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        commit(job);
        blocks(3);
        bytes32[] memory roots = rootsOf(job);
        bytes memory proof = proofOf(job);
        (roots[0], roots[1]) = (roots[1], roots[0]);
        vm.startPrank(ALICE);
        vm.expectRevert(ICompute.WrongRoots.selector);
        compute.open(job, roots, proof);
        (roots[0], roots[1]) = (roots[1], roots[0]);
        vm.expectRevert("the proof has another length");
        compute.open(job, roots, abi.encodePacked(proof, uint8(0)));
        compute.open(job, roots, proof);
        vm.stopPrank();
        equal(compute.worker(id).stake, STAKE, "stake");
    }

    function test_too_few_roots_cannot_be_opened() external {
        member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        bytes32[] memory roots = new bytes32[](2);
        vm.prank(ALICE);
        compute.commit(job, keccak256(abi.encodePacked(roots)));
        blocks(3);
        vm.prank(ALICE);
        vm.expectRevert(ICompute.WrongRoots.selector);
        compute.open(job, roots, abi.encode(keccak256("x")));
    }

    function test_a_lost_result_is_drawn_anew_and_paid_to_who_does_it() external {
        address alice = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        cheat(job);
        equal(compute.due(ALICE), 0, "the cheat was paid");
        address carol = member(CAROL, 0);
        reach(1, 0);
        equal(compute.draw(1, 0), 0, "drawn by a beacon from before it came");
        reach(1, 0);
        uint256 next = compute.draw(1, 0);
        check(compute.job(next).worker == carol && carol != alice, "the next worker");
        solve(next);
        equal(compute.due(CAROL), 1 ether, "paid");
        (uint256 escrow,,,) = compute.totals();
        equal(escrow, 0, "escrow");
        checkBooks();
    }

    function test_a_buyer_gets_back_what_nobody_has() external {
        member(ALICE, 0);
        uint256 id = post(BUYER, spec(3, 1 ether));
        blocks(3);
        uint256 job = compute.draw(id, 1);
        uint32[] memory slots = new uint32[](2);
        (slots[0], slots[1]) = (0, 2);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotBuyer.selector, address(this)));
        compute.cancel(id, slots);
        vm.prank(BUYER);
        compute.cancel(id, slots);
        equal(compute.due(BUYER), 2 ether, "refund");
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Cancelled));
        compute.cancel(id, slots);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Cancelled));
        compute.draw(id, 0);
        (slots[0], slots[1]) = (1, 1);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Taken));
        compute.cancel(id, slots);
        solve(job);
        checkBooks();
    }

    function test_one_slot_named_twice_is_refunded_once() external {
        uint256 id = post(BUYER, spec(3, 1 ether));
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Cancelled));
        compute.cancel(id, new uint32[](2));
    }

    function test_the_draw_waits_for_its_beacon_and_an_old_one_is_renewed() external {
        member(ALICE, 0);
        uint256 id = post(BUYER, spec(1, 1 ether));
        uint256 height = compute.order(id).height;
        equal(height, block.number + 2, "height");
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ICompute.TooEarly.selector, height));
            compute.draw(id, 0);
            vm.roll(block.number + 1);
        }
        vm.roll(height + 8_193);
        equal(compute.draw(id, 0), 0, "drawn by a beacon that is gone");
        equal(compute.slot(id, 0).height, block.number + 3, "the new height");
        vm.roll(block.number + 4);
        check(compute.draw(id, 0) != 0, "drawn");
    }

    function test_who_came_when_the_beacon_was_known_is_not_drawn() external {
        address id = member(ALICE, 0);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(0, 0, 0));
        uint256 order = post(BUYER, spec(1, 1 ether));
        blocks(2);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(8, 0, 0));
        blocks(1);
        equal(compute.draw(order, 0), 0, "drawn");
        reach(order, 0);
        check(compute.draw(order, 0) != 0, "not drawn by the next beacon");
    }

    function test_a_worker_gets_no_more_than_it_can_do_in_time() external {
        address id = member(ALICE, 1);
        ICompute.Order memory order = spec(3, 1 ether);
        // 50 seconds of work fit, see below; these are 20 each.
        (order.m, order.k, order.p, order.rounds) = (512, 512, 512, 20);
        uint256 number = post(BUYER, order);
        blocks(3);
        uint256 first = compute.draw(number, 0);
        check(first != 0 && compute.draw(number, 1) != 0, "two fit");
        equal(compute.worker(id).load, 40 * 512 ** 3, "load");
        equal(compute.draw(number, 2), 0, "the third");
        commit(first);
        equal(compute.worker(id).load, 20 * 512 ** 3, "what is committed is done");
        reach(number, 2);
        check(compute.draw(number, 2) != 0, "the third fits now");
        vm.warp(block.timestamp + 200);
        compute.lapse(number << 64 | 1 << 32);
        equal(compute.worker(id).load, 20 * 512 ** 3, "what is late is nobody's");
    }

    /// The rounds that an opening computes again take at most half of the blocks that there are for it.
    function test_whoever_could_not_open_in_time_is_not_drawn() external {
        member(ALICE, 1);
        ICompute.Order memory order = spec(1, 1 ether);
        // A second for each round, and 100 blocks.
        (order.m, order.k, order.p, order.commitSeconds) = (512, 512, 512, 1 days);
        (order.rounds, order.samples) = (200, 51);
        _refusedBy(order, "51 rounds to open");
        order.samples = 50;
        _fits(order);
        (order.rounds, order.samples) = (51, 150);
        _refusedBy(order, "all 51 rounds to open");
        order.rounds = 50;
        _fits(order);
    }

    function _fits(ICompute.Order memory order) private {
        uint256 number = post(BUYER, order);
        blocks(3);
        check(compute.draw(number, 0) != 0, "fits");
    }

    function test_only_workers_that_fit_are_drawn() external {
        address id = member(ALICE, 1);
        equal(compute.worker(id).rate, 512 ** 3, "a second for the benchmark");
        ICompute.Order memory order = spec(1, 1 ether);
        order.minClass = 2;
        _refusedBy(order, "class");
        order = spec(1, 1 ether);
        order.minReputation = 1;
        _refusedBy(order, "reputation");
        _refusedBy(spec(1, uint128(STAKE / 20 + 1)), "a reward above the slash");
        order = spec(1, 1 ether);
        // 100 seconds are left for the work, so 50 of it fit: the rate is 512^3.
        (order.m, order.k, order.p, order.rounds) = (512, 512, 512, 51);
        _refusedBy(order, "work for more than half of the time");
        order.rounds = 50;
        uint256 fitting = post(BUYER, order);
        blocks(3);
        uint256 job = compute.draw(fitting, 0);
        check(job != 0, "fits");
        commit(job);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(8, 1e9 / 2, 1e9));
        order.reward = 0.5 ether;
        // 50 * 512^3 multiply-adds are 0.00671 * 10^12: as many JULIAN above the base.
        _refusedBy(order, "a reward below its terms");
        order.reward = 0.50672 ether;
        fitting = post(BUYER, order);
        blocks(3);
        check(compute.draw(fitting, 0) != 0, "paid enough");
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(2, 0, 0));
        _refusedBy(spec(1, 1 ether), "capacity");
        vm.warp(compute.worker(id).validUntil + 1);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(8, 0, 0));
        _refusedBy(spec(1, 1 ether), "an old measurement");
    }

    function test_capacity_counts_jobs_until_they_are_opened() external {
        address id = member(ALICE, 0);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(1, 0, 0));
        uint256 first = assigned(BUYER, 1 ether);
        _refusedBy(spec(1, 1 ether), "assigned");
        commit(first);
        _refusedBy(spec(1, 1 ether), "committed");
        open(first, proofOf(first));
        check(assigned(BUYER, 1 ether) != 0, "verified");
    }

    function _refusedBy(ICompute.Order memory order, string memory why) private {
        uint256 id = post(BUYER, order);
        blocks(3);
        equal(compute.draw(id, 0), 0, why);
    }

    function test_orders_that_could_not_be_opened_are_refused() external {
        vm.deal(BUYER, 100_000 ether);
        ICompute.OrderFault fault;
        for (uint256 i = 0; i < 22; ++i) {
            ICompute.Order memory order = spec(1, 1 ether);
            if (i == 0) (order.m, fault) = (0, ICompute.OrderFault.Size);
            if (i == 1) order.m = 32_769;
            if (i == 2) order.k = 0;
            if (i == 3) order.k = 32_769;
            if (i == 4) order.p = 0;
            if (i == 5) order.p = 32_769;
            if (i == 6) (order.rounds, fault) = (0, ICompute.OrderFault.Rounds);
            if (i == 7) order.rounds = 1_025;
            if (i == 8) (order.m, order.rounds, fault) = (32_768, 129, ICompute.OrderFault.Rows);
            if (i == 9) (order.samples, fault) = (0, ICompute.OrderFault.Samples);
            if (i == 10) order.samples = 257;
            if (i == 11) (order.results, fault) = (0, ICompute.OrderFault.Results);
            if (i == 12) order.results = 4_097;
            if (i == 13) (order.commitSeconds, fault) = (29, ICompute.OrderFault.Time);
            if (i == 14) order.commitSeconds = 7 days + 1;
            if (i == 15) (order.minClass, fault) = (3, ICompute.OrderFault.Class);
            if (i == 16) (order.m, order.p, order.samples) = (32_768, 32_768, 128);
            if (i == 16) fault = ICompute.OrderFault.Opening;
            if (i == 17) (order.m, order.k, order.p, order.rounds) = (32_768, 32_768, 32_768, 128);
            if (i == 18) (order.m, order.rounds) = (4_096, 1_024);
            if (i == 19) (order.m, order.k, order.p, order.rounds, order.samples) = (1, 1, 1, 1, 1);
            if (i == 20) (order.samples, order.results, order.commitSeconds) = (256, 4_096, 7 days);
            if (i == 21) (order.commitSeconds, order.minClass) = (30, 2);
            vm.prank(BUYER);
            if (i < 17) vm.expectRevert(abi.encodeWithSelector(ICompute.BadOrder.selector, fault));
            compute.post{value: uint256(order.reward) * order.results}(order);
        }
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongPayment.selector, 1 ether, 2 ether));
        compute.post{value: 1 ether}(spec(2, 1 ether));
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongPayment.selector, 3 ether, 2 ether));
        compute.post{value: 3 ether}(spec(2, 1 ether));
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoSuchOrder.selector, 9));
        compute.draw(9, 0);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoSuchOrder.selector, 0));
        compute.draw(0, 0);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoSuchSlot.selector, 1, 1));
        compute.draw(1, 1);
    }

    /// Every worker that fits is drawn about as often as the others.
    function test_the_draw_is_fair(uint256 salt) external {
        address[4] memory ids;
        for (uint256 i = 0; i < 4; ++i) {
            ids[i] = newcomer(address(uint160(0xF000 + i)), 0);
        }
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        for (uint256 i = 0; i < 4; ++i) {
            measure(round, ids[i], 1_000);
            vm.prank(address(uint160(0xF000 + i)));
            compute.setTerms(ids[i], ICompute.Terms(64, 0, 0));
        }
        vm.roll(1_100 + salt % 1e12);
        uint256 id = post(BUYER, spec(64, 1 ether));
        blocks(3);
        for (uint32 i = 0; i < 64; ++i) {
            compute.draw(id, i);
        }
        for (uint256 i = 0; i < 4; ++i) {
            // 16 expected, sigma 3.5: outside of this less than once in ten million.
            uint256 share = compute.worker(ids[i]).live;
            check(share > 0 && share < 40, "an unfair share");
        }
    }
}
