// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAuthorities} from "../interfaces/IAuthorities.sol";
import {ICompute} from "../interfaces/ICompute.sol";
import {IMfenxBeacon} from "../interfaces/IMfenxPrecompiles.sol";

/// What the parts of the Compute contract share: storage, bounds, randomness, money, authorities.
///
/// Storage, as a genesis file writes it (slot numbers are part of the chain's format):
///
///   0  params: registry (bytes 0 to 19), scoreMin (20), openBlocks (21, 22), windowSeconds (23 to
///      26), spotSeconds (27 to 30); then 1: stakeMin (0 to 15), memoryMin (16 to 23), exitSeconds
///      (24 to 27)
///   2  council: length; addresses from keccak256(2). Only where `registry` is 0.
///   3  classes: length; a class has one slot from keccak256(3): rate, m, k, p, rounds
///   4  keccak256(abi.encode(kind, value)) => listed
///   5  market: base (bytes 0 to 7), price (8 to 15), perRound (16 to 23), perEntry (24 to 27),
///      perByte (28 to 31)
///
/// Everything after that is 0 at genesis. The contract has no owner and no proxy, and calls nothing
/// but precompiles, the registry, and in `withdraw` whoever withdraws.
abstract contract State is ICompute {
    struct Money {
        uint128 escrow;
        uint128 stakes;
        uint128 dues;
        uint128 burned;
    }

    /// A benchmark as it was when its worker committed, so that later ones do not change it.
    struct Taken {
        /// From the round's opening on.
        uint32 milliseconds;
        /// The worker's record, and whether it had none that was valid.
        uint64 known;
        bool isNewcomer;
    }

    address internal constant BLAKE3 = 0x00000000000000000000000000000002B4030001;
    address internal constant ED25519 = 0x00000000000000000000000000000002B4030002;
    address internal constant BEACON = 0x00000000000000000000000000000002b4030004;
    address internal constant COMPUTE_VERIFY = 0x00000000000000000000000000000002B4030005;

    /// How far the beacon reaches back.
    uint256 internal constant BEACON_BLOCKS = 8_192;
    /// From a transaction to the block whose beacon it is bound to: nobody knows it yet, and the
    /// proposer of the next block does not either.
    uint64 internal constant BEACON_DELAY = 2;
    uint8 internal constant STRIKES_MAX = 3;
    /// A slash is the stake divided by this; so is the largest reward a worker is trusted with.
    uint256 internal constant SLASH_DIVISOR = 20;
    /// A benchmark with this many times fewer multiply-adds a second than its class is refused.
    uint256 internal constant EMULATION_FACTOR = 10;

    Params internal _params;
    address[] internal _council;
    Class[] internal _classes;
    mapping(bytes32 entry => bool) internal _listed;
    Market internal _market;

    mapping(bytes32 entry => mapping(address authority => uint256)) internal _views;
    mapping(address id => Worker) internal _workers;
    address[] internal _pool;
    mapping(bytes32 subject => uint8) internal _strikes;
    Order[] internal _orders;
    mapping(uint256 order => mapping(uint32 slot => Slot)) internal _slots;
    mapping(uint256 id => Job) internal _jobs;
    Round[] internal _rounds;
    mapping(RoundKind kind => uint256 period) internal _lastPeriod;
    mapping(uint256 job => Taken) internal _taken;
    mapping(uint256 job => uint32[] milliseconds) internal _reports;
    mapping(uint256 job => mapping(address authority => bool)) internal _reported;
    mapping(address account => uint256) internal _due;
    Money internal _money;
    /// The place of the first empty seat of the pool, which holds the place of the next one; 0 for none.
    uint32 internal _emptySeat;
    mapping(bytes32 fingerprint => address worker) internal _holders;

    // Randomness

    function _blake3(bytes memory input) internal view returns (bytes32) {
        (bool ok, bytes memory output) = BLAKE3.staticcall(input);
        require(ok && output.length == 32);
        return bytes32(output);
    }

    /// The VRF output of a block.
    function _beta(uint256 height) internal view returns (bytes memory beta) {
        if (block.number <= height) revert TooEarly(height);
        (, beta) = IMfenxBeacon(BEACON).beacon(height);
    }

    function _seed(bytes memory beta, address id, uint256 jobId) internal view returns (bytes32) {
        return _blake3(abi.encodePacked("mfenx compute v1 seed", uint64(block.chainid), beta, id, jobId));
    }

    function _beaconHeight() internal view returns (uint64) {
        return uint64(block.number) + BEACON_DELAY;
    }

    // Money

    /// Wei of a part that the caller has taken off become due.
    function _credit(address account, uint128 amount) internal {
        _due[account] += amount;
        _money.dues += amount;
    }

    // Authorities

    /// Who the authorities are, and their power.
    function _authorities() internal view returns (address[] memory members, uint256[] memory powers) {
        IAuthorities registry = IAuthorities(_params.registry);
        if (address(registry) == address(0)) {
            members = _council;
            powers = new uint256[](members.length);
            for (uint256 i = 0; i < members.length; ++i) {
                powers[i] = 1;
            }
            return (members, powers);
        }
        IAuthorities.Authority[] memory set = registry.authoritiesAt(registry.epoch());
        members = new address[](set.length);
        powers = new uint256[](set.length);
        for (uint256 i = 0; i < set.length; ++i) {
            (members[i], powers[i]) = (set[i].operator, set[i].power);
        }
    }

    function _isMember(address[] memory members, address account) internal pure returns (bool) {
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == account) return true;
        }
        return false;
    }

    /// The authorities and their power, of whom the caller has to be one.
    function _colleagues() internal view returns (address[] memory members, uint256[] memory powers) {
        (members, powers) = _authorities();
        if (!_isMember(members, msg.sender)) revert NotAuthority(msg.sender);
    }

    // Lists

    function _entry(ListKind kind, bytes32 value) internal pure returns (bytes32) {
        return keccak256(abi.encode(kind, value));
    }

    function isListed(ListKind kind, bytes32 value) public view override returns (bool) {
        return _listed[_entry(kind, value)];
    }

    // Sizes

    /// The multiply-adds of a benchmark.
    function _multiplyAdds(Class storage class) internal view returns (uint256) {
        return uint256(class.m) * class.k * class.p * class.rounds;
    }
}
