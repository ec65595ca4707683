// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ICompute} from "../interfaces/ICompute.sol";
import {Fixture} from "./Fixture.sol";
import {RegistryDouble} from "./Doubles.sol";
import {Log, vm} from "./Vm.sol";

/// Registration, score, lists, strikes, leaving.
contract WorkersTest is Fixture {
    address private constant ALICE = address(0xA11CE);
    address private constant BUYER = address(0xB0B);

    function test_registers_once_and_is_not_drawn_before_it_was_measured() external {
        address id = newcomer(ALICE, 0);
        ICompute.Worker memory it = compute.worker(id);
        equal(it.stake, STAKE, "stake");
        equal(it.score, 70, "1, 2, 3 and 5 alone add to 70");
        equal(it.place, 0, "level 4 is a gate of its own");
        checkBooks();
        bytes32 key = it.key;
        bytes memory signed = signature(ALICE, key, 0, device());
        vm.deal(ALICE, STAKE);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.WorkerExists.selector, id));
        compute.register{value: STAKE}(key, address(0), 0, ICompute.Terms(8, 0, 0), device(), signed);
    }

    function test_refuses_a_signature_for_another_operator_class_or_device() external {
        bytes32 key = keccak256("k");
        ICompute.Device memory other = device();
        other.memoryBytes += 1;
        bytes[4] memory wrong = [
            signature(BUYER, key, 0, device()),
            signature(ALICE, key, 1, device()),
            signature(ALICE, key, 0, other),
            bytes("")
        ];
        vm.deal(ALICE, 10 * STAKE);
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.prank(ALICE);
            vm.expectRevert(ICompute.BadSignature.selector);
            compute.register{value: STAKE}(key, address(0), 0, ICompute.Terms(8, 0, 0), device(), wrong[i]);
        }
    }

    function test_refuses_little_stake_an_unknown_class_and_immodest_terms() external {
        bytes32 key = keccak256("k");
        bytes memory signed = signature(ALICE, key, 0, device());
        vm.deal(ALICE, 10 * STAKE);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.StakeTooSmall.selector, STAKE - 1, STAKE));
        compute.register{value: STAKE - 1}(key, address(0), 0, ICompute.Terms(8, 0, 0), device(), signed);
        vm.expectRevert(abi.encodeWithSelector(ICompute.BadClass.selector, 3));
        compute.register{value: STAKE}(key, address(0), 3, ICompute.Terms(8, 0, 0), device(), signed);
        vm.expectRevert(ICompute.BadTerms.selector);
        compute.register{value: STAKE}(key, address(0), 0, ICompute.Terms(65, 0, 0), device(), signed);
        vm.stopPrank();
    }

    function test_each_level_has_its_points() external {
        address id = member(ALICE, 0);
        equal(compute.worker(id).score, 100, "all levels");
        ICompute.Device memory bare = ICompute.Device(0, keccak256("old"), keccak256("other"), 0, 24e9);
        address second = register(address(0xCA), 0, bare);
        _nextDay();
        measure(openRound(ICompute.RoundKind.Spot), second, 1_000);
        equal(compute.worker(second).score, 40, "4 and 5");
        equal(compute.worker(second).place, 0, "40 are not 70");
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(authority(i));
            compute.support(ICompute.ListKind.Pci, keccak256("other"), true);
        }
        compute.refresh(second);
        equal(compute.worker(second).score, 70, "with level 3");
        check(compute.worker(second).place != 0, "70 suffice");
    }

    function test_little_memory_keeps_out() external {
        ICompute.Device memory small = device();
        small.memoryBytes = 16e9 - 1;
        address id = register(ALICE, 0, small);
        _nextDay();
        measure(openRound(ICompute.RoundKind.Spot), id, 1_000);
        equal(compute.worker(id).score, 100, "score");
        equal(compute.worker(id).place, 0, "in the pool");
    }

    function test_lists_change_by_more_than_half_of_the_authorities() external {
        bytes32 hash = keccak256("new driver");
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotAuthority.selector, address(this)));
        compute.support(ICompute.ListKind.Driver, hash, true);
        vm.prank(authority(0));
        compute.support(ICompute.ListKind.Driver, hash, true);
        vm.prank(authority(0));
        compute.support(ICompute.ListKind.Driver, hash, true);
        check(!compute.isListed(ICompute.ListKind.Driver, hash), "one voice counted twice");
        vm.prank(authority(1));
        compute.support(ICompute.ListKind.Driver, hash, true);
        check(compute.isListed(ICompute.ListKind.Driver, hash), "two of three");
        vm.prank(authority(2));
        compute.support(ICompute.ListKind.Driver, hash, false);
        check(compute.isListed(ICompute.ListKind.Driver, hash), "one of three against");
        vm.prank(authority(0));
        compute.support(ICompute.ListKind.Driver, hash, false);
        check(!compute.isListed(ICompute.ListKind.Driver, hash), "two of three against");
    }

    function test_with_a_registry_its_power_decides() external {
        RegistryDouble registry = new RegistryDouble();
        registry.put(ALICE, 3);
        registry.put(BUYER, 1);
        registry.put(authority(0), 2);
        _params(address(registry), 70);
        check(compute.isAuthority(BUYER) && !compute.isAuthority(authority(1)), "the registry says who");
        bytes32 hash = keccak256("new driver");
        vm.prank(BUYER);
        compute.support(ICompute.ListKind.Driver, hash, true);
        vm.prank(authority(0));
        compute.support(ICompute.ListKind.Driver, hash, true);
        check(!compute.isListed(ICompute.ListKind.Driver, hash), "half of the power");
        vm.prank(ALICE);
        compute.support(ICompute.ListKind.Driver, hash, true);
        check(compute.isListed(ICompute.ListKind.Driver, hash), "all of the power");
    }

    function test_slashes_a_twentieth_and_bans_at_three_strikes() external {
        address id = member(ALICE, 0);
        uint256 stake = STAKE;
        uint256 burned = 0;
        for (uint8 i = 1; i <= 3; ++i) {
            uint256 job = assigned(BUYER, 1 ether);
            commit(job);
            blocks(3);
            if (i == 3) _expectBans(id);
            open(job, abi.encode(keccak256("wrong")));
            burned += stake / 20;
            stake -= stake / 20;
            equal(compute.worker(id).stake, stake, "stake after a slash");
            equal(compute.strikes(compute.worker(id).key), i, "strikes");
            (,,, uint256 counted) = compute.totals();
            equal(counted, burned, "burned");
            equal(compute.worker(id).place, 0, "less than the least stake keeps out");
            checkBooks();
            vm.deal(ALICE, STAKE);
            vm.prank(ALICE);
            compute.addStake{value: 10 ether}(id);
            stake += 10 ether;
            check((compute.worker(id).place != 0) == (i < 3), "back with enough stake, unless banned");
        }
        check(compute.isBanned(id), "banned");
    }

    /// The third strike says who is banned, each by its name.
    function _expectBans(address id) private {
        ICompute.Worker memory it = compute.worker(id);
        bytes32[3] memory subjects = [it.key, bytes32(uint256(uint160(it.operator))), it.device.fingerprint];
        for (uint256 j = 0; j < 3; ++j) {
            vm.expectEmit(address(compute));
            emit ICompute.Banned(id, subjects[j]);
        }
    }

    function test_nobody_is_said_to_be_banned_before_the_third_strike_or_again() external {
        address id = member(ALICE, 0);
        for (uint256 i = 0; i < 4; ++i) {
            // The fourth is a job that was drawn before the ban.
            uint256[] memory jobs = new uint256[](i == 2 ? 2 : 1);
            for (uint256 j = 0; j < jobs.length; ++j) {
                jobs[j] = assigned(BUYER, 1 ether);
                commit(jobs[j]);
            }
            blocks(3);
            for (uint256 j = 0; j < jobs.length; ++j) {
                vm.recordLogs();
                open(jobs[j], abi.encode(keccak256("wrong")));
                equal(_bans(), i + j == 2 ? 3 : 0, "Banned");
            }
            if (i == 2) break;
            vm.deal(ALICE, STAKE);
            vm.prank(ALICE);
            compute.addStake{value: 10 ether}(id);
        }
        equal(compute.strikes(compute.worker(id).key), 4, "strikes");
    }

    function _bans() private returns (uint256 count) {
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == ICompute.Banned.selector) ++count;
        }
    }

    function test_a_ban_holds_for_key_operator_and_card() external {
        address id = member(ALICE, 0);
        ICompute.Device memory card = compute.worker(id).device;
        bytes32 key = compute.worker(id).key;
        _ban(id);
        // The same operator with another key and card.
        vm.expectRevert(abi.encodeWithSelector(ICompute.IsBanned.selector, bytes32(uint256(uint160(ALICE)))));
        this.registerFor(ALICE, keccak256("fresh"), device());
        // Another operator with the same key, or the same card.
        vm.expectRevert(abi.encodeWithSelector(ICompute.IsBanned.selector, key));
        this.registerFor(BUYER, key, device());
        vm.expectRevert(abi.encodeWithSelector(ICompute.IsBanned.selector, card.fingerprint));
        this.registerFor(BUYER, keccak256("fresh"), card);
        // Leaving and coming back helps nothing.
        vm.prank(ALICE);
        compute.exit(id);
        vm.warp(block.timestamp + 7 days);
        vm.prank(ALICE);
        compute.release(id);
        vm.expectRevert(abi.encodeWithSelector(ICompute.IsBanned.selector, key));
        this.registerFor(ALICE, key, device());
        checkBooks();
    }

    function registerFor(address operator, bytes32 key, ICompute.Device memory device_) external {
        bytes memory signed = signature(operator, key, 0, device_);
        vm.deal(operator, STAKE);
        vm.prank(operator);
        compute.register{value: STAKE}(key, address(0), 0, ICompute.Terms(8, 0, 0), device_, signed);
    }

    function test_other_workers_of_a_banned_operator_are_not_drawn() external {
        address first = member(ALICE, 0);
        vm.prank(ALICE);
        compute.setTerms(first, ICompute.Terms(0, 0, 0));
        address second = member(ALICE, 0);
        vm.prank(ALICE);
        compute.setTerms(first, ICompute.Terms(8, 0, 0));
        vm.prank(ALICE);
        compute.setTerms(second, ICompute.Terms(0, 0, 0));
        _ban(first);
        vm.prank(ALICE);
        compute.setTerms(second, ICompute.Terms(8, 0, 0));
        equal(compute.worker(second).place, 0, "in the pool");
        equal(assigned(BUYER, 1 ether), 0, "drawn");
    }

    /// In the pool still, since nobody has looked again; the draw does.
    function test_who_is_banned_through_another_worker_is_not_drawn() external {
        address[2] memory ids = [member(ALICE, 0), member(ALICE, 0)];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 job = assigned(BUYER, 1 ether);
            cheat(job);
            address id = compute.job(job).worker;
            vm.deal(ALICE, STAKE);
            vm.prank(ALICE);
            if (i < 2) compute.addStake{value: 10 ether}(id);
        }
        check(compute.isBanned(ids[0]) && compute.isBanned(ids[1]), "banned");
        check(compute.worker(ids[0]).place + compute.worker(ids[1]).place != 0, "one is in the pool");
        equal(assigned(BUYER, 1 ether), 0, "drawn");
    }

    function test_authorities_can_pardon_a_card_that_was_somebody_elses() external {
        address id = member(ALICE, 0);
        ICompute.Device memory card = compute.worker(id).device;
        _ban(id);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(authority(i));
            compute.support(ICompute.ListKind.Pardon, card.fingerprint, true);
        }
        this.registerFor(BUYER, keccak256("fresh"), card);
        check(compute.isBanned(id), "key and operator were not pardoned");
    }

    /// A stranger cannot bring strikes on a card that works for somebody else.
    function test_a_card_has_one_worker_at_a_time() external {
        address id = member(ALICE, 0);
        ICompute.Device memory card = compute.worker(id).device;
        vm.expectRevert(abi.encodeWithSelector(ICompute.FingerprintTaken.selector, id));
        this.registerFor(BUYER, keccak256("fresh"), card);
        // Nor by a new declaration.
        address stranger = newcomer(BUYER, 0);
        ICompute.Worker memory it = compute.worker(stranger);
        bytes memory signed = signature(BUYER, it.key, 0, card);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.FingerprintTaken.selector, id));
        compute.attest(stranger, 0, card, signed);
        // Who has it may declare it again, and without one anybody comes in.
        signed = signature(ALICE, compute.worker(id).key, 0, card);
        vm.prank(ALICE);
        compute.attest(id, 0, card, signed);
        ICompute.Device memory none = card;
        none.fingerprint = 0;
        this.registerFor(address(0xCA), keccak256("one"), none);
        this.registerFor(address(0xCA), keccak256("two"), none);
        card = compute.worker(id).device;
        // Given up by another declaration, and by leaving.
        signed = signature(ALICE, compute.worker(id).key, 0, none);
        vm.prank(ALICE);
        compute.attest(id, 0, none, signed);
        this.registerFor(address(0xCB), keccak256("three"), card);
        id = compute.workerOf(address(0xCB), keccak256("three"));
        vm.startPrank(address(0xCB));
        compute.exit(id);
        vm.warp(block.timestamp + 7 days);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ICompute.FingerprintTaken.selector, id));
        this.registerFor(address(0xCC), keccak256("four"), card);
        vm.prank(address(0xCB));
        compute.release(id);
        this.registerFor(address(0xCC), keccak256("four"), card);
    }

    function test_authorities_settle_who_may_declare_a_card() external {
        address id = member(ALICE, 0);
        ICompute.Device memory card = compute.worker(id).device;
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(authority(i));
            compute.support(ICompute.ListKind.Pardon, card.fingerprint, true);
        }
        this.registerFor(BUYER, keccak256("fresh"), card);
        check(!compute.isBanned(id), "and harm nobody by it");
    }

    function _ban(address id) private {
        for (uint256 i = 0; i < 3; ++i) {
            cheat(assigned(BUYER, 1 ether));
            vm.deal(ALICE, STAKE);
            vm.prank(ALICE);
            compute.addStake{value: 10 ether}(id);
        }
        check(compute.isBanned(id), "three strikes");
    }

    function test_leaves_with_its_stake_after_the_delay_and_only_without_jobs() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotExited.selector, id));
        compute.release(id);
        compute.exit(id);
        vm.expectRevert(ICompute.HasExited.selector);
        compute.exit(id);
        vm.expectPartialRevert(ICompute.NotYet.selector);
        compute.release(id);
        vm.stopPrank();
        equal(compute.worker(id).place, 0, "in the pool");
        solve(job);
        vm.warp(block.timestamp + 7 days);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotOperator.selector, BUYER));
        compute.release(id);
        vm.startPrank(ALICE);
        compute.release(id);
        equal(compute.due(ALICE), STAKE + 1 ether, "stake and reward");
        compute.withdraw(payable(ALICE));
        equal(ALICE.balance, STAKE + 1 ether, "paid out");
        vm.expectRevert(ICompute.NothingDue.selector);
        compute.withdraw(payable(ALICE));
        vm.expectRevert(abi.encodeWithSelector(ICompute.NoSuchWorker.selector, id));
        compute.release(id);
        vm.stopPrank();
        checkBooks();
    }

    function test_an_unfinished_job_holds_the_stake() external {
        address id = member(ALICE, 0);
        uint256 job = assigned(BUYER, 1 ether);
        commit(job);
        vm.prank(ALICE);
        compute.exit(id);
        vm.warp(block.timestamp + 8 days);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICompute.Busy.selector, 1));
        compute.release(id);
        vm.roll(block.number + 200);
        compute.lapse(job);
        vm.prank(ALICE);
        compute.release(id);
        equal(compute.due(ALICE), STAKE - STAKE / 20, "the stake less the slash");
    }

    function test_only_the_operator_and_its_agent_act_for_a_worker() external {
        address id = member(ALICE, 0);
        address agent = address(0xA9E);
        vm.prank(agent);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotOperator.selector, agent));
        compute.setTerms(id, ICompute.Terms(1, 0, 0));
        vm.prank(ALICE);
        compute.setAgent(id, agent);
        vm.prank(agent);
        compute.setTerms(id, ICompute.Terms(1, 0, 0));
        vm.prank(agent);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotOperator.selector, agent));
        compute.exit(id);
        uint256 job = assigned(BUYER, 1 ether);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(ICompute.NotOperator.selector, BUYER));
        compute.commit(job, keccak256("mine"));
        vm.prank(agent);
        compute.commit(job, keccak256("ours"));
    }

    function test_a_batch_leaves_out_what_fails() external {
        address id = member(ALICE, 0);
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(ICompute.setTerms, (id, ICompute.Terms(3, 0, 0)));
        calls[1] = abi.encodeCall(ICompute.release, (id));
        calls[2] = abi.encodeCall(ICompute.setAgent, (id, BUYER));
        vm.prank(ALICE);
        bool[] memory done = compute.batch(calls);
        check(done[0] && !done[1] && done[2], "which were done");
        equal(compute.worker(id).terms.capacity, 3, "capacity");
        check(compute.worker(id).agent == BUYER, "agent");
    }

    function test_a_receiver_that_refuses_ether_harms_only_itself() external {
        Refuser refuser = new Refuser();
        address id = member(address(refuser), 0);
        solve(assigned(BUYER, 1 ether));
        equal(compute.worker(id).reputation, 1, "it was paid although it refuses ether");
        vm.prank(address(refuser));
        vm.expectRevert(ICompute.TransferFailed.selector);
        compute.withdraw(payable(address(refuser)));
        vm.prank(address(refuser));
        compute.withdraw(payable(ALICE));
        equal(ALICE.balance, 1 ether, "paid elsewhere");
    }

    function test_a_receiver_that_comes_back_is_paid_once() external {
        Returner returner = new Returner(compute);
        member(address(returner), 0);
        solve(assigned(BUYER, 1 ether));
        returner.withdraw();
        equal(address(returner).balance, 1 ether, "paid");
        checkBooks();
    }
}

contract Refuser {
    receive() external payable {
        revert("no");
    }
}

contract Returner {
    ICompute private immutable _compute;

    constructor(ICompute compute) {
        _compute = compute;
    }

    function withdraw() public {
        _compute.withdraw(payable(address(this)));
    }

    receive() external payable {
        try this.withdraw() {} catch {}
    }
}
