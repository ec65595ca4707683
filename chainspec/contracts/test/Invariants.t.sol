// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {BeaconDouble, ComputeVerifyDouble} from "./Doubles.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// What holds after any sequence of what anybody does.
contract InvariantsTest is Fixture {
    Actors private _actors;

    function setUp() public override {
        super.setUp();
        _actors = new Actors();
        _actors.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_actors);
    }

    function invariant_no_coin_is_created_or_lost() external view {
        checkBooks();
        (uint256 escrow, uint256 stakes, uint256 dues, uint256 burned) = compute.totals();
        equal(escrow, _actors.escrow(), "escrow is the rewards of slots that are neither done nor cancelled");
        equal(stakes, _actors.stakes(), "stakes");
        equal(dues, _actors.dues(), "dues");
        equal(burned, _actors.burned(), "a slash is a twentieth of the stake");
    }

    function invariant_nobody_is_paid_twice() external view {
        equal(_actors.earned(), _actors.doneSlots() * 1 ether, "rewards are those of the done slots");
        check(_actors.paidTwice() == 0, "a job was paid twice");
    }

    function invariant_the_banned_stay_out() external view {
        check(_actors.bannedDrawn() == 0, "a banned worker was drawn");
        (,, uint256 pool) = compute.counts();
        equal(pool, _actors.pooled(), "the pool holds who has a place");
    }

    function invariant_live_jobs_are_counted() external view {
        _actors.checkLive();
    }

    function _reached(uint256 count, uint256 least, string memory what) private pure {
        if (count < least) equal(count, least, what);
    }

    /// The sequences reach what they are about; a seed of forge's decides how far.
    function test_the_actors_reach_every_state() external {
        uint256 state = 1;
        for (uint256 i = 0; i < 2_000; ++i) {
            state = uint256(keccak256(abi.encode(state)));
            _actors.step(state);
        }
        _reached(_actors.doneSlots(), 10, "results");
        _reached(_actors.failed(), 3, "failures");
        _reached(_actors.late(), 2, "late jobs");
        _reached(_actors.refused(), 1, "refused comings back");
        _reached(_actors.withdrawn(), 3, "withdrawals");
        this.invariant_no_coin_is_created_or_lost();
        this.invariant_nobody_is_paid_twice();
        this.invariant_the_banned_stay_out();
        _actors.checkLive();
    }
}

