// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// The registry of a MFENX chain's authorities, at 0x4d46454e58000000000000000000000000000001.
///
/// Epoch `e` is the blocks `e * epochBlocks()` to `(e + 1) * epochBlocks() - 1`. A proposal that
/// the current authorities pass in epoch `e` takes effect with epoch `e + 2`: the set of an epoch is
/// final from the first block of the epoch before it, and does not depend on which block of that
/// epoch is asked.
///
/// Nobody proves here that they hold a key: the contract cannot check Ed25519. Whoever wants to
/// join hands out what `mfenx keys show --registration` writes, which holds a proof for each key;
/// the authorities check it with `mfenx keys verify` before they vote. Their vote is the gate.
interface IAuthorities {
    /// How much of the power decides a block. Written at genesis, never changed.
    enum Quorum {
        Bft, // more than two thirds
        Majority // more than a half
    }

    enum Kind {
        Addition,
        Removal,
        Change
    }

    /// A member of a set.
    struct Authority {
        /// Votes here, receives the fees of its blocks, names the authority.
        address operator;
        /// At least 1; the powers of a set sum to less than 2^63.
        uint64 power;
        /// Ed25519 public key of votes and proposals of blocks.
        bytes32 consensusKey;
        /// Public key of the verifiable random function.
        bytes32 vrfKey;
        /// Ed25519 public key of the libp2p identity; the peer ID is
        /// base58(0x002408011220 || peerKey).
        bytes32 peerKey;
    }

    struct Proposal {
        Kind kind;
        /// Whether it has taken its place in a set. It can only once.
        bool executed;
        /// The last epoch in which it can be voted for and executed.
        uint64 lastEpoch;
        /// How often the subject had changed when this was proposed; it is void after another change.
        uint64 version;
        address proposer;
        /// What is proposed; for a removal only the operator.
        Authority subject;
    }

    /// `proposer` proposes `kind` of `operator`, for votes up to `lastEpoch`.
    event Proposed(
        uint256 indexed id, Kind indexed kind, address indexed operator, address proposer, uint64 lastEpoch
    );
    /// `operator` votes for proposal `id` with the seat `seat`.
    event Voted(uint256 indexed id, address indexed operator, uint32 seat);
    /// Proposal `id` has its majority, but cannot be executed yet; `reason` is an error of this interface.
    event Deferred(uint256 indexed id, bytes reason);
    /// Proposal `id` is part of the set of `epoch`.
    event Executed(uint256 indexed id, Kind indexed kind, address indexed operator, uint64 epoch);
    /// From `epoch` on `operator` is an authority, on the seat `seat`, with these keys and this power.
    /// A change vacates the old seat and takes a new one.
    event SeatTaken(
        address indexed operator,
        uint32 indexed seat,
        uint64 epoch,
        uint64 power,
        bytes32 consensusKey,
        bytes32 vrfKey,
        bytes32 peerKey
    );
    /// From `epoch` on `seat` of `operator` is not part of the set.
    event SeatVacated(address indexed operator, uint32 indexed seat, uint64 epoch);

    /// The caller is no authority of the current epoch.
    error NotAuthority(address caller);
    error NoSuchProposal(uint256 id);
    error AlreadyVoted(uint256 id, address operator);
    error AlreadyExecuted(uint256 id);
    error Expired(uint256 id, uint64 lastEpoch);
    /// The subject has changed since this was proposed.
    error Stale(uint256 id, address operator);
    /// The power for it is not more than half of `total`.
    error NoMajority(uint256 id, uint256 power, uint256 total);
    error ZeroOperator();
    error ZeroPower();
    error ZeroKey();
    /// The key stands twice, or was another's or in another role before.
    error KeyInUse(bytes32 key);
    error AlreadyMember(address operator);
    error NotMember(address operator);
    error NothingChanges(address operator);
    error TooManyAuthorities(uint256 max);
    error LastAuthority();
    error TooMuchPower(uint256 total);
    /// More than a third of the power would change in one epoch; execute it in a later one.
    error TooMuchChange(uint256 changed, uint256 total);
    /// The set of `wanted` can still change; it is final from epoch `wanted - 1` on.
    error NotFinal(uint64 wanted, uint64 current);

    /// Proposes that somebody joins; the caller votes for it. Executed at once when that suffices.
    function proposeAddition(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
        external
        returns (uint256 id);

    /// Proposes that an authority leaves; as `proposeAddition`.
    function proposeRemoval(address operator) external returns (uint256 id);

    /// Proposes other keys or another power for an authority; as `proposeAddition`.
    function proposeChange(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
        external
        returns (uint256 id);

    /// Votes for a proposal, and executes it when that makes a majority and the epoch has room for it.
    function vote(uint256 id) external;

    /// Executes a proposal that has its majority; anybody may.
    function execute(uint256 id) external;

    /// The epoch of the block.
    function epoch() external view returns (uint64);

    function epochBlocks() external view returns (uint64);

    function quorum() external view returns (Quorum);

    /// The set of any epoch up to the next one. What the node asks.
    function authoritiesAt(uint64 wanted) external view returns (Authority[] memory);

    /// The set of the epoch after the next as it is so far.
    function pendingAuthorities() external view returns (uint64 effective, Authority[] memory authorities);

    /// How many proposals there were; they are numbered from 0.
    function proposalCount() external view returns (uint256);

    function proposal(uint256 id) external view returns (Proposal memory);

    /// The power of the current set that voted for a proposal, and all its power.
    function tally(uint256 id) external view returns (uint256 power, uint256 total);

    /// Whether the current seat of `operator` voted for a proposal.
    function hasVoted(uint256 id, address operator) external view returns (bool);
}
