// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// The genesis files say what they should, read by the contract itself.
contract GenesisTest is Fixture {
    function setUp() public override {}

    function test_the_development_chain() external {
        vm.loadAllocs("dev.alloc.json");
        ICompute.Params memory params = compute.params();
        check(params.registry == address(0), "registry");
        equal(params.scoreMin, 60, "scoreMin");
        equal(params.openBlocks, 64, "openBlocks");
        equal(params.windowSeconds, 3_600, "windowSeconds");
        equal(params.spotSeconds, 30, "spotSeconds");
        equal(params.stakeMin, 10 ether, "stakeMin");
        equal(params.memoryMin, 0, "memoryMin");
        equal(params.exitSeconds, 180, "exitSeconds");
        check(compute.isAuthority(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266), "account 0 is the council");
        check(!compute.isAuthority(address(0)), "nobody else is");
        check(compute.isListed(ICompute.ListKind.Driver, keccak256("mfenx cpu backend v1")), "the CPU's driver");
        ICompute.Class[] memory classes = compute.classes();
        equal(classes.length, 4, "classes");
        check(classes[0].rate == 8e5 && classes[0].m == 128 && classes[0].k == 128, "class 0");
        check(classes[0].p == 128 && classes[0].rounds == 2, "class 0");
        equal(classes[3].rate, 1e14, "class 3");
        _isMarket(10_000, 1, 10_000, 400, 150);
        _benchmarksEndInTime();
    }

    function _isMarket(uint64 base, uint64 price, uint64 perRound, uint32 perEntry, uint32 perByte) private view {
        ICompute.Market memory found = compute.market();
        equal(found.base, base, "base");
        equal(found.price, price, "price");
        equal(found.perRound, perRound, "perRound");
        equal(found.perEntry, perEntry, "perEntry");
        equal(found.perByte, perByte, "perByte");
    }

    /// Who leaves is still there when the rounds from before are over, and they can be missed until then.
    function _benchmarksEndInTime() private view {
        ICompute.Params memory params = compute.params();
        ICompute.Class[] memory classes = compute.classes();
        for (uint256 i = 0; i < classes.length; ++i) {
            // By the number of its roots an opening says which of the two it is of.
            check(i == 0 || classes[i].rounds != classes[i - 1].rounds, "classes next to each other look alike");
            uint256 work = uint256(classes[i].m) * classes[i].k * classes[i].p * classes[i].rounds;
            uint256 time = 10 * work / classes[i].rate + 60;
            check(time < params.exitSeconds && time < params.windowSeconds, "the benchmark ends too late");
        }
    }

    function test_the_network() external {
        vm.loadAllocs("mfenx.alloc.json");
        ICompute.Params memory params = compute.params();
        equal(params.scoreMin, 70, "scoreMin");
        equal(params.openBlocks, 4_096, "openBlocks");
        equal(params.windowSeconds, 7 days, "windowSeconds");
        equal(params.spotSeconds, 1 days, "spotSeconds");
        equal(params.stakeMin, 1_000 ether, "stakeMin");
        equal(params.memoryMin, 16e9, "memoryMin");
        equal(params.exitSeconds, 7 days, "exitSeconds");
        ICompute.Class[] memory classes = compute.classes();
        equal(classes.length, 4, "classes");
        for (uint256 i = 0; i < classes.length; ++i) {
            // By the number of its roots an opening says which of the two it is of.
            check(i == 0 || classes[i].rounds != classes[i - 1].rounds, "classes next to each other look alike");
            uint256 work = uint256(classes[i].m) * classes[i].k * classes[i].p * classes[i].rounds;
            uint256 time = work / classes[i].rate;
            check(time >= 8 && time <= 12, "about ten seconds");
        }
        (uint256 orders, uint256 rounds, uint256 pool) = compute.counts();
        check(orders == 0 && rounds == 0 && pool == 0, "it begins empty");
        _isMarket(1e6, 100, 1e11, 4_096, 256);
        _benchmarksEndInTime();
    }
}
