// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Raffle} from "../examples/Raffle.sol";
import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// The example buys a result and uses it.
contract RaffleTest is Fixture {
    function test_a_verified_root_names_the_winner() external {
        address worker = member(address(0xA11CE), 2);
        Raffle raffle = new Raffle{value: 0.1 ether}(3_600);
        for (uint160 i = 1; i <= 7; ++i) {
            vm.deal(address(i << 16), 1 ether);
            vm.prank(address(i << 16));
            raffle.buy{value: 0.01 ether}();
        }
        vm.expectRevert(Raffle.SaleIsOpen.selector);
        raffle.roll();
        vm.warp(block.timestamp + 3_600);
        vm.expectRevert(Raffle.SaleIsOver.selector);
        raffle.buy{value: 0.01 ether}();
        vm.expectRevert(Raffle.SaleIsOpen.selector);
        raffle.settle();
        uint256 order = raffle.roll();
        vm.expectRevert(Raffle.AlreadyDone.selector);
        raffle.roll();
        blocks(3);
        uint256 job = compute.draw(order, 0);
        check(compute.job(job).worker == worker, "the worker");
        vm.expectRevert(abi.encodeWithSelector(Raffle.NoResult.selector, ICompute.JobState.Assigned));
        raffle.settle();
        bytes32[] memory roots = rootsOf(job);
        solve(job);
        raffle.settle();
        vm.expectRevert(Raffle.AlreadyDone.selector);
        raffle.settle();
        address winner = raffle.tickets(uint256(roots[1]) % 7);
        equal(raffle.prize(winner), 0.07 ether, "prize");
        vm.prank(winner);
        raffle.claim();
        equal(winner.balance, 1.06 ether, "paid");
        equal(address(raffle).balance, 0, "left over");
        equal(compute.due(address(0xA11CE)), 0.1 ether, "the worker's reward");
    }

    function test_an_order_that_nobody_served_is_bought_again() external {
        Raffle raffle = new Raffle{value: 0.1 ether}(0);
        vm.deal(address(0xCA), 1 ether);
        vm.prank(address(0xCA));
        (bool taken,) = address(raffle).call{value: 1}("");
        check(!taken, "it takes no presents");
        vm.warp(START - 1);
        vm.prank(address(0xCA));
        raffle.buy{value: 0.01 ether}();
        vm.warp(START);
        uint256 first = raffle.roll();
        vm.roll(compute.order(first).height + 262_145);
        vm.expectRevert(Raffle.AlreadyDone.selector);
        raffle.roll();
        compute.draw(first, 0);
        uint256 second = raffle.roll();
        check(second != first && raffle.order() == second, "the next order");
        equal(address(raffle).balance, 0.01 ether, "what the ticket paid");
        checkBooks();
    }

    function test_a_raffle_without_a_result_pays_back() external {
        _market(ICompute.Market(0, 0, 0, 0, 0));
        Raffle raffle = new Raffle{value: 0.1 ether}(60);
        vm.deal(address(0xCA), 1 ether);
        vm.startPrank(address(0xCA));
        raffle.buy{value: 0.01 ether}();
        raffle.buy{value: 0.01 ether}();
        vm.stopPrank();
        vm.warp(START + 60);
        raffle.roll();
        uint256 state = vm.snapshotState();
        vm.expectRevert(abi.encodeWithSelector(Raffle.NotYet.selector, START + 60 + 30 days));
        raffle.giveUp();
        // The order is open, so it is cancelled; it has ended; its price has risen and nobody can buy again.
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(START + 60 + 30 days);
            if (i > 0) {
                vm.roll(compute.order(1).height + 262_145);
                compute.draw(1, 0);
            }
            if (i == 2) {
                _market(ICompute.Market(1e9, 0, 0, 0, 0));
                vm.expectPartialRevert(ICompute.RewardTooSmall.selector);
                raffle.roll();
            }
            raffle.giveUp();
            vm.expectRevert(Raffle.AlreadyDone.selector);
            raffle.giveUp();
            vm.expectRevert(Raffle.AlreadyDone.selector);
            raffle.roll();
            equal(raffle.prize(address(0xCA)), 0.02 ether, "what the tickets cost");
            equal(raffle.prize(address(this)), 0.1 ether, "the house's reward");
            raffle.claim();
            vm.prank(address(0xCA));
            raffle.claim();
            equal(address(raffle).balance, 0, "left over");
            check(vm.revertToState(state), "back");
        }
    }

    function test_a_result_is_not_given_up() external {
        member(address(0xA11CE), 2);
        Raffle raffle = new Raffle{value: 0.1 ether}(60);
        vm.deal(address(0xCA), 1 ether);
        vm.prank(address(0xCA));
        raffle.buy{value: 0.01 ether}();
        vm.warp(block.timestamp + 60);
        uint256 order = raffle.roll();
        blocks(3);
        uint256 job = compute.draw(order, 0);
        uint256 state = vm.snapshotState();
        solve(job);
        vm.warp(raffle.saleEnds() + 30 days);
        vm.expectRevert(abi.encodeWithSelector(Raffle.NoResult.selector, ICompute.JobState.Verified));
        raffle.giveUp();
        raffle.settle();
        check(vm.revertToState(state), "back");
        // Somebody has it and never answers.
        vm.warp(raffle.saleEnds() + 30 days);
        raffle.giveUp();
        equal(raffle.prize(address(this)), 0, "the reward is in the order");
        equal(raffle.prize(address(0xCA)), 0.01 ether, "what the ticket cost");
        vm.expectRevert(Raffle.NothingWon.selector);
        raffle.recover();
        compute.lapse(job);
        raffle.recover();
        equal(raffle.prize(address(this)), 0.1 ether, "the reward");
        vm.expectRevert(ICompute.NothingDue.selector);
        raffle.recover();
        checkBooks();
    }

    receive() external payable {}
}
