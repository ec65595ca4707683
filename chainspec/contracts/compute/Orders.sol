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
    /// Of `m * rounds`: a worker keeps 32 bytes for each until its commitment is opened.
    uint256 private constant ROWS_MAX = 1 << 22;
    /// Seats that a draw looks at, and workers.
    uint256 private constant PROBES = 64;
    uint256 private constant LOOKS = 16;
    /// Draws of a slot that may lead to nothing.
    uint32 private constant DRAWS_MAX = 32;
    /// From the block of an order's first draws to the end of its open slots.
    uint256 private constant ORDER_BLOCKS = 262_144;

    function post(Order memory order_) public payable override returns (uint256 id) {
        _checkOrder(order_);
        uint256 least = _asked(_market.base, _market.price, _workOf(order_));
        if (order_.reward < least) revert RewardTooSmall(order_.reward, least);
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
            _end(it, _openSlot(it, orderId, slots[i]), orderId, slots[i]);
        }
    }

    function draw(uint256 orderId, uint32 slotId) external override returns (uint256 id) {
        Order storage it = _order(orderId);
        Slot storage place = _openSlot(it, orderId, slotId);
        uint64 height = place.height == 0 ? it.height : place.height;
        if (block.number > uint256(it.height) + ORDER_BLOCKS) {
            _end(it, place, orderId, slotId);
            return 0;
        }
        id = _resultId(orderId, slotId, place.attempt);
        bytes memory beta;
        address chosen = address(0);
        if (block.number <= height + BEACON_BLOCKS) {
            beta = _beta(height);
            chosen = _pick(it, keccak256(abi.encode(beta, id)), height);
        }
        if (chosen == address(0)) {
            _redraw(it, place, orderId, slotId);
            return 0;
        }
        place.state = SlotState.Taken;
        _workers[chosen].live += 1;
        _workers[chosen].load += uint64(_workOf(it));
        Job storage made = _jobs[id];
        made.worker = chosen;
        made.state = JobState.Assigned;
        made.deadline = uint40(block.timestamp + it.commitSeconds);
        made.seed = _seed(beta, chosen, id);
        emit Assigned(id, chosen, orderId, made.seed, made.deadline);
    }

    // Slots

    function _order(uint256 orderId) internal view returns (Order storage) {
        if (orderId == 0 || orderId > _orders.length) revert NoSuchOrder(orderId);
        return _orders[orderId - 1];
    }

    function _openSlot(Order storage it, uint256 orderId, uint32 slotId) private view returns (Slot storage place) {
        if (slotId >= it.results) revert NoSuchSlot(orderId, slotId);
        place = _slots[orderId][slotId];
        if (place.state != SlotState.Open) revert WrongSlot(place.state);
    }

    function _resultId(uint256 orderId, uint32 slotId, uint32 attempt) internal pure returns (uint256) {
        return orderId << 64 | uint256(slotId) << 32 | attempt;
    }

    /// A draw led to nothing: the next one is later, the longer the more there were. Keepers pay for
    /// at most `DRAWS_MAX` of them.
    function _redraw(Order storage it, Slot storage place, uint256 orderId, uint32 slotId) private {
        uint32 attempt = ++place.attempt;
        if (attempt == DRAWS_MAX) return _end(it, place, orderId, slotId);
        place.height = _beaconHeight() + (uint64(1) << (attempt / 2));
        emit Redrawn(orderId, slotId, place.height);
    }

    /// Gives the reward of an open slot back.
    function _end(Order storage it, Slot storage place, uint256 orderId, uint32 slotId) private {
        place.state = SlotState.Cancelled;
        _money.escrow -= it.reward;
        _credit(it.buyer, it.reward);
        emit Cancelled(orderId, slotId);
    }

    /// Takes the work of a result off its worker.
    function _unload(uint256 id, Worker storage worker_) internal {
        worker_.load -= uint64(_workOf(_order(id >> 64)));
    }

    /// Gives the slot of a job that was lost to the next draw.
    function _reopen(uint256 id) internal {
        (uint256 orderId, uint32 slotId) = (id >> 64, uint32(id >> 32));
        Slot storage place = _slots[orderId][slotId];
        place.state = SlotState.Open;
        _redraw(_order(orderId), place, orderId, slotId);
    }

    // The draw

    /// The first that fits of a bounded number of workers that the beacon draws; 0 for none.
    ///
    /// Seats are drawn among the next power of two, so that who comes behind the last one changes
    /// nothing for the others.
    function _pick(Order memory wanted, bytes32 random, uint64 height) private view returns (address) {
        (uint256 size, uint256 span, uint256 looked) = (_pool.length, 1, 0);
        while (span < size) span <<= 1;
        wanted.height = height;
        for (uint256 i = 0; i < PROBES && looked < LOOKS; ++i) {
            uint256 seat = uint256(keccak256(abi.encode(random, i))) & (span - 1);
            if (seat >= size) continue;
            address candidate = _pool[seat];
            // An empty seat.
            if (uint160(candidate) <= type(uint32).max) continue;
            if (_fits(_workers[candidate], wanted)) return candidate;
            ++looked;
        }
        return address(0);
    }

    /// Whether a worker of the pool may have a result of this order, drawn by the block `height`.
    /// Who came into the pool when that beacon was known could have chosen its place there. A slash
    /// is never less than the reward. All that the worker has to do before it commits takes at most
    /// half of the time that there is for this job, so that whoever works by deadline is never late;
    /// so does what an opening has to compute again, of the blocks that there are for it, of which
    /// each takes a second or more.
    function _fits(Worker storage worker_, Order memory wanted) private view returns (bool) {
        if (worker_.enteredAt >= wanted.height || !_isMeasured(worker_) || worker_.class < wanted.minClass) return false;
        if (worker_.live >= worker_.terms.capacity || worker_.reputation < wanted.minReputation) return false;
        if (uint256(worker_.stake) / SLASH_DIVISOR < wanted.reward) return false;
        uint256 work = _workOf(wanted);
        uint256 time = wanted.commitSeconds - CHAIN_SECONDS;
        if (2 * (worker_.load + work) > worker_.rate * time) return false;
        // An opening computes the rounds of its positions once more.
        uint256 opened = wanted.samples < wanted.rounds ? work / wanted.rounds * wanted.samples : work;
        if (2 * opened > uint256(worker_.rate) * _params.openBlocks) return false;
        uint256 asked = _asked(worker_.terms.base, worker_.terms.price, work);
        return asked <= wanted.reward && _bannedSubject(worker_) == 0;
    }

    /// Wei that so much work is to bring.
    function _asked(uint64 base, uint64 price, uint256 work) private pure returns (uint256) {
        return (base + uint256(price) * work / 1e12) * 1 gwei;
    }

    /// Units of work of a result, as `Market` says; its fields are bounded.
    function _workOf(Order memory it) private view returns (uint256) {
        (uint256 m, uint256 k, uint256 p) = (it.m, it.k, it.p);
        Market memory units = _market;
        uint256 moved = units.perEntry * m * p + units.perByte * k * (m + p) + units.perRound;
        return it.rounds * (m * k * p + moved);
    }

    // What can be ordered

    /// An order that no worker could keep, or open in one transaction, would be a trap for whoever gets it.
    function _checkOrder(Order memory order_) private view {
        _demand(_isSize(order_.m) && _isSize(order_.k) && _isSize(order_.p), OrderFault.Size);
        _demand(_isWithin(order_.rounds, 1, ROUNDS_MAX), OrderFault.Rounds);
        _demand(uint256(order_.m) * order_.rounds <= ROWS_MAX, OrderFault.Rows);
        _demand(_isWithin(order_.samples, 1, SAMPLES_MAX), OrderFault.Samples);
        _demand(_isWithin(order_.results, 1, RESULTS_MAX), OrderFault.Results);
        _demand(_isWithin(order_.commitSeconds, COMMIT_SECONDS_MIN, COMMIT_SECONDS_MAX), OrderFault.Time);
        _demand(order_.minClass < _classes.length, OrderFault.Class);
        uint256 depth = _depth(order_.m) + _depth((order_.p + 15) / 16);
        uint256 size = uint256(order_.samples) * (64 + 32 * depth) + 32 * uint256(order_.rounds);
        _demand(size <= OPENING_BYTES_MAX, OrderFault.Opening);
    }

    function _demand(bool holds, OrderFault fault) private pure {
        if (!holds) revert BadOrder(fault);
    }

    function _isWithin(uint256 value, uint256 low, uint256 high) private pure returns (bool) {
        return value >= low && value <= high;
    }

    /// Levels of a tree over so many leaves.
    function _depth(uint256 leaves) private pure returns (uint256 depth) {
        while (1 << depth < leaves) ++depth;
    }

    function _isSize(uint32 size) private pure returns (bool) {
        return _isWithin(size, 1, SIZE_MAX);
    }
}
