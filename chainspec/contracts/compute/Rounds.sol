// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Orders} from "./Orders.sol";

/// Benchmarks: rounds that ask many workers at the same moment, reports of the authorities, records.
abstract contract Rounds is Orders {
    uint256 internal constant BENCHMARK_FLAG = 1 << 255;
    /// Positions that are opened of a benchmark.
    uint16 internal constant BENCHMARK_SAMPLES = 64;
    /// On top of the time of a card that is barely not emulated: blocks, and the way to the chain.
    uint256 private constant BENCHMARK_SECONDS = 60;
    /// One in so many is asked in a spot check.
    uint256 private constant SPOT_SHARE = 20;
    /// A measurement holds to the end of its window, and this part of a window longer.
    uint256 private constant GRACE_DIVISOR = 7;
    /// Measured against the record: more than a tenth away is flagged.
    uint256 private constant DEVIATION_DIVISOR = 10;

    function openRound(RoundKind kind) external override returns (uint256 id) {
        uint256 length = kind == RoundKind.All ? _params.windowSeconds : _params.spotSeconds;
        uint256 period = block.timestamp / length;
        if (period <= _lastPeriod[kind]) revert NotYet((_lastPeriod[kind] + 1) * length);
        _lastPeriod[kind] = period;
        id = _rounds.length;
        _rounds.push(Round(kind, uint64(block.timestamp), _beaconHeight()));
        emit RoundOpened(id, kind, _beaconHeight());
    }

    function miss(uint256 roundId, address workerId) external override {
        Worker storage it = _existing(workerId);
        uint256 id = benchmarkId(roundId, workerId);
        Job storage made = _jobs[id];
        if (made.state != JobState.None) revert WrongJob(made.state);
        if (!_isRegistered(roundId, it) || !_mustAnswer(roundId, workerId)) revert NotChosen(workerId);
        uint256 deadline = _benchmarkDeadline(roundId, it.class);
        if (block.timestamp <= deadline) revert NotYet(deadline + 1);
        if (block.timestamp > _round(roundId).time + _params.windowSeconds) revert TooLate();
        made.worker = workerId;
        made.state = JobState.Late;
        _void(it, roundId + 1);
        emit Late(id, workerId, _demote(workerId, it));
    }

    function report(uint256[] calldata ids, uint32[] calldata milliseconds) external override {
        _colleagues();
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 id = ids[i];
            JobState state = _jobs[id].state;
            bool waits = state == JobState.Committed || state == JobState.Verified;
            if (id < BENCHMARK_FLAG || !waits) revert WrongJob(state);
            if (_reported[id][msg.sender]) revert AlreadyReported(msg.sender);
            _reported[id][msg.sender] = true;
            _reports[id].push(milliseconds[i]);
            emit Reported(id, msg.sender, milliseconds[i]);
        }
    }

    function settle(uint256 id) external override {
        Job storage made = _jobs[id];
        if (id < BENCHMARK_FLAG || made.state != JobState.Verified) revert WrongJob(made.state);
        (address[] memory members,) = _authorities();
        uint32[] memory times = _reports[id];
        if (2 * times.length <= members.length) revert NoQuorum(times.length, members.length);
        made.state = JobState.Settled;
        // What the chain saw is an upper bound.
        uint256 time = _median(times);
        if (time > _taken[id].milliseconds) time = _taken[id].milliseconds;
        if (time == 0) time = 1;
        Class storage class = _classes[made.class];
        uint256 rate = _multiplyAdds(class) * 1_000 / time;
        if (rate > type(uint64).max) rate = type(uint64).max;
        _record(id, made, uint64(rate), rate * EMULATION_FACTOR >= class.rate);
    }

    // Records

    /// What the newest round says holds, whatever was settled first. A benchmark is compared with the
    /// record that its worker had when it committed.
    function _record(uint256 id, Job storage made, uint64 rate, bool accepted) private {
        Worker storage it = _existing(made.worker);
        uint256 roundId = _roundOf(id);
        Round storage round_ = _rounds[roundId];
        Taken storage taken = _taken[id];
        bool flagged = _deviates(rate, taken.known);
        Duties storage duties = it.duties;
        if (roundId >= duties.decidedBy) {
            duties.decidedBy = uint32(roundId + 1);
            _setMeasured(it, accepted);
            it.flagged = flagged;
            duties.flaggedFrom = flagged ? uint32(_rounds.length) : 0;
        }
        if ((taken.isNewcomer || round_.kind == RoundKind.All) && roundId >= duties.recordedBy) {
            duties.recordedBy = uint32(roundId + 1);
            it.rate = rate;
            it.validUntil = uint40(_validUntil(round_.time));
        }
        emit Settled(id, made.worker, rate, accepted, flagged);
        refresh(made.worker);
    }

    function _deviates(uint256 rate, uint256 known) private pure returns (bool) {
        uint256 difference = rate > known ? rate - known : known - rate;
        return known != 0 && difference * DEVIATION_DIVISOR > known;
    }

    function _validUntil(uint256 time) private view returns (uint256) {
        uint256 window = _params.windowSeconds;
        return (time / window + 1) * window + window / GRACE_DIVISOR;
    }

    /// The upper one of the two in the middle: when in doubt slower.
    function _median(uint32[] memory times) private pure returns (uint256) {
        for (uint256 i = 1; i < times.length; ++i) {
            uint32 time = times[i];
            uint256 j = i;
            for (; j > 0 && times[j - 1] > time; --j) {
                times[j] = times[j - 1];
            }
            times[j] = time;
        }
        return times[times.length / 2];
    }

    // Rounds

    function benchmarkId(uint256 roundId, address workerId) public pure override returns (uint256) {
        return BENCHMARK_FLAG | roundId << 160 | uint160(workerId);
    }

    function _roundOf(uint256 id) internal pure returns (uint256) {
        return (id ^ BENCHMARK_FLAG) >> 160;
    }

    function _round(uint256 roundId) internal view returns (Round storage) {
        if (roundId >= _rounds.length) revert NoSuchRound(roundId);
        return _rounds[roundId];
    }

    function isAsked(uint256 roundId, address workerId) public view override returns (bool) {
        Worker storage it = _workers[workerId];
        if (!_isRegistered(roundId, it)) return false;
        return (!_isMeasured(it) && roundId >= it.duties.decidedBy) || _mustAnswer(roundId, workerId);
    }

    /// Whether it is there, and was when the round was opened.
    function _isRegistered(uint256 roundId, Worker storage it) private view returns (bool) {
        uint256 time = _round(roundId).time;
        return it.operator != address(0) && (it.exitedAt == 0 || it.exitedAt > time);
    }

    /// Whether a worker that was measured when the round was opened owes it an answer. What it does
    /// after that, such as a new declaration, does not change it, until it was measured twice anew.
    function _mustAnswer(uint256 roundId, address workerId) private view returns (bool) {
        Round storage round_ = _round(roundId);
        Worker storage it = _workers[workerId];
        Duties storage duties = it.duties;
        bool isDue = roundId >= duties.from && (it.measured || roundId < duties.to) && round_.time <= it.validUntil;
        bool isBound = roundId >= duties.boundFrom && roundId < duties.boundTo && round_.time <= duties.boundUntil;
        if (!isDue && !isBound) return false;
        if (round_.kind == RoundKind.All || (it.flagged && roundId >= duties.flaggedFrom)) return true;
        return uint256(keccak256(abi.encode(_beta(round_.height), workerId))) % SPOT_SHARE == 0;
    }

    function _benchmarkDeadline(uint256 roundId, uint8 classId) internal view returns (uint256) {
        Class storage class = _classes[classId];
        return _round(roundId).time + EMULATION_FACTOR * _multiplyAdds(class) / class.rate + BENCHMARK_SECONDS;
    }
}
