//! The interface of the registry, as `chainspec/contracts/interfaces/IAuthorities.sol` has it.

#![allow(missing_docs, clippy::too_many_arguments)]

alloy_sol_types::sol! {
    /// The registry of authorities.
    #[derive(Debug, PartialEq, Eq)]
    interface IAuthorities {
        enum Quorum { Bft, Majority }
        enum Kind { Addition, Removal, Change }

        struct Authority {
            address operator;
            uint64 power;
            bytes32 consensusKey;
            bytes32 vrfKey;
            bytes32 peerKey;
        }

        struct Proposal {
            Kind kind;
            bool executed;
            uint64 lastEpoch;
            uint64 version;
            address proposer;
            Authority subject;
        }

        event Proposed(
            uint256 indexed id, Kind indexed kind, address indexed operator, address proposer, uint64 lastEpoch
        );
        event Voted(uint256 indexed id, address indexed operator, uint32 seat);
        event Deferred(uint256 indexed id, bytes reason);
        event Executed(uint256 indexed id, Kind indexed kind, address indexed operator, uint64 epoch);
        event SeatTaken(
            address indexed operator,
            uint32 indexed seat,
            uint64 epoch,
            uint64 power,
            bytes32 consensusKey,
            bytes32 vrfKey,
            bytes32 peerKey
        );
        event SeatVacated(address indexed operator, uint32 indexed seat, uint64 epoch);

        error NotAuthority(address caller);
        error NoSuchProposal(uint256 id);
        error AlreadyVoted(uint256 id, address operator);
        error AlreadyExecuted(uint256 id);
        error Expired(uint256 id, uint64 lastEpoch);
        error Stale(uint256 id, address operator);
        error NoMajority(uint256 id, uint256 power, uint256 total);
        error ZeroOperator();
        error ZeroPower();
        error ZeroKey();
        error KeyInUse(bytes32 key);
        error AlreadyMember(address operator);
        error NotMember(address operator);
        error NothingChanges(address operator);
        error TooManyAuthorities(uint256 max);
        error LastAuthority();
        error TooMuchPower(uint256 total);
        error TooMuchChange(uint256 changed, uint256 total);
        error NotFinal(uint64 wanted, uint64 current);

        function proposeAddition(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
            external returns (uint256 id);
        function proposeRemoval(address operator) external returns (uint256 id);
        function proposeChange(address operator, uint64 power, bytes32 consensusKey, bytes32 vrfKey, bytes32 peerKey)
            external returns (uint256 id);
        function vote(uint256 id) external;
        function execute(uint256 id) external;
        function epoch() external view returns (uint64);
        function epochBlocks() external view returns (uint64);
        function quorum() external view returns (Quorum);
        function authoritiesAt(uint64 wanted) external view returns (Authority[] memory);
        function pendingAuthorities() external view returns (uint64 effective, Authority[] memory authorities);
        function proposalCount() external view returns (uint256);
        function proposal(uint256 id) external view returns (Proposal memory);
        function tally(uint256 id) external view returns (uint256 power, uint256 total);
        function hasVoted(uint256 id, address operator) external view returns (bool);
    }
}
