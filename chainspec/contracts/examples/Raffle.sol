// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";

/// An example of an application: a raffle that buys a result of proof-of-compute and lets its root
/// name the winner.
///
/// Nobody knows the root while tickets are sold: the seed of the work comes from a block that is
/// built after the sale has ended, and the root from some 10^10 multiply-adds on that seed. But the
/// worker sees the root before the others, and if it holds tickets and does not like what it sees,
/// it can be late: another one works on another seed then, and that costs it its class and half of
/// its reputation, not its stake. So this is a way to draw small prizes, and the pot has a bound.
/// An order that nobody serves ends and is refunded; then anybody may buy the result once more, and
/// after a month without a result, for want of a worker or because the price of work has risen above
/// the reward, everybody gets back what they paid.
contract Raffle {
    ICompute private constant COMPUTE = ICompute(address(uint160(0x2b403C01)));

    uint256 public constant PRICE = 0.01 ether;
    uint256 public constant TICKETS_MAX = 100;
    uint128 public constant REWARD = 0.1 ether;
    uint256 public constant PATIENCE = 30 days;

    address public immutable house;
    uint256 public immutable saleEnds;
    address[] public tickets;
    mapping(address holder => uint256 wei_) public prize;
    /// The order of the result, once it is bought.
    uint256 public order;
    bool public drawn;

    error SaleIsOver();
    error SaleIsOpen();
    error NotYet(uint256 time);
    error WrongPrice();
    error SoldOut();
    error AlreadyDone();
    error NoResult(ICompute.JobState state);
    error NothingWon();
    error TransferFailed();

    /// The reward of the result is sent along; it is the house's part of the game.
    constructor(uint256 seconds_) payable {
        if (msg.value != REWARD) revert WrongPrice();
        (house, saleEnds) = (msg.sender, block.timestamp + seconds_);
    }

    function buy() external payable {
        if (block.timestamp >= saleEnds) revert SaleIsOver();
        if (msg.value != PRICE) revert WrongPrice();
        if (tickets.length == TICKETS_MAX) revert SoldOut();
        tickets.push(msg.sender);
    }

    /// Buys the result; anybody may call, once the sale is over, and again when nobody served the order.
    function roll() external returns (uint256) {
        if (block.timestamp < saleEnds || tickets.length == 0) revert SaleIsOpen();
        if (drawn) revert AlreadyDone();
        if (order != 0) {
            if (COMPUTE.slot(order, 0).state != ICompute.SlotState.Cancelled) revert AlreadyDone();
            COMPUTE.withdraw(payable(address(this)));
        }
        ICompute.Order memory wanted;
        (wanted.m, wanted.k, wanted.p, wanted.rounds) = (2_048, 2_048, 2_048, 2);
        (wanted.samples, wanted.commitSeconds) = (64, 600);
        (wanted.results, wanted.reward) = (1, REWARD);
        order = COMPUTE.post{value: REWARD}(wanted);
        return order;
    }

    /// The reward comes back.
    receive() external payable {
        if (msg.sender != address(COMPUTE)) revert WrongPrice();
    }

    /// Uses the result, when a worker has been drawn, has computed it and has proven it.
    function settle() external {
        if (drawn) revert AlreadyDone();
        if (order == 0) revert SaleIsOpen();
        (, ICompute.JobState state, bytes32 result) = COMPUTE.resultOf(order, 0);
        if (state != ICompute.JobState.Verified) revert NoResult(state);
        drawn = true;
        prize[tickets[uint256(result) % tickets.length]] = tickets.length * PRICE;
    }

    /// Ends a raffle that came to no result; anybody may call.
    function giveUp() external {
        if (drawn) revert AlreadyDone();
        if (block.timestamp < saleEnds + PATIENCE) revert NotYet(saleEnds + PATIENCE);
        if (order != 0) {
            (, ICompute.JobState state,) = COMPUTE.resultOf(order, 0);
            if (state == ICompute.JobState.Verified) revert NoResult(state);
        }
        drawn = true;
        for (uint256 i = 0; i < tickets.length; ++i) {
            prize[tickets[i]] += PRICE;
        }
        // Who works on it now is paid; `recover` brings back what nobody was paid.
        if (order == 0 || _refunded()) prize[house] += REWARD;
    }

    /// Brings the reward back of an order that was given up and led to nothing after that; anybody may call.
    function recover() external {
        if (!drawn || order == 0 || !_refunded()) revert NothingWon();
        prize[house] += REWARD;
    }

    /// Whether the reward came back, now; once at most.
    function _refunded() private returns (bool) {
        if (COMPUTE.slot(order, 0).state == ICompute.SlotState.Open) COMPUTE.cancel(order, new uint32[](1));
        if (COMPUTE.slot(order, 0).state != ICompute.SlotState.Cancelled) return false;
        COMPUTE.withdraw(payable(address(this)));
        return true;
    }

    function claim() external {
        uint256 won = prize[msg.sender];
        if (won == 0) revert NothingWon();
        prize[msg.sender] = 0;
        (bool ok,) = msg.sender.call{value: won}("");
        if (!ok) revert TransferFailed();
    }
}
