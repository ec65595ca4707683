// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// A number that anybody may change, and a way to fail.
contract Counter {
    error TooLarge(uint256 number, uint256 maximum);

    event Changed(address indexed by, uint256 number);

    uint256 public constant MAXIMUM = 100;
    uint256 public number;
    mapping(address => uint256) public changes;

    constructor(uint256 initial) payable {
        number = initial;
    }

    function set(uint256 to) public {
        if (to > MAXIMUM) revert TooLarge(to, MAXIMUM);
        number = to;
        changes[msg.sender] += 1;
        emit Changed(msg.sender, to);
    }

    function increment() external {
        set(number + 1);
    }
}
