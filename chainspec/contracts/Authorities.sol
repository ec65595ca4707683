// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAuthorities} from "./interfaces/IAuthorities.sol";

/// The registry of authorities. `mfenx genesis` puts its code and its first storage into a genesis
/// file; there is no constructor, no owner, no proxy and no ether, and a copy deployed elsewhere,
/// without that storage, refuses everything.
///
/// Storage, as `mfenx genesis` writes it (slot numbers are part of the chain's format):
///
///   0  epochBlocks (bytes 0 to 7), quorum (byte 8)
///   1  seats: length; a seat has 4 slots from keccak256(1): operator and power, consensus, VRF and
///      peer key. A seat never changes and is never deleted.
///   2  sets: length; a set has 2 slots from keccak256(2): first epoch and power changed, then the
///      length of its seats, which are packed 8 to a slot. Ascending by first epoch. A set is in
///      force from its first epoch to the next one's.
///   3  key => operator (bytes 0 to 19) and role (byte 20) it was first used for
///   4  operator => how often it joined, changed or left
///   5  proposals
///   6  proposal => seat => voted
///
/// Only the set of the epoch after the next is ever written, so what `authoritiesAt` answers for
/// an epoch is the same in every block of the epoch before it and later.
contract Authorities is IAuthorities {
    /// The set of an epoch, and of those after it without a set of their own.
    struct Set {
        uint64 firstEpoch;
        /// Power that joined, left or changed since the set before it.
        uint128 changed;
        /// Changes since the set before it.
        uint32 changes;
        uint32[] seats;
    }

    uint256 private constant AUTHORITIES_MAX = 128;
    uint256 private constant TOTAL_POWER_MAX = 2 ** 63 - 1;
    /// Epochs after that of its proposal in which a proposal can be voted for.
    uint64 private constant PROPOSAL_EPOCHS = 16;
    /// A set this large changes by at most a third of its power an epoch; a smaller one, which has
    /// no third to change, by one authority.
    uint256 private constant THIRDS_FROM = 3;

    uint256 private constant CONSENSUS_ROLE = 1;
    uint256 private constant VRF_ROLE = 2;
    uint256 private constant PEER_ROLE = 3;

    uint64 public override epochBlocks;
    Quorum public override quorum;
    Authority[] private _seats;
    Set[] private _sets;
    mapping(bytes32 key => uint256 use) private _keys;
    mapping(address operator => uint64 version) private _versions;
    Proposal[] private _proposals;
    mapping(uint256 id => mapping(uint32 seat => bool)) private _voted;

    // Proposals and votes

    function proposeAddition(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
        external
        override
        returns (uint256)
    {
        return _propose(Kind.Addition, Authority(operator, power, consensusKey, vrfKey, peerKey));
    }

    function proposeRemoval(address operator) external override returns (uint256) {
        return _propose(Kind.Removal, Authority(operator, 0, 0, 0, 0));
    }

    function proposeChange(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
        external
        override
        returns (uint256)
    {
        return _propose(Kind.Change, Authority(operator, power, consensusKey, vrfKey, peerKey));
    }

    function vote(uint256 id) external override {
        _open(id);
        _vote(id);
    }

    function execute(uint256 id) external override {
        Proposal storage it = _open(id);
        (uint256 power, uint256 total) = tally(id);
        if (2 * power <= total) revert NoMajority(id, power, total);
        Authority memory subject = it.subject;
        address operator = subject.operator;
        if (_versions[operator] != it.version) revert Stale(id, operator);
        it.executed = true;
        uint64 effective = epoch() + 2;
        _apply(it.kind, subject, effective);
        _versions[operator] = it.version + 1;
        emit Executed(id, it.kind, operator, effective);
    }

    function _propose(Kind kind, Authority memory subject) private returns (uint256 id) {
        uint64 last = epoch() + PROPOSAL_EPOCHS;
        if (subject.operator == address(0)) revert ZeroOperator();
        if (kind != Kind.Removal) _checkSubject(subject);
        id = _proposals.length;
        _proposals.push(Proposal(kind, false, last, _versions[subject.operator], msg.sender, subject));
        emit Proposed(id, kind, subject.operator, msg.sender, last);
        _vote(id);
    }

    /// Counts the caller's vote; tries to execute when it makes the majority.
    function _vote(uint256 id) private {
        (bool found, uint32 seat) = _seatOf(_setAt(epoch()), msg.sender);
        if (!found) revert NotAuthority(msg.sender);
        if (_voted[id][seat]) revert AlreadyVoted(id, msg.sender);
        _voted[id][seat] = true;
        emit Voted(id, msg.sender, seat);
        (uint256 power, uint256 total) = tally(id);
        if (2 * power <= total) return;
        // The vote stands even if the change has to wait for a later epoch.
        try this.execute(id) {}
        catch (bytes memory reason) {
            emit Deferred(id, reason);
        }
    }

    /// A proposal that can still be voted for and executed.
    function _open(uint256 id) private view returns (Proposal storage it) {
        if (id >= _proposals.length) revert NoSuchProposal(id);
        it = _proposals[id];
        if (it.executed) revert AlreadyExecuted(id);
        if (epoch() > it.lastEpoch) revert Expired(id, it.lastEpoch);
    }

    // Sets

    /// Makes the change in the set of `effective`, which is a copy of the one before it at first.
    function _apply(Kind kind, Authority memory subject, uint64 effective) private {
        (Set storage set, Set storage before) = _pendingSet(effective);
        (bool found, uint32 seat) = _seatOf(set, subject.operator);
        uint256 changed;
        if (kind == Kind.Addition) {
            if (found) revert AlreadyMember(subject.operator);
            if (set.seats.length >= AUTHORITIES_MAX) revert TooManyAuthorities(AUTHORITIES_MAX);
            set.seats.push(_takeSeat(subject, effective));
            changed = subject.power;
        } else {
            if (!found) revert NotMember(subject.operator);
            Authority memory old = _seats[seat];
            uint256 index = _indexOf(set, seat);
            emit SeatVacated(old.operator, seat, effective);
            if (kind == Kind.Removal) {
                if (set.seats.length == 1) revert LastAuthority();
                _closeGap(set, index);
                changed = old.power;
            } else {
                changed = _difference(old, subject);
                set.seats[index] = _takeSeat(subject, effective);
            }
        }
        _checkBounds(set, before, changed);
    }

    /// The set that the next change goes into, and the set of the epoch before it, which is final.
    function _pendingSet(uint64 effective) private returns (Set storage set, Set storage before) {
        uint256 last = _sets.length - 1;
        if (_sets[last].firstEpoch != effective) {
            uint32[] memory seats = _sets[last].seats;
            Set storage fresh = _sets.push();
            fresh.firstEpoch = effective;
            fresh.seats = seats;
            ++last;
        }
        return (_sets[last], _sets[last - 1]);
    }

    /// Total power below 2^63, and at most a third of the power of `before` changed.
    function _checkBounds(Set storage set, Set storage before, uint256 changed) private {
        uint256 total = _powerOf(set);
        if (total > TOTAL_POWER_MAX) revert TooMuchPower(total);
        changed += set.changed;
        uint32 changes = set.changes + 1;
        uint256 base = _powerOf(before);
        bool oneOfFew = changes == 1 && before.seats.length < THIRDS_FROM;
        if (!oneOfFew && 3 * changed > base) revert TooMuchChange(changed, base);
        set.changed = uint128(changed);
        set.changes = changes;
    }

    /// How much power changes hands: with other keys all of it, else the difference.
    function _difference(Authority memory old, Authority memory subject) private pure returns (uint256) {
        bool sameKeys = old.consensusKey == subject.consensusKey && old.vrfKey == subject.vrfKey
            && old.peerKey == subject.peerKey;
        (uint256 less, uint256 more) =
            old.power < subject.power ? (old.power, subject.power) : (subject.power, old.power);
        if (!sameKeys) return more;
        if (less == more) revert NothingChanges(old.operator);
        return more - less;
    }

    function _takeSeat(Authority memory subject, uint64 effective) private returns (uint32 seat) {
        _claim(subject.consensusKey, subject.operator, CONSENSUS_ROLE);
        _claim(subject.vrfKey, subject.operator, VRF_ROLE);
        _claim(subject.peerKey, subject.operator, PEER_ROLE);
        seat = uint32(_seats.length);
        _seats.push(subject);
        emit SeatTaken(
            subject.operator,
            seat,
            effective,
            subject.power,
            subject.consensusKey,
            subject.vrfKey,
            subject.peerKey
        );
    }

    /// A key belongs to one operator in one role for ever.
    function _claim(bytes32 key, address operator, uint256 role) private {
        uint256 use = uint256(uint160(operator)) | role << 160;
        uint256 known = _keys[key];
        if (known == 0) _keys[key] = use;
        else if (known != use) revert KeyInUse(key);
    }

    /// Removes an entry and keeps the order of the others.
    function _closeGap(Set storage set, uint256 index) private {
        uint256 last = set.seats.length - 1;
        for (uint256 i = index; i < last; ++i) {
            set.seats[i] = set.seats[i + 1];
        }
        set.seats.pop();
    }

    /// What can be known to be wrong before anybody votes.
    function _checkSubject(Authority memory subject) private view {
        if (subject.power == 0) revert ZeroPower();
        if (subject.power > TOTAL_POWER_MAX) revert TooMuchPower(subject.power);
        bytes32[3] memory keys = [subject.consensusKey, subject.vrfKey, subject.peerKey];
        for (uint256 i = 0; i < keys.length; ++i) {
            if (keys[i] == 0) revert ZeroKey();
            uint256 known = _keys[keys[i]];
            uint256 use = uint256(uint160(subject.operator)) | (i + 1) << 160;
            if (known != 0 && known != use) revert KeyInUse(keys[i]);
            for (uint256 j = 0; j < i; ++j) {
                if (keys[i] == keys[j]) revert KeyInUse(keys[i]);
            }
        }
    }

    // What is seen from outside

    function epoch() public view override returns (uint64) {
        return uint64(block.number / epochBlocks);
    }

    function authoritiesAt(uint64 wanted) external view override returns (Authority[] memory) {
        uint64 current = epoch();
        if (wanted > current + 1) revert NotFinal(wanted, current);
        return _members(_setAt(wanted));
    }

    function pendingAuthorities() external view override returns (uint64, Authority[] memory) {
        uint64 effective = epoch() + 2;
        return (effective, _members(_setAt(effective)));
    }

    function proposalCount() external view override returns (uint256) {
        return _proposals.length;
    }

    function proposal(uint256 id) external view override returns (Proposal memory) {
        if (id >= _proposals.length) revert NoSuchProposal(id);
        return _proposals[id];
    }

    /// Votes of seats that are not in the current set count for nothing.
    function tally(uint256 id) public view override returns (uint256 power, uint256 total) {
        if (id >= _proposals.length) revert NoSuchProposal(id);
        uint32[] memory seats = _setAt(epoch()).seats;
        for (uint256 i = 0; i < seats.length; ++i) {
            uint256 weight = _seats[seats[i]].power;
            total += weight;
            if (_voted[id][seats[i]]) power += weight;
        }
    }

    function hasVoted(uint256 id, address operator) external view override returns (bool) {
        if (id >= _proposals.length) revert NoSuchProposal(id);
        (bool found, uint32 seat) = _seatOf(_setAt(epoch()), operator);
        return found && _voted[id][seat];
    }

    /// The set in force in an epoch: the last one that begins at it or before.
    function _setAt(uint64 wanted) private view returns (Set storage) {
        uint256 low = 0;
        uint256 high = _sets.length;
        // _sets[low] begins in time, _sets[high] does not.
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (_sets[middle].firstEpoch <= wanted) low = middle;
            else high = middle;
        }
        return _sets[low];
    }

    function _members(Set storage set) private view returns (Authority[] memory members) {
        uint32[] memory seats = set.seats;
        members = new Authority[](seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            members[i] = _seats[seats[i]];
        }
    }

    function _seatOf(Set storage set, address operator) private view returns (bool, uint32) {
        uint32[] memory seats = set.seats;
        for (uint256 i = 0; i < seats.length; ++i) {
            if (_seats[seats[i]].operator == operator) return (true, seats[i]);
        }
        return (false, 0);
    }

    /// Where a seat that is in the set stands in it.
    function _indexOf(Set storage set, uint32 seat) private view returns (uint256 index) {
        while (set.seats[index] != seat) ++index;
    }

    function _powerOf(Set storage set) private view returns (uint256 total) {
        uint32[] memory seats = set.seats;
        for (uint256 i = 0; i < seats.length; ++i) {
            total += _seats[seats[i]].power;
        }
    }
}
