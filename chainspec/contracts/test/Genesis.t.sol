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
        check(classes[0].rate == 1e5 && classes[0].m == 64 && classes[0].k == 64, "class 0");
        check(classes[0].p == 64 && classes[0].rounds == 2, "class 0");
        equal(classes[3].rate, 1e14, "class 3");
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
            uint256 work = uint256(classes[i].m) * classes[i].k * classes[i].p * classes[i].rounds;
            uint256 time = work / classes[i].rate;
            check(time >= 8 && time <= 12, "about ten seconds");
        }
        (uint256 orders, uint256 rounds, uint256 pool) = compute.counts();
        check(orders == 0 && rounds == 0 && pool == 0, "it begins empty");
    }
}
