// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Jobs} from "./compute/Jobs.sol";

/// The Compute system contract: what the parts under `compute/` do, the lists of the authorities,
/// payments out, and the views. `State.sol` has the storage, docs/compute.md the rules.
contract Compute is Jobs {
    uint256 private constant VIEW_YES = 1;
    uint256 private constant VIEW_NO = 2;

    function support(ListKind kind, bytes32 value, bool listed) external override {
        (address[] memory members, uint256[] memory powers) = _colleagues();
        bool isFloor = kind == ListKind.Floor;
        // Each value of a list is a question of its own. Of the floor there is one, and each authority
        // has one view of it: plus one, since 0 is none.
        bytes32 entry = _entry(kind, isFloor ? bytes32(0) : value);
        uint256 own = !isFloor ? listed ? VIEW_YES : VIEW_NO : listed ? uint256(value) + 1 : 0;
        _views[entry][msg.sender] = own;
        if (own == 0) return;
        uint256 power = 0;
        uint256 total = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            total += powers[i];
            if (_views[entry][members[i]] == own) power += powers[i];
        }
        if (2 * power <= total) return;
        if (isFloor) {
            (_market.base, _market.price) = (uint64(uint256(value) >> 64), uint64(uint256(value)));
        } else if (_listed[entry] == listed) {
            return;
        } else {
            _listed[entry] = listed;
        }
        emit Listed(kind, value, listed);
    }

    function withdraw(address payable to) external override {
        uint256 amount = _due[msg.sender];
        if (amount == 0) revert NothingDue();
        _due[msg.sender] = 0;
        _money.dues -= uint128(amount);
        emit Withdrawn(msg.sender, to, amount);
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed();
    }

    function batch(bytes[] calldata calls) external override returns (bool[] memory done) {
        done = new bool[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            // To this code, as the same caller and without ether: no other code runs.
            (done[i],) = address(this).delegatecall(calls[i]);
        }
    }

    // Views

    function worker(address id) external view override returns (Worker memory) {
        return _existing(id);
    }

    function order(uint256 id) external view override returns (Order memory) {
        return _order(id);
    }

    function slot(uint256 orderId, uint32 slotId) external view override returns (Slot memory) {
        return _slots[orderId][slotId];
    }

    function job(uint256 id) external view override returns (Job memory) {
        return _jobs[id];
    }

    function resultOf(uint256 orderId, uint32 slotId)
        external
        view
        override
        returns (uint256 id, JobState state, bytes32 result)
    {
        id = _resultId(orderId, slotId, _slots[orderId][slotId].attempt);
        (state, result) = (_jobs[id].state, _jobs[id].result);
    }

    function round(uint256 id) external view override returns (Round memory) {
        return _round(id);
    }

    function seedOf(uint256 id) external view override returns (bytes32) {
        bytes32 seed = _jobs[id].seed;
        if (seed != 0 || id < BENCHMARK_FLAG) return seed;
        return _seed(_beta(_round(_roundOf(id)).height), address(uint160(id)), id);
    }

    function deadlineOf(uint256 id) external view override returns (uint256) {
        if (_jobs[id].state != JobState.None || id < BENCHMARK_FLAG) return _jobs[id].deadline;
        return _benchmarkDeadline(_roundOf(id), _existing(address(uint160(id))).class);
    }

    function counts() external view override returns (uint256, uint256, uint256) {
        uint256 members = _pool.length;
        for (uint256 place = _emptySeat; place != 0; place = uint160(_pool[place - 1])) {
            --members;
        }
        return (_orders.length, _rounds.length, members);
    }

    function params() external view override returns (Params memory) {
        return _params;
    }

    function market() external view override returns (Market memory) {
        return _market;
    }

    function classes() external view override returns (Class[] memory) {
        return _classes;
    }

    function strikes(bytes32 subject) external view override returns (uint8) {
        return _strikes[subject];
    }

    function isBanned(address id) external view override returns (bool) {
        return _bannedSubject(_existing(id)) != 0;
    }

    function due(address account) external view override returns (uint256) {
        return _due[account];
    }

    function totals() external view override returns (uint256, uint256, uint256, uint256) {
        return (_money.escrow, _money.stakes, _money.dues, _money.burned);
    }

    function isAuthority(address account) external view override returns (bool) {
        (address[] memory members,) = _authorities();
        return _isMember(members, account);
    }
}
