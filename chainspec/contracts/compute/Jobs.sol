// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMfenxComputeVerify, Task} from "../interfaces/IMfenxPrecompiles.sol";
import {Rounds} from "./Rounds.sol";

/// The life of a job from its commitment on, of results and benchmarks alike.
abstract contract Jobs is Rounds {
    function commit(uint256 id, bytes32 commitment) external override {
        if (id >= BENCHMARK_FLAG) _takeBenchmark(id);
        Job storage made = _jobs[id];
        if (made.state != JobState.Assigned) revert WrongJob(made.state);
        _requireAgent(_workers[made.worker]);
        if (block.timestamp > made.deadline) revert TooLate();
        if (id < BENCHMARK_FLAG) _unload(id, _workers[made.worker]);
        made.state = JobState.Committed;
        made.height = uint40(block.number);
        made.commitment = commitment;
        emit Committed(id, made.worker, commitment, made.height);
    }

    function open(uint256 id, bytes32[] calldata roots, bytes calldata proof) external override {
        Job storage made = _jobs[id];
        if (made.state != JobState.Committed) revert WrongJob(made.state);
        _requireAgent(_workers[made.worker]);
        if (block.number > _lastOpening(made)) revert TooLate();
        bytes memory beta = _beta(uint256(made.height) + BEACON_DELAY);
        if (keccak256(abi.encodePacked(roots)) != made.commitment) revert WrongRoots();
        // Computed for the class before it was lowered: that one is harder, and counts as well.
        if (id >= BENCHMARK_FLAG && roots.length != _classes[made.class].rounds) made.class += 1;
        (Task memory task, uint16 samples) = _task(id, made);
        if (roots.length != task.rounds) revert WrongRoots();
        bool ok = IMfenxComputeVerify(COMPUTE_VERIFY).verify(task, roots, _blake3(beta), samples, proof);
        if (ok) _pass(id, made, roots[roots.length - 1]);
        else _fail(id, made, true);
    }

    function lapse(uint256 id) external override {
        Job storage made = _jobs[id];
        if (made.state == JobState.Committed) {
            uint256 last = _lastOpening(made);
            if (block.number <= last) revert TooEarly(last);
            _fail(id, made, false);
        } else if (made.state == JobState.Assigned) {
            if (block.timestamp <= made.deadline) revert NotYet(uint256(made.deadline) + 1);
            made.state = JobState.Late;
            Worker storage it = _workers[made.worker];
            it.live -= 1;
            _unload(id, it);
            emit Late(id, made.worker, _demote(made.worker, it));
            _reopen(id);
        } else {
            revert WrongJob(made.state);
        }
    }

    /// A benchmark becomes a job when its worker answers.
    function _takeBenchmark(uint256 id) private {
        (uint256 roundId, address workerId) = (_roundOf(id), address(uint160(id)));
        Job storage made = _jobs[id];
        if (made.state != JobState.None) revert WrongJob(made.state);
        if (!isAsked(roundId, workerId)) revert NotChosen(workerId);
        Round storage round_ = _round(roundId);
        Worker storage it = _workers[workerId];
        made.worker = workerId;
        made.state = JobState.Assigned;
        made.class = it.class;
        made.deadline = uint40(_benchmarkDeadline(roundId, it.class));
        made.seed = _seed(_beta(round_.height), workerId, id);
        // The round was opened before anybody knew the seed: the card had less time than this.
        _taken[id] = Taken(uint32((block.timestamp - round_.time + 1) * 1_000), it.rate, !_isMeasured(it));
        it.live += 1;
    }

    function _lastOpening(Job storage made) private view returns (uint256) {
        return uint256(made.height) + BEACON_DELAY + _params.openBlocks;
    }

    function _task(uint256 id, Job storage made) private view returns (Task memory, uint16) {
        if (id >= BENCHMARK_FLAG) {
            Class storage class = _classes[made.class];
            return (Task(made.seed, class.m, class.k, class.p, class.rounds), BENCHMARK_SAMPLES);
        }
        Order storage it = _order(id >> 64);
        return (Task(made.seed, it.m, it.k, it.p, it.rounds), it.samples);
    }

    function _pass(uint256 id, Job storage made, bytes32 result) private {
        made.state = JobState.Verified;
        made.result = result;
        Worker storage it = _workers[made.worker];
        it.live -= 1;
        uint128 reward = 0;
        if (id < BENCHMARK_FLAG) {
            reward = _order(id >> 64).reward;
            _slots[id >> 64][uint32(id >> 32)].state = SlotState.Done;
            it.reputation += 1;
            _money.escrow -= reward;
            _credit(it.operator, reward);
        }
        emit Verified(id, made.worker, result, reward);
    }

    function _fail(uint256 id, Job storage made, bool opened) private {
        made.state = JobState.Failed;
        Worker storage it = _workers[made.worker];
        it.live -= 1;
        emit Failed(id, made.worker, opened);
        if (id >= BENCHMARK_FLAG) _void(it, _roundOf(id) + 1);
        _punish(made.worker, it);
        if (id < BENCHMARK_FLAG) _reopen(id);
    }
}
