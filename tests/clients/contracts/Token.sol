// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ordinary ERC-20, and one function for each way a call can fail.
contract Token is ERC20 {
    error Refused(address caller, uint256 code);

    constructor(uint256 supply) ERC20("Test Token", "TEST") {
        _mint(msg.sender, supply);
    }

    /// Error(string).
    function requireZero(uint256 value) external pure returns (bool) {
        require(value == 0, "value is not zero");
        return true;
    }

    /// A custom error with arguments.
    function refuse(uint256 code) external view {
        revert Refused(msg.sender, code);
    }

    /// Panic(0x12) when the divisor is zero.
    function divide(uint256 dividend, uint256 divisor) external pure returns (uint256) {
        return dividend / divisor;
    }

    /// A revert without data.
    function revertEmpty() external pure {
        assembly {
            revert(0, 0)
        }
    }
}