/// Six operators with a worker each, two buyers, and whoever moves time; most are honest.
contract Actors is Fixture {
    uint256 private constant WORKERS = 6;

    uint256 private _steps;
    address[] private _ids;
    uint256[] private _open;
    mapping(uint256 job => uint256) private _payments;
    mapping(address worker => uint256) private _stake;
    uint256 public burned;
    uint256 public earned;
    uint256 public doneSlots;
    uint256 public paidTwice;
    uint256 public bannedDrawn;
    uint256 public failed;
    uint256 public late;
    uint256 public refused;
    uint256 public withdrawn;

    function setUp() public override {}

    function begin() external {
        if (_ids.length != 0) return;
        beacons = new BeaconDouble();
        verifier = new ComputeVerifyDouble();
        for (uint256 i = 0; i < WORKERS; ++i) {
            _ids.push(newcomer(_operator(i), 1));
            _stake[_ids[i]] = STAKE;
        }
        _measureAll();
    }

    /// What happens next; forge likes small numbers, so it is hashed.
    function step(uint256 random) external {
        random = uint256(keccak256(abi.encode(random, ++_steps)));
        uint256 action = random % 16;
        uint256 rest = random >> 8;
        if (action < 3) _postOne(rest);
        else if (action < 6) _drawOne(rest);
        else if (action < 11) _advance(rest);
        else if (action == 11 && rest % 4 == 0) _cancelOne(rest >> 8);
        else if (action == 12 && rest % 4 == 0) _lapseOne(rest >> 8);
        else if (action == 13 && rest % 4 == 0) _comeAndGo(rest >> 8);
        else if (action == 14) _pay(rest);
        else if (action == 15) _topUp(rest);
    }

    // Actions

    function _postOne(uint256 random) private {
        (uint256 orders,,) = compute.counts();
        if (orders >= 64) return;
        post(address(uint160(0xB000 + random % 2)), spec(uint32(1 + random % 4), 1 ether));
        blocks(3);
    }

    function _drawOne(uint256 random) private {
        (bool some, uint256 order, uint32 slot) = _anySlot(random);
        if (!some || compute.slot(order, slot).state != ICompute.SlotState.Open) return;
        reach(order, slot);
        uint256 job = compute.draw(order, slot);
        if (job == 0) return;
        if (compute.isBanned(compute.job(job).worker)) bannedDrawn += 1;
        _open.push(job);
    }

    /// The next thing of a job: committed, opened well or badly, or left to lapse.
    function _advance(uint256 random) private {
        if (_open.length == 0) return;
        uint256 place = random % _open.length;
        uint256 job = _open[place];
        ICompute.JobState state = compute.job(job).state;
        if (state == ICompute.JobState.Assigned) {
            if (block.timestamp <= compute.job(job).deadline) commit(job);
            else _lapse(job);
        } else if (state == ICompute.JobState.Committed) {
            if (block.number <= compute.job(job).height + 2) blocks(3);
            if (block.number > compute.job(job).height + 102) return _lapse(job);
            address operator = operatorOf(job);
            uint256 before = compute.due(operator);
            bool honest = (random >> 16) % 4 != 0;
            if (honest) open(job, proofOf(job));
            else open(job, abi.encode(keccak256("wrong")));
            uint256 gain = compute.due(operator) - before;
            if (honest != (gain == 1 ether)) paidTwice += 1;
            if (gain != 0 && ++_payments[job] > 1) paidTwice += 1;
            earned += gain;
            if (honest) doneSlots += 1;
            else _slashed(job);
        } else {
            _open[place] = _open[_open.length - 1];
            _open.pop();
        }
    }

    function _lapseOne(uint256 random) private {
        if (_open.length == 0) return;
        _lapse(_open[random % _open.length]);
    }

    function _lapse(uint256 job) private {
        ICompute.JobState state = compute.job(job).state;
        if (state == ICompute.JobState.Assigned) {
            vm.warp(block.timestamp + 121);
            compute.lapse(job);
            late += 1;
        } else if (state == ICompute.JobState.Committed) {
            vm.roll(block.number + 103);
            compute.lapse(job);
            _slashed(job);
        }
    }

    function _cancelOne(uint256 random) private {
        (bool some, uint256 order, uint32 slot) = _anySlot(random);
        if (!some) return;
        uint32[] memory slots = new uint32[](1);
        slots[0] = slot;
        address buyer = compute.order(order).buyer;
        uint256 before = compute.due(buyer);
        vm.prank(buyer);
        try compute.cancel(order, slots) {
            if (compute.due(buyer) - before != 1 ether) paidTwice += 1;
        } catch {}
    }

    /// Leaves, comes back with the same key when it may, and is measured.
    function _comeAndGo(uint256 random) private {
        uint256 i = random % WORKERS;
        // The banned try first.
        for (uint256 j = 0; j < WORKERS; ++j) {
            if (compute.isBanned(_ids[j])) i = j;
        }
        address id = _ids[i];
        ICompute.Worker memory it = compute.worker(id);
        if (it.live != 0) return;
        vm.startPrank(_operator(i));
        compute.exit(id);
        vm.warp(block.timestamp + 7 days);
        compute.release(id);
        vm.stopPrank();
        bytes memory signed = signature(_operator(i), it.key, 1, it.device);
        vm.deal(_operator(i), STAKE);
        vm.prank(_operator(i));
        try compute.register{value: STAKE}(it.key, address(0), 1, ICompute.Terms(8, 0, 0), it.device, signed) {
            _stake[id] = STAKE;
            if (compute.strikes(it.key) >= 3) bannedDrawn += 1;
        } catch {
            refused += 1;
            // Somebody else with another card takes the place.
            _replace(i);
        }
        _measureAll();
    }

    function _pay(uint256 random) private {
        address account = random % 3 == 0 ? address(uint160(0xB000 + random / 3 % 2)) : _operator(random % WORKERS);
        uint256 amount = compute.due(account);
        uint256 before = account.balance;
        vm.prank(account);
        try compute.withdraw(payable(account)) {
            if (account.balance - before != amount) paidTwice += 1;
            withdrawn += 1;
        } catch {}
    }

    function _topUp(uint256 random) private {
        uint256 i = random % WORKERS;
        uint256 amount = random % 20 ether;
        vm.deal(_operator(i), amount);
        vm.prank(_operator(i));
        compute.addStake{value: amount}(_ids[i]);
        _stake[_ids[i]] += amount;
        if (random % 4 == 0) _measureAll();
    }

    // What the books should say

    function escrow() external view returns (uint256 sum) {
        (uint256 orders,,) = compute.counts();
        for (uint256 i = 1; i <= orders; ++i) {
            for (uint32 j = 0; j < compute.order(i).results; ++j) {
                ICompute.SlotState state = compute.slot(i, j).state;
                if (state == ICompute.SlotState.Open || state == ICompute.SlotState.Taken) sum += 1 ether;
            }
        }
    }

    function stakes() external view returns (uint256 sum) {
        for (uint256 i = 0; i < _ids.length; ++i) {
            sum += _stake[_ids[i]];
        }
    }

    function dues() external view returns (uint256 sum) {
        sum = compute.due(address(0xB000)) + compute.due(address(0xB001));
        for (uint256 i = 0; i < 256; ++i) {
            sum += compute.due(address(uint160(0xC000 + i)));
        }
    }

    function pooled() external view returns (uint256 count) {
        for (uint256 i = 0; i < _ids.length; ++i) {
            if (compute.worker(_ids[i]).place != 0) ++count;
        }
    }

    function checkLive() external view {
        uint256 live = 0;
        for (uint256 i = 0; i < _open.length; ++i) {
            ICompute.JobState state = compute.job(_open[i]).state;
            if (state == ICompute.JobState.Assigned || state == ICompute.JobState.Committed) ++live;
        }
        uint256 counted = 0;
        for (uint256 i = 0; i < _ids.length; ++i) {
            counted += compute.worker(_ids[i]).live;
        }
        equal(counted, live, "live jobs");
    }

    function _slashed(uint256 job) private {
        address id = compute.job(job).worker;
        uint256 amount = _stake[id] / 20;
        _stake[id] -= amount;
        burned += amount;
        failed += 1;
    }

    // Who is there

    uint160 private _replaced;
    mapping(uint256 i => uint160) private _number;

    function _operator(uint256 i) private view returns (address) {
        return address(0xC000 + (_number[i] == 0 ? uint160(i) : _number[i]));
    }

    function _replace(uint256 i) private {
        if (_replaced > 200) revert("too many were banned");
        _number[i] = uint160(WORKERS) + _replaced++;
        _ids[i] = newcomer(_operator(i), 1);
        _stake[_ids[i]] = STAKE;
    }

    /// A day later whoever lost its measurement answers a round.
    function _measureAll() private {
        _nextDay();
        for (uint256 i = 0; i < WORKERS; ++i) {
            ICompute.Worker memory it = compute.worker(_ids[i]);
            if (block.timestamp <= it.validUntil || !it.measured) continue;
            bytes memory signed = signature(_operator(i), it.key, it.class, it.device);
            vm.prank(_operator(i));
            // Who is busy, or banned, does so another time.
            try compute.attest(_ids[i], it.class, it.device, signed) {} catch {}
        }
        uint256 round = openRound(ICompute.RoundKind.Spot);
        vm.warp(block.timestamp + 2);
        for (uint256 i = 0; i < WORKERS; ++i) {
            if (!compute.worker(_ids[i]).measured) measure(round, _ids[i], 1_000);
        }
    }

    function _anySlot(uint256 random) private view returns (bool, uint256 order, uint32 slot) {
        (uint256 orders,,) = compute.counts();
        if (orders == 0) return (false, 0, 0);
        order = 1 + random % orders;
        slot = uint32((random >> 64) % compute.order(order).results);
        return (true, order, slot);
    }
}
