// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// The market and the register of proof-of-compute, at 0x000000000000000000000000000000002b403C01.
///
/// Three kinds of parties call it. *Operators* stake and register workers; a worker is one card
/// with its Ed25519 key, and its name is `workerOf(operator, key)`. *Buyers* post orders for
/// results of tasks and pay in advance. *Authorities* keep the lists of drivers and devices and
/// report how long benchmarks took. Everything that moves time on (`draw`, `lapse`, `openRound`,
/// `settle`, `refresh`) anybody may call.
///
/// A job is one task that one worker computes: a result of an order, or a benchmark. Its life:
/// drawn from the beacon (or asked for by a round), committed before `deadline`, opened at the
/// positions that the beacon of block M + 2 draws, where M holds the commitment. A job that ends
/// otherwise ends by `lapse`.
///
/// The seed of a job is BLAKE3("mfenx compute v1 seed" || chain id (8 bytes, big endian) ||
/// VRF output of the job's block (64) || worker (20) || job (32)).
///
/// Orders are numbered from 1, rounds from 0. Numbers of jobs: a result is `order << 64 | slot << 32 | attempt`, a benchmark
/// `1 << 255 | round << 160 | worker`. Times are seconds since 1970, amounts wei.
interface ICompute {
    enum ListKind {
        Driver, // hashes of driver libraries, level 2
        Pci, // PCI ids, level 3
        Pardon, // keys, operators and fingerprints whose strikes do not count
        Floor // no list: `base << 64 | price`, the least reward, which all orders after it pay
    }

    enum RoundKind {
        All, // every worker, once a window
        Spot // one worker in twenty and every flagged one, once a spot interval; newcomers may join
    }

    enum JobState {
        None,
        Assigned, // waits for the commitment
        Committed, // waits for the opening
        Verified, // done and paid; a benchmark waits for its reports
        Failed, // wrong or not opened: slashed
        Late, // no commitment in time
        Settled // a benchmark whose time is known
    }

    enum SlotState {
        Open, // waits to be drawn
        Taken, // a worker has it
        Done, // paid for
        Cancelled // refunded
    }

    /// What is wrong with an order.
    enum OrderFault {
        Size, // m, k or p: 1 to 32,768
        Rounds, // 1 to 1,024
        Rows, // m * rounds is more than 2^22
        Samples, // 1 to 256
        Results, // 1 to 4,096
        Time, // commitSeconds: 30 to 7 days
        Class, // there is no such class
        Opening // roots and proof are too long for one transaction
    }

    /// What a worker says of its card. Only the lists and the benchmark stand against it.
    struct Device {
        /// BLAKE3 of what NVML says; 0 for none. Level 1, 10 points.
        bytes32 nvml;
        /// BLAKE3 of the driver's library; level 2, 20 points, when it is listed.
        bytes32 driver;
        /// Vendor, device and subsystem id, right-aligned; level 3, 30 points, when it is listed.
        bytes32 pci;
        /// BLAKE3 of what identifies the card, such as its UUID; 0 for none. Strikes stick to it, and
        /// one worker at a time has it, unless it is on the list of pardons.
        bytes32 fingerprint;
        uint64 memoryBytes;
    }

    /// What orders a worker takes.
    struct Terms {
        /// How many jobs at a time, at most 64; 0 is a pause.
        uint32 capacity;
        /// The least reward of a result: gwei, and gwei for 10^12 units of work (see `Market`).
        uint64 base;
        uint64 price;
    }

    /// Which rounds ask a worker, and which count. All are numbers of rounds.
    struct Duties {
        /// The first round that was opened when it was measured: from here on it has to answer those
        /// that were opened until `validUntil`; once the measurement is void, up to the one before `to`.
        uint32 from;
        uint32 to;
        /// The same of the time before it was measured last.
        uint32 boundFrom;
        uint32 boundTo;
        uint32 boundUntil;
        /// The first round whose benchmark may still decide `measured` and `flagged`: what newer ones
        /// said, or a new declaration, stands.
        uint32 decidedBy;
        /// The same of the record.
        uint32 recordedBy;
        /// The first round after it was flagged last, which spot checks ask for that. 0 while it is not.
        uint32 flaggedFrom;
    }

