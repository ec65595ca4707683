// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// Whom a beacon has drawn, nobody else can change.
contract PoolTest is Fixture {
    address private constant BUYER = address(0xB0B);
    uint256 private constant SIZE = 12;

    address[] private _ids;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < SIZE; ++i) {
            _ids.push(newcomer(_operator(i), 0));
        }
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        for (uint256 i = 0; i < SIZE; ++i) {
            vm.warp(compute.round(round).time + 10);
            measure(round, _ids[i], 1_000);
        }
    }

    function _operator(uint256 i) private pure returns (address) {
        return address(uint160(0xF000 + i));
    }

    function _setCapacity(uint256 i, uint32 capacity) private {
        vm.prank(_operator(i));
        compute.setTerms(_ids[i], ICompute.Terms(capacity, 0, 0));
    }

    /// Whoever of the others leaves, comes back, or comes anew when the beacon is known.
    function test_others_cannot_move_a_draw(uint256 salt, uint256 leave, uint256 back) external {
        uint256 order = post(BUYER, spec(1, 1 ether));
        vm.roll(block.number + 3 + salt % 1_000);
        uint256 before = vm.snapshotState();
        address drawn = compute.job(compute.draw(order, 0)).worker;
        check(drawn != address(0), "drawn");
        check(vm.revertToState(before), "back");
        for (uint256 i = 0; i < SIZE; ++i) {
            if (_ids[i] != drawn && leave >> i & 1 == 1) _setCapacity(i, 0);
        }
        for (uint256 i = SIZE; i > 0; --i) {
            if (_ids[i - 1] != drawn && back >> i & 1 == 1) _setCapacity(i - 1, 8);
        }
        check(compute.job(compute.draw(order, 0)).worker == drawn, "somebody else");
    }

    /// Newcomers sit behind the others and do not move them, up to the next power of two.
    function test_newcomers_cannot_move_a_draw() external {
        address[] memory more = new address[](4);
        for (uint256 i = 0; i < more.length; ++i) {
            more[i] = newcomer(address(uint160(0xE000 + i)), 0);
        }
        _nextDay();
        uint256 round = openRound(ICompute.RoundKind.Spot);
        uint256 order = post(BUYER, spec(16, 1 ether));
        blocks(3);
        uint256 before = vm.snapshotState();
        address[] memory drawn = new address[](16);
        for (uint32 i = 0; i < 16; ++i) {
            drawn[i] = compute.job(compute.draw(order, i)).worker;
        }
        check(vm.revertToState(before), "back");
        for (uint256 i = 0; i < more.length; ++i) {
            vm.warp(compute.round(round).time + 10);
            measure(round, more[i], 1_000);
        }
        (,, uint256 pool) = compute.counts();
        equal(pool, SIZE + more.length, "pool");
        for (uint32 i = 0; i < 16; ++i) {
            check(compute.job(compute.draw(order, i)).worker == drawn[i], "somebody else");
        }
    }

    function test_who_leaves_and_comes_back_is_not_drawn_by_a_beacon_from_before() external {
        uint256 order = post(BUYER, spec(1, 1 ether));
        blocks(3);
        for (uint256 i = 0; i < SIZE; ++i) {
            _setCapacity(i, 0);
            _setCapacity(i, 8);
        }
        equal(compute.draw(order, 0), 0, "drawn");
        reach(order, 0);
        check(compute.draw(order, 0) != 0, "not drawn by the next");
    }

    /// Each seat has one worker, each place is right, and empty seats are taken before new ones.
    function test_seats_are_kept_and_filled(uint256 random) external {
        for (uint256 i = 0; i < 64; ++i) {
            random = uint256(keccak256(abi.encode(random)));
            _setCapacity(random % SIZE, random >> 64 & 1 == 0 ? 0 : 8);
        }
        bool[] memory taken = new bool[](SIZE + 1);
        uint256 seated = 0;
        for (uint256 i = 0; i < SIZE; ++i) {
            ICompute.Worker memory it = compute.worker(_ids[i]);
            check((it.place != 0) == (it.terms.capacity != 0), "a seat for whoever is eligible");
            if (it.place == 0) continue;
            check(it.place <= SIZE && !taken[it.place], "two in one seat, or a seat too many");
            taken[it.place] = true;
            ++seated;
        }
        (,, uint256 pool) = compute.counts();
        equal(pool, seated, "pool");
    }

    function test_one_of_many_seats_is_found() external {
        for (uint256 i = 1; i < SIZE; ++i) {
            _setCapacity(i, 0);
        }
        uint256 order = post(BUYER, spec(8, 1 ether));
        blocks(3);
        for (uint32 i = 0; i < 8; ++i) {
            check(compute.job(compute.draw(order, i)).worker == _ids[0], "not found");
        }
    }
}
