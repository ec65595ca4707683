// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Workers} from "./Workers.sol";

/// Orders of buyers: posted and paid in advance, drawn slot by slot, refunded where nobody has one.
abstract contract Orders is Workers {
    uint32 private constant SIZE_MAX = 32_768;
    uint32 private constant ROUNDS_MAX = 1_024;
    uint16 private constant SAMPLES_MAX = 256;
    uint32 private constant RESULTS_MAX = 4_096;
    uint32 private constant COMMIT_SECONDS_MIN = 30;
    uint32 private constant COMMIT_SECONDS_MAX = 7 days;
    /// Of `commitSeconds`, what is left for the chain; half of the rest must suffice for the work.
    uint32 private constant CHAIN_SECONDS = 20;
    /// What roots and proof of an order may have together: the opening is one transaction.
    uint256 private constant OPENING_BYTES_MAX = 98_304;
    uint256 private constant PROBES = 16;

    function post(Order calldata order_) external payable override returns (uint256 id) {
        _checkOrder(order_);
        uint256 price = uint256(order_.reward) * order_.results;
        if (msg.value != price) revert WrongPayment(msg.value, price);
        _money.escrow += uint128(price);
        _orders.push(order_);
        id = _orders.length;
        Order storage it = _order(id);
        it.buyer = msg.sender;
        it.height = _beaconHeight();
        emit Posted(id, msg.sender, it.height);
    }

    function cancel(uint256 orderId, uint32[] calldata slots) external override {
        Order storage it = _order(orderId);
        if (it.buyer != msg.sender) revert NotBuyer(msg.sender);
        for (uint256 i = 0; i < slots.length; ++i) {
            _openSlot(it, orderId, slots[i]).state = SlotState.Cancelled;
            emit Cancelled(orderId, slots[i]);
        }
        uint128 refund = it.reward * uint128(slots.length);
        _money.escrow -= refund;
        _credit(it.buyer, refund);
    }

    function draw(uint256 orderId, uint32 slotId) external override returns (uint256 id) {
        Order storage it = _order(orderId);
        Slot storage place = _openSlot(it, orderId, slotId);
        uint64 height = place.height == 0 ? it.height : place.height;
        id = _resultId(orderId, slotId, place.attempt);
        if (block.number > height + BEACON_BLOCKS) {
            _redraw(place, orderId, slotId);
            return 0;
        }
        bytes memory beta = _beta(height);
        address chosen = _pick(it, beta, id, height);
        if (chosen == address(0)) {
            _redraw(place, orderId, slotId);
            return 0;
        }
        place.state = SlotState.Taken;
        _workers[chosen].live += 1;
        _workers[chosen].load += uint64(_work(it.m, it.k, it.p, it.rounds));
        Job storage made = _jobs[id];
        made.worker = chosen;
        made.state = JobState.Assigned;
        made.deadline = uint40(block.timestamp + it.commitSeconds);
        made.seed = _seed(beta, chosen, id);
        emit Assigned(id, chosen, orderId, made.seed, made.deadline);
    }

    // Slots

    function _order(uint256 orderId) internal view returns (Order storage) {
        if (orderId == 0 || orderId > _orders.length) revert BadOrder();
        return _orders[orderId - 1];
    }

    function _openSlot(Order storage it, uint256 orderId, uint32 slotId) private view returns (Slot storage place) {
        if (slotId >= it.results) revert BadOrder();
        place = _slots[orderId][slotId];
        if (place.state != SlotState.Open) revert WrongSlot(place.state);
    }

    function _resultId(uint256 orderId, uint32 slotId, uint32 attempt) internal pure returns (uint256) {
        return orderId << 64 | uint256(slotId) << 32 | attempt;
    }

    function _redraw(Slot storage place, uint256 orderId, uint32 slotId) private {
        place.height = _beaconHeight();
        emit Redrawn(orderId, slotId, place.height);
    }

    /// Takes the work of a result off its worker.
    function _unload(uint256 id, Worker storage worker_) internal {
        Order storage it = _order(id >> 64);
        worker_.load -= uint64(_work(it.m, it.k, it.p, it.rounds));
    }

    /// Gives the slot of a job that was lost to the next draw.
    function _reopen(uint256 id) internal {
        (uint256 orderId, uint32 slotId) = (id >> 64, uint32(id >> 32));
        Slot storage place = _slots[orderId][slotId];
        place.state = SlotState.Open;
        place.attempt += 1;
        _redraw(place, orderId, slotId);
    }

    // The draw

    /// The first that fits of a bounded number of workers that the beacon draws; 0 for none.
    function _pick(Order storage it, bytes memory beta, uint256 id, uint64 height) private view returns (address) {
        uint256 size = _pool.length;
        if (size == 0) return address(0);
        Order memory wanted = it;
        wanted.height = height;
        for (uint256 i = 0; i < PROBES; ++i) {
            address candidate = _pool[uint256(keccak256(abi.encode(beta, id, i))) % size];
            if (_fits(_workers[candidate], wanted)) return candidate;
        }
        return address(0);
    }

    /// Whether a worker of the pool may have a result of this order, drawn by the block `height`.
    /// Who came into the pool when that beacon was known could have chosen its place there. A slash
    /// is never less than the reward. All that the worker has to do before it commits takes at most
    /// half of the time that there is for this job, so that whoever works by deadline is never late.
    function _fits(Worker storage worker_, Order memory wanted) private view returns (bool) {
        if (worker_.enteredAt >= wanted.height || !_isMeasured(worker_) || worker_.class < wanted.minClass) return false;
        if (worker_.live >= worker_.terms.capacity || worker_.reputation < wanted.minReputation) return false;
        if (uint256(worker_.stake) / SLASH_DIVISOR < wanted.reward) return false;
        uint256 work = _work(wanted.m, wanted.k, wanted.p, wanted.rounds);
        uint256 time = wanted.commitSeconds - CHAIN_SECONDS;
        if (2 * (worker_.load + work) > worker_.rate * time) return false;
        uint256 asked = uint256(worker_.terms.base) + uint256(worker_.terms.price) * work / 1e12;
        return asked * 1 gwei <= wanted.reward && _bannedSubject(worker_) == 0;
    }

    // What can be ordered

    /// An order that cannot be opened in one transaction would be a trap for whoever gets it.
    function _checkOrder(Order calldata order_) private view {
        bool sized = _isSize(order_.m) && _isSize(order_.k) && _isSize(order_.p);
        bool counted = order_.rounds > 0 && order_.rounds <= ROUNDS_MAX && order_.samples > 0
            && order_.samples <= SAMPLES_MAX && order_.results > 0 && order_.results <= RESULTS_MAX;
        bool timed = order_.commitSeconds >= COMMIT_SECONDS_MIN && order_.commitSeconds <= COMMIT_SECONDS_MAX;
        if (!sized || !counted || !timed || order_.minClass >= _classes.length) revert BadOrder();
        uint256 depth = _depth(order_.m) + _depth((order_.p + 15) / 16);
        uint256 size = uint256(order_.samples) * (64 + 32 * depth) + 32 * uint256(order_.rounds);
        if (size > OPENING_BYTES_MAX) revert BadOrder();
    }

    /// Levels of a tree over so many leaves.
    function _depth(uint256 leaves) private pure returns (uint256 depth) {
        while (1 << depth < leaves) ++depth;
    }

    function _isSize(uint32 size) private pure returns (bool) {
        return size > 0 && size <= SIZE_MAX;
    }
}