    struct Worker {
        address operator;
        /// May commit and open beside the operator; 0 for none.
        address agent;
        /// Which of `classes()`; an index.
        uint8 class;
        /// 10, 20, 30, 30 and 10 for the five levels.
        uint8 score;
        /// Whether level 4 was measured and holds (until `validUntil`).
        bool measured;
        /// The last measurement was more than a tenth away from the record.
        bool flagged;
        /// Units of work of its results that are assigned and not committed.
        uint64 load;
        bytes32 key;
        uint128 stake;
        /// Recorded multiply-adds a second.
        uint64 rate;
        /// Its jobs that are assigned or committed.
        uint32 live;
        /// Verified results; halved when late, 0 after a failure.
        uint32 reputation;
        /// The end of the measurement.
        uint40 validUntil;
        /// When `exit` was called; 0 while it is there.
        uint40 exitedAt;
        /// Its place in the pool of workers that can be drawn, plus one; 0 for outside.
        uint32 place;
        /// The block in which it came into the pool; drawn by beacons of later blocks only.
        uint40 enteredAt;
        Duties duties;
        Terms terms;
        Device device;
    }

    /// A task without its seed, and how fast its class is.
    struct Class {
        /// Multiply-adds a second. Ten times slower is refused.
        uint64 rate;
        /// The benchmark of the class.
        uint32 m;
        uint32 k;
        uint32 p;
        uint32 rounds;
    }

    /// The units in which work is counted, and the least reward.
    ///
    /// The work of a result is `rounds * (m * k * p + perEntry * m * p + perByte * (m * k + k * p) +
    /// perRound)`: as many multiply-adds as take no less time on any device of the chain.
    struct Market {
        /// The least reward of a result: gwei, and gwei for 10^12 units of work. By `support`.
        uint64 base;
        uint64 price;
        /// What a round takes beside its parts.
        uint64 perRound;
        /// An entry of a product that is hashed.
        uint32 perEntry;
        /// A byte of a matrix that is expanded.
        uint32 perByte;
    }

    struct Order {
        address buyer;
        uint32 m;
        uint32 k;
        uint32 p;
        uint32 rounds;
        /// Positions that are opened of each result, 1 to 256; 64 is the standard.
        uint16 samples;
        uint8 minClass;
        uint32 minReputation;
        /// From the draw to the commitment, at least `COMMIT_SECONDS_MIN`.
        uint32 commitSeconds;
        uint32 results;
        /// For one result.
        uint128 reward;
        /// The block whose beacon draws the first attempts.
        uint64 height;
    }

    struct Slot {
        SlotState state;
        /// How many draws found nobody, or somebody who lost it. With 32 the slot ends.
        uint32 attempt;
        /// The block whose beacon draws the worker.
        uint64 height;
    }

    struct Job {
        address worker;
        JobState state;
        /// The class whose benchmark it is; 0 in a result.
        uint8 class;
        /// The last second in which a commitment counts.
        uint40 deadline;
        /// M, the block of the commitment; opened from M + 3 to M + 2 + `openBlocks`.
        uint40 height;
        bytes32 seed;
        /// keccak256(abi.encodePacked(roots)).
        bytes32 commitment;
        /// The root of the last round, once verified.
        bytes32 result;
    }

    struct Round {
        RoundKind kind;
        /// When it was opened.
        uint64 time;
        /// The block whose beacon seeds its benchmarks.
        uint64 height;
    }

    struct Params {
        /// The registry of authorities; 0 where the genesis file has a council instead.
        address registry;
        /// Points that a worker needs, beside level 4.
        uint8 scoreMin;
        /// Blocks in which a commitment can be opened.
        uint16 openBlocks;
        /// Between two rounds for all.
        uint32 windowSeconds;
        /// Between two spot checks.
        uint32 spotSeconds;
        uint128 stakeMin;
        uint64 memoryMin;
        /// From `exit` to `release`.
        uint32 exitSeconds;
    }

