// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMfenxEd25519} from "../interfaces/IMfenxPrecompiles.sol";
import {State} from "./State.sol";

/// Registration, stake, score, strikes, and the pool of the workers that can be drawn.
///
/// A worker is in the pool if and only if it was eligible when it was touched last. What changes
/// by itself (the end of a measurement, a ban of its operator through another worker, a list) is
/// seen by `refresh`, and by the draw, which asks for it once more.
///
/// The pool is a row of seats. Who leaves makes one empty, who comes takes an empty one or the next
/// behind the last: nobody else changes places. A draw that a beacon has decided stays what it is.
abstract contract Workers is State {
    bytes32 private constant ATTESTATION_DOMAIN = keccak256("mfenx compute v1 attestation");
    uint32 private constant CAPACITY_MAX = 64;

    function register(
        bytes32 key,
        address agent,
        uint8 class,
        Terms memory terms,
        Device memory device,
        bytes calldata signature
    ) external payable override returns (address id) {
        id = workerOf(msg.sender, key);
        Worker storage it = _workers[id];
        if (it.operator != address(0)) revert WorkerExists(id);
        if (msg.value < _params.stakeMin) revert StakeTooSmall(msg.value, _params.stakeMin);
        it.operator = msg.sender;
        it.agent = agent;
        it.key = key;
        _stake(it, msg.value);
        _setTerms(it, terms);
        emit Registered(id, msg.sender, key, class);
        _attest(id, it, class, device, signature);
    }

    function attest(address id, uint8 class, Device memory device, bytes calldata signature) external override {
        _attest(id, _operated(id), class, device, signature);
    }

    function addStake(address id) external payable override {
        _stake(_operated(id), msg.value);
        refresh(id);
    }

    function setAgent(address id, address agent) external override {
        _operated(id).agent = agent;
    }

    function setTerms(address id, Terms memory terms) external override {
        Worker storage it = _existing(id);
        _requireAgent(it);
        _setTerms(it, terms);
        refresh(id);
    }

    function exit(address id) external override {
        Worker storage it = _operated(id);
        if (it.exitedAt != 0) revert HasExited();
        it.exitedAt = uint40(block.timestamp);
        emit Exited(id);
        refresh(id);
    }

    function release(address id) external override {
        Worker storage it = _operated(id);
        uint256 time = uint256(it.exitedAt) + _params.exitSeconds;
        if (it.exitedAt == 0) revert NotExited(id);
        if (block.timestamp < time) revert NotYet(time);
        if (it.live != 0) revert Busy(it.live);
        (address operator, uint128 stake) = (it.operator, it.stake);
        _yieldCard(id, it);
        delete _workers[id];
        _money.stakes -= stake;
        _credit(operator, stake);
        emit Released(id, stake);
    }

    function refresh(address id) public override {
        Worker storage it = _existing(id);
        uint8 score = _score(it);
        bool eligible = _isEligible(it, score);
        bool known = it.place != 0;
        if (eligible == known && it.score == score) return;
        it.score = score;
        if (eligible && !known) _sit(id, it);
        else if (!eligible && known) _stand(it);
        emit Eligible(id, eligible, score);
    }

    function _sit(address id, Worker storage it) private {
        uint32 place = _emptySeat;
        if (place == 0) {
            _pool.push(id);
            place = uint32(_pool.length);
        } else {
            _emptySeat = uint32(uint160(_pool[place - 1]));
            _pool[place - 1] = id;
        }
        (it.place, it.enteredAt) = (place, uint40(block.number));
    }

    function _stand(Worker storage it) private {
        _pool[it.place - 1] = address(uint160(_emptySeat));
        _emptySeat = it.place;
        it.place = 0;
    }

    // Who may do what

    function workerOf(address operator, bytes32 key) public pure override returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(operator, key)))));
    }

    function _existing(address id) internal view returns (Worker storage it) {
        it = _workers[id];
        if (it.operator == address(0)) revert NoSuchWorker(id);
    }

    function _operated(address id) private view returns (Worker storage it) {
        it = _existing(id);
        if (it.operator != msg.sender) revert NotOperator(msg.sender);
    }

    function _requireAgent(Worker storage it) internal view {
        if (msg.sender != it.operator && msg.sender != it.agent) revert NotOperator(msg.sender);
    }

    // Attestation

    function _attest(address id, Worker storage it, uint8 class, Device memory device, bytes calldata signature)
        private
    {
        if (it.exitedAt != 0) revert HasExited();
        // A failure of what is under way is a strike for the card that it was begun with.
        if (it.live != 0) revert Busy(it.live);
        if (class >= _classes.length) revert BadClass(class);
        bytes memory message = abi.encodePacked(attestationDigest(it.operator, it.key, class, device));
        if (signature.length != 64 || !IMfenxEd25519(ED25519).verify(it.key, signature, message)) {
            revert BadSignature();
        }
        it.class = class;
        _yieldCard(id, it);
        it.device = device;
        bytes32 banned = _bannedSubject(it);
        if (banned != 0) revert IsBanned(banned);
        _takeCard(id, device.fingerprint);
        _void(it, _rounds.length);
        it.duties.recordedBy = it.duties.decidedBy;
        // Another card has another record.
        it.rate = 0;
        emit Attested(id, class, device);
        refresh(id);
    }

    /// A fingerprint is one worker's as long as that one stakes: a stranger's strikes are not its own.
    function _takeCard(address id, bytes32 fingerprint) private {
        if (fingerprint == 0 || isListed(ListKind.Pardon, fingerprint)) return;
        address holder = _holders[fingerprint];
        if (holder != address(0)) revert FingerprintTaken(holder);
        _holders[fingerprint] = id;
    }

    function _yieldCard(address id, Worker storage it) private {
        bytes32 fingerprint = it.device.fingerprint;
        if (_holders[fingerprint] == id) delete _holders[fingerprint];
    }

    function attestationDigest(address operator, bytes32 key, uint8 class, Device memory device)
        public
        view
        override
        returns (bytes32)
    {
        return keccak256(abi.encode(ATTESTATION_DOMAIN, block.chainid, address(this), operator, key, class, device));
    }

    /// The points of the five levels. The key was proven at registration.
    function _score(Worker storage it) private view returns (uint8 score) {
        score = 10;
        if (it.device.nvml != 0) score += 10;
        if (isListed(ListKind.Driver, it.device.driver)) score += 20;
        if (isListed(ListKind.Pci, it.device.pci)) score += 30;
        if (_isMeasured(it)) score += 30;
    }

    function _isMeasured(Worker storage it) internal view returns (bool) {
        return it.measured && block.timestamp <= it.validUntil;
    }

    function _isEligible(Worker storage it, uint8 score) private view returns (bool) {
        return it.exitedAt == 0 && _isMeasured(it) && score >= _params.scoreMin && it.terms.capacity > 0
            && it.stake >= _params.stakeMin && it.device.memoryBytes >= _params.memoryMin && _bannedSubject(it) == 0;
    }

    // Strikes

    /// Which of key, operator and fingerprint keeps the worker out; 0 for none.
    function _bannedSubject(Worker storage it) internal view returns (bytes32) {
        bytes32[3] memory subjects = _subjects(it);
        for (uint256 i = 0; i < subjects.length; ++i) {
            bytes32 subject = subjects[i];
            if (_strikes[subject] >= STRIKES_MAX && !isListed(ListKind.Pardon, subject)) return subject;
        }
        return 0;
    }

    function _subjects(Worker storage it) private view returns (bytes32[3] memory) {
        return [it.key, bytes32(uint256(uint160(it.operator))), it.device.fingerprint];
    }

    /// Burns a twentieth of the stake and counts a strike.
    function _punish(address id, Worker storage it) internal {
        uint128 amount = uint128(it.stake / SLASH_DIVISOR);
        it.stake -= amount;
        it.reputation = 0;
        _money.stakes -= amount;
        _money.burned += amount;
        bytes32[3] memory subjects = _subjects(it);
        for (uint256 i = 0; i < subjects.length; ++i) {
            bytes32 subject = subjects[i];
            uint8 count = _strikes[subject];
            if (subject == 0 || count == type(uint8).max) continue;
            _strikes[subject] = ++count;
            if (count == STRIKES_MAX) emit Banned(id, subject);
        }
        emit Slashed(id, amount, _strikes[it.key]);
        refresh(id);
    }

    /// One class lower; below the lowest no round until now counts. Returns the class.
    function _demote(address id, Worker storage it) internal returns (uint8) {
        it.reputation /= 2;
        if (it.class > 0) it.class -= 1;
        else _void(it, _rounds.length);
        refresh(id);
        return it.class;
    }

    /// The measurement is void, unless a later round than the first `rounds` has made it.
    function _void(Worker storage it, uint256 rounds) internal {
        if (rounds < it.duties.decidedBy) return;
        it.duties.decidedBy = uint32(rounds);
        _setMeasured(it, false);
    }

    /// Whoever is measured has to answer all rounds that are opened from now on; whose measurement is
    /// void, none of them, but those before.
    function _setMeasured(Worker storage it, bool measured) internal {
        Duties storage duties = it.duties;
        uint32 next = uint32(_rounds.length);
        bool isOver = block.timestamp > it.validUntil;
        if (it.measured) {
            if (measured && !isOver) return;
            duties.to = next;
        }
        // Measured anew, and not at once.
        if (measured && (isOver || duties.to != next)) {
            if (duties.from != duties.to) {
                (duties.boundFrom, duties.boundTo) = (duties.from, duties.to);
                duties.boundUntil = uint32(it.validUntil);
            }
            (duties.from, duties.to) = (next, next);
        }
        it.measured = measured;
    }

    // Terms and stake

    function _setTerms(Worker storage it, Terms memory terms) private {
        if (terms.capacity > CAPACITY_MAX) revert BadTerms();
        it.terms = terms;
    }

    function _stake(Worker storage it, uint256 amount) private {
        it.stake += uint128(amount);
        _money.stakes += uint128(amount);
    }
}
