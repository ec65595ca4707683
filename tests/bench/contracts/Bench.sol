// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// An ERC-20 in the usual layout: balances in a mapping, an event for each transfer.
contract Token {
    mapping(address => uint256) public balanceOf;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        uint256 balance = balanceOf[msg.sender];
        require(balance >= value, "insufficient balance");
        unchecked {
            balanceOf[msg.sender] = balance - value;
        }
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

/// Writes, reads and overwrites storage: the part of execution that a database can slow down.
contract Ledger {
    mapping(uint256 => uint256) public entries;

    /// Writes `count` entries from `first` on, each derived from its neighbour's old value.
    function write(uint256 first, uint256 count) external {
        for (uint256 i = first; i < first + count; i++) {
            entries[i] = entries[i + 1] + i + 1;
        }
    }
}