    /// `value` is on the list, or no more; of `Floor`, it is the least reward now.
    event Listed(ListKind indexed kind, bytes32 indexed value, bool listed);
    event Registered(address indexed worker, address indexed operator, bytes32 key, uint8 class);
    event Attested(address indexed worker, uint8 class, Device device);
    /// Whether the worker can be drawn from now on, and its score.
    event Eligible(address indexed worker, bool eligible, uint8 score);
    event Exited(address indexed worker);
    event Released(address indexed worker, uint256 stake);
    event Slashed(address indexed worker, uint256 amount, uint8 strikes);
    /// `subject` is a key, an operator or a fingerprint.
    event Banned(address indexed worker, bytes32 indexed subject);
    event Posted(uint256 indexed order, address indexed buyer, uint64 height);
    event Assigned(
        uint256 indexed job, address indexed worker, uint256 indexed order, bytes32 seed, uint40 deadline
    );
    /// Nobody could be drawn for the slot, or it was lost; the beacon of `height` tries again.
    event Redrawn(uint256 indexed order, uint32 slot, uint64 height);
    /// By the buyer, or because its draws or its order's time are over: refunded.
    event Cancelled(uint256 indexed order, uint32 slot);
    event Committed(uint256 indexed job, address indexed worker, bytes32 commitment, uint40 height);
    event Verified(uint256 indexed job, address indexed worker, bytes32 result, uint256 reward);
    event Failed(uint256 indexed job, address indexed worker, bool opened);
    event Late(uint256 indexed job, address indexed worker, uint8 class);
    event RoundOpened(uint256 indexed round, RoundKind indexed kind, uint64 height);
    event Reported(uint256 indexed job, address indexed authority, uint32 milliseconds);
    /// `rate` in multiply-adds a second; `accepted` unless that is a tenth of the class or less.
    event Settled(uint256 indexed job, address indexed worker, uint64 rate, bool accepted, bool flagged);
    event Withdrawn(address indexed account, address to, uint256 amount);

    error NotAuthority(address caller);
    error NotOperator(address caller);
    error NoSuchWorker(address worker);
    error WorkerExists(address worker);
    /// The key, the operator or the fingerprint has three strikes.
    error IsBanned(bytes32 subject);
    error BadSignature();
    error BadClass(uint8 class);
    error BadTerms();
    error StakeTooSmall(uint256 stake, uint256 min);
    /// Jobs are under way.
    error Busy(uint32 live);
    error HasExited();
    error NotYet(uint256 time);
    error NotExited(address worker);
    /// The fingerprint is another worker's. One may declare none.
    error FingerprintTaken(address holder);
    error NoSuchOrder(uint256 order);
    error NoSuchSlot(uint256 order, uint32 slot);
    error NoSuchRound(uint256 round);
    error BadOrder(OrderFault fault);
    /// Wei of one result, and what such a result is worth at least.
    error RewardTooSmall(uint256 reward, uint256 min);
    error WrongPayment(uint256 paid, uint256 due);
    error NotBuyer(address caller);
    error WrongSlot(SlotState state);
    error WrongJob(JobState state);
    /// The block whose beacon is needed is not there yet.
    error TooEarly(uint256 height);
    error TooLate();
    error WrongRoots();
    error NotChosen(address worker);
    error AlreadyReported(address authority);
    error NoQuorum(uint256 reports, uint256 authorities);
    error NothingDue();
    error TransferFailed();

    // Authorities

    /// An authority's view of whether `value` should be on a list. When the power of those with the
    /// same view is more than half, it is so. Views can be changed and called again. Of `Floor`, an
    /// authority has one view, and `listed` false takes it back.
    function support(ListKind kind, bytes32 value, bool listed) external;

    /// How long benchmarks took, as this authority saw it: from the arrival of the round's block to
    /// the arrival of the commitment, less the median round trip. One report for each job.
    function report(uint256[] calldata jobs, uint32[] calldata milliseconds) external;

    // Operators and their agents

    /// Registers a worker and stakes what is sent. `signature` is the worker key's, 64 bytes, on
    /// `attestationDigest`; it is level 5, and a key that nobody proves to hold is no worker's.
    function register(
        bytes32 key,
        address agent,
        uint8 class,
        Terms calldata terms,
        Device calldata device,
        bytes calldata signature
    ) external payable returns (address worker);

    /// Declares device and class anew, when no job is under way; the measurement has to be made again.
    /// What rounds that were opened before ask is still asked.
    function attest(address worker, uint8 class, Device calldata device, bytes calldata signature) external;

