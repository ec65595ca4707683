// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Counter} from "../src/Counter.sol";

interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys a counter, then calls it twice: three transactions.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns (Counter counter) {
        vm.startBroadcast();
        counter = new Counter{value: 1 gwei}(40);
        counter.increment();
        counter.set(77);
        vm.stopBroadcast();
        require(counter.number() == 77, "the script simulates its calls");
    }

    /// A script that fails in its simulation.
    function tooLarge() external {
        vm.startBroadcast();
        new Counter(1).set(101);
        vm.stopBroadcast();
    }
}
