// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// What an order has to pay, what counts as work, and how long an order lives that nobody serves.
contract MarketTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    address private constant BUYER = address(0xB0B);

    // The least reward

    function test_an_order_pays_the_floor_of_its_work() external {
        _market(ICompute.Market(1_000, 2_000, 7, 5, 3));
        ICompute.Order memory order = spec(1, 0);
        (order.m, order.k, order.p, order.rounds) = (1_000, 2_000, 3_000, 4);
        uint256 units = 4 * (6_000_000_000 + 5 * 3_000_000 + 3 * (2_000_000 + 6_000_000) + 7);
        uint256 least = (1_000 + 2_000 * units / 1e12) * 1 gwei;
        equal(least, 1_048 gwei, "least");
        order.reward = uint128(least - 1);
        _refused(order, least);
        order.reward = 0;
        _refused(order, least);
        order.reward = uint128(least);
        post(BUYER, order);
        ICompute.Market memory found = compute.market();
        check(found.base == 1_000 && found.price == 2_000 && found.perRound == 7, "market");
        check(found.perEntry == 5 && found.perByte == 3, "market");
    }

    function _refused(ICompute.Order memory order, uint256 least) private {
        vm.deal(BUYER, 1 ether);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.RewardTooSmall.selector, order.reward, least));
        compute.post{value: order.reward}(order);
    }

    function test_more_than_half_of_the_authorities_set_the_floor() external {
        _market(ICompute.Market(10, 20, 7, 5, 3));
        bytes32 high = bytes32(uint256(3_000) << 64 | 4_000);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotAuthority.selector, address(this)));
        compute.support(ICompute.ListKind.Floor, high, true);
        // A floor of 0 is a view like any other, and not the one of those who have none.
        _support(0, 0);
        _isFloor(10, 20);
        _support(0, high);
        _support(0, high);
        _isFloor(10, 20);
        vm.expectEmit(address(compute));
        emit ICompute.Listed(ICompute.ListKind.Floor, high, true);
        _support(1, high);
        _isFloor(3_000, 4_000);
        // Each has one view: what one said before does not count any more.
        _support(2, 0);
        _isFloor(3_000, 4_000);
        _support(1, 0);
        _isFloor(0, 0);
        _support(2, high);
        _isFloor(3_000, 4_000);
        ICompute.Market memory found = compute.market();
        check(found.perRound == 7 && found.perEntry == 5 && found.perByte == 3, "units are no question");
        check(!compute.isListed(ICompute.ListKind.Floor, high), "it is no list");
    }

    function test_a_view_of_the_floor_is_taken_back() external {
        _market(ICompute.Market(10, 20, 7, 5, 3));
        bytes32 high = bytes32(uint256(3_000) << 64 | 4_000);
        _support(0, high);
        vm.prank(authority(0));
        compute.support(ICompute.ListKind.Floor, high, false);
        _support(1, high);
        // Those without a view are no majority for any.
        vm.prank(authority(2));
        compute.support(ICompute.ListKind.Floor, 0, false);
        _isFloor(10, 20);
        _support(2, high);
        _isFloor(3_000, 4_000);
    }

    function _support(uint256 who, bytes32 value) private {
        vm.prank(authority(who));
        compute.support(ICompute.ListKind.Floor, value, true);
    }

    function _isFloor(uint64 base, uint64 price) private view {
        ICompute.Market memory found = compute.market();
        equal(found.base, base, "base");
        equal(found.price, price, "price");
    }

    // Work

    /// What is hashed, expanded and begun takes time as products do: no shape is a trap.
    function test_thin_and_many_small_products_are_counted() external {
        _market(ICompute.Market(0, 0, 1e6, 400, 150));
        address id = member(ALICE, 1);
        equal(compute.worker(id).rate, 512 ** 3, "the record is multiply-adds");
        // 50 seconds fit.
        uint256 fit = 50 * 512 ** 3;
        // Hashing: 4,096 * 4,096 entries a round, 6.74 * 10^9 units; hardly a multiply-add.
        ICompute.Order memory order = spec(1, 1 ether);
        (order.m, order.k, order.p, order.rounds) = (4_096, 1, 4_096, 1);
        _drawn(order, _units(order) <= fit);
        (order.m, order.p) = (4_000, 4_000);
        _drawn(order, _units(order) <= fit);
        // Expansion.
        (order.m, order.k, order.p) = (1_024, 32_768, 1);
        _drawn(order, true);
        order.rounds = 2;
        _drawn(order, _units(order) <= fit);
        // Rounds.
        (order.m, order.k, order.p, order.rounds) = (1, 1, 1, 1_024);
        _drawn(order, true);
        _market(ICompute.Market(0, 0, 1e7, 400, 150));
        _drawn(order, false);
    }

    function _units(ICompute.Order memory it) private pure returns (uint256) {
        (uint256 m, uint256 k, uint256 p) = (it.m, it.k, it.p);
        return it.rounds * (m * k * p + 400 * m * p + 150 * (m * k + k * p) + 1e6);
    }

    function _drawn(ICompute.Order memory order, bool fits) private {
        uint256 id = post(BUYER, order);
        blocks(3);
        uint256 job = compute.draw(id, 0);
        check((job != 0) == fits, fits ? "not drawn" : "a trap");
        if (job == 0) return;
        address worker = compute.job(job).worker;
        check(compute.worker(worker).load != 0, "load");
        commit(job);
        equal(compute.worker(worker).load, 0, "load of what is committed");
    }

    function test_terms_ask_for_units_of_work() external {
        _market(ICompute.Market(0, 0, 1e6, 400, 150));
        address id = member(ALICE, 1);
        vm.prank(ALICE);
        compute.setTerms(id, ICompute.Terms(8, 0, 1e12));
        ICompute.Order memory order = spec(1, 0);
        uint256 least = _units(order) * 1 gwei;
        order.reward = uint128(least - 1 gwei);
        _drawn(order, false);
        order.reward = uint128(least);
        _drawn(order, true);
    }

    // Orders that nobody serves

    function test_a_slot_is_drawn_32_times_ever_later_and_then_refunded() external {
        uint256 id = post(BUYER, spec(2, 1 ether));
        uint256 began = block.number;
        uint256 before = 0;
        for (uint32 i = 1; i < 32; ++i) {
            reach(id, 0);
            equal(compute.draw(id, 0), 0, "drawn");
            equal(compute.slot(id, 0).attempt, i, "attempt");
            uint256 wait = compute.slot(id, 0).height - block.number;
            equal(wait, 2 + (1 << (i / 2)), "wait");
            check(wait >= before, "sooner than before");
            before = wait;
            vm.expectRevert(abi.encodeWithSelector(ICompute.TooEarly.selector, compute.slot(id, 0).height));
            compute.draw(id, 0);
        }
        check(block.number - began > 98_000 && block.number - began < 262_144, "days, not minutes");
        reach(id, 0);
        equal(compute.due(BUYER), 0, "refunded before");
        vm.expectEmit(address(compute));
        emit ICompute.Cancelled(id, 0);
        equal(compute.draw(id, 0), 0, "drawn");
        equal(compute.due(BUYER), 1 ether, "refund");
        check(compute.slot(id, 0).state == ICompute.SlotState.Cancelled, "ended");
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Cancelled));
        compute.draw(id, 0);
        uint32[] memory slots = new uint32[](1);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WrongSlot.selector, ICompute.SlotState.Cancelled));
        compute.cancel(id, slots);
        check(compute.slot(id, 1).state == ICompute.SlotState.Open, "the other slot");
        checkBooks();
    }

    function test_lost_jobs_count_as_draws() external {
        uint256 order = post(BUYER, spec(1, 1 ether));
        for (uint32 i = 1; i < 32; ++i) {
            reach(order, 0);
            compute.draw(order, 0);
        }
        member(ALICE, 0);
        reach(order, 0);
        uint256 job = compute.draw(order, 0);
        check(job != 0, "the 32nd draw finds a worker");
        vm.warp(compute.job(job).deadline + 1);
        compute.lapse(job);
        check(compute.slot(order, 0).state == ICompute.SlotState.Cancelled, "ended");
        equal(compute.due(BUYER), 1 ether, "refund");
        checkBooks();
    }

    function test_anybody_ends_an_order_whose_time_is_over() external {
        member(ALICE, 0);
        uint256 id = post(BUYER, spec(2, 1 ether));
        uint256 height = compute.order(id).height;
        vm.roll(height + 262_144);
        equal(compute.draw(id, 0), 0, "its beacon is gone");
        check(compute.slot(id, 0).state == ICompute.SlotState.Open, "the last block");
        equal(compute.due(BUYER), 0, "refunded before");
        vm.roll(height + 262_145);
        equal(compute.draw(id, 1), 0, "drawn");
        check(compute.slot(id, 1).state == ICompute.SlotState.Cancelled, "ended");
        // Whether its own beacon is there or not.
        vm.roll(compute.slot(id, 0).height + 1);
        equal(compute.draw(id, 0), 0, "drawn");
        equal(compute.due(BUYER), 2 ether, "refund");
        checkBooks();
    }
}