    function addStake(address worker) external payable;

    function setAgent(address worker, address agent) external;

    /// Changes which orders it takes from now on.
    function setTerms(address worker, Terms calldata terms) external;

    /// Leaves the pool; `release` pays the stake out `exitSeconds` later. Rounds that were opened before
    /// still ask it.
    function exit(address worker) external;

    /// Makes the stake due to the operator and forgets the worker.
    function release(address worker) external;

    /// Commits to the roots of an assigned job; also in a round, where `seedOf` has the seed.
    function commit(uint256 job, bytes32 commitment) external;

    /// Opens a commitment. A wrong proof fails the job at once; anything malformed reverts.
    function open(uint256 job, bytes32[] calldata roots, bytes calldata proof) external;

    // Buyers

    /// Orders `results` results; `reward * results` is sent along. `buyer` and `height` are ignored.
    /// The reward is at least what `market` says of its work.
    function post(Order calldata order) external payable returns (uint256 id);

    /// Makes the rewards of slots that nobody has due to the buyer.
    function cancel(uint256 order, uint32[] calldata slots) external;

    // Anybody

    /// Draws a worker for a slot. Without one that fits among 16 drawn, or when the beacon of the
    /// draw is gone, a later beacon tries again, after a time that doubles with every second draw; the
    /// answer is 0 then. With the 32nd draw in vain, or 262,144 blocks after the order's, the slot ends
    /// and its reward is due to the buyer.
    function draw(uint256 order, uint32 slot) external returns (uint256 job);

    /// Ends a job that missed its deadline or its opening.
    function lapse(uint256 job) external;

    /// Opens a round when it is due.
    function openRound(RoundKind kind) external returns (uint256 round);

    /// Ends the benchmark of a worker that a round asked and that did not commit; within a window from
    /// the round's opening on, and of a spot check as long as its beacon can be read.
    function miss(uint256 round, address worker) external;

    /// Takes the median of the reports of a verified benchmark into the record.
    function settle(uint256 job) external;

    /// Computes score and eligibility anew, after the lists or time have changed.
    function refresh(address worker) external;

    /// Pays out what is due to the caller.
    function withdraw(address payable to) external;

    /// Several calls of this interface in one, without ether. What fails is left out.
    function batch(bytes[] calldata calls) external returns (bool[] memory done);

    // Views

    function workerOf(address operator, bytes32 key) external view returns (address);

    function worker(address worker_) external view returns (Worker memory);

    /// What the worker key signs.
    function attestationDigest(address operator, bytes32 key, uint8 class, Device calldata device)
        external
        view
        returns (bytes32);

    function order(uint256 id) external view returns (Order memory);

    function slot(uint256 order_, uint32 slot_) external view returns (Slot memory);

    function job(uint256 id) external view returns (Job memory);

    /// The job that holds a slot, or held it last, and its state and result.
    function resultOf(uint256 order_, uint32 slot_) external view returns (uint256 job_, JobState state, bytes32 result);

    function round(uint256 id) external view returns (Round memory);

    /// Whether a round asks a worker; reverts until its beacon is there.
    function isAsked(uint256 round_, address worker_) external view returns (bool);

    function benchmarkId(uint256 round_, address worker_) external pure returns (uint256);

    /// The seed of a job; of a benchmark before its commitment as well.
    function seedOf(uint256 job_) external view returns (bytes32);

    /// The last second in which a commitment to the job counts.
    function deadlineOf(uint256 job_) external view returns (uint256);

    function counts() external view returns (uint256 orders, uint256 rounds, uint256 pool);

    function params() external view returns (Params memory);

    function market() external view returns (Market memory);

    function classes() external view returns (Class[] memory);

    function isListed(ListKind kind, bytes32 value) external view returns (bool);

    function strikes(bytes32 subject) external view returns (uint8);

    function isBanned(address worker_) external view returns (bool);

    function due(address account) external view returns (uint256);

    /// Wei in escrow for results, staked, due to accounts, and burned: all that the contract holds.
    function totals() external view returns (uint256 escrow, uint256 stakes, uint256 dues, uint256 burned);

    /// Whether `account` may report and support now.
    function isAuthority(address account) external view returns (bool);
}
