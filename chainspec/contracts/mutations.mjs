// What `mutate.mjs` changes in the Compute contract: one rule that matters each.

const change = (rule, file, from, to) => ({ rule, file: `${file}.sol`, from, to });
const orders = (rule, from, to) => change(rule, "compute/Orders", from, to);
const rounds = (rule, from, to) => change(rule, "compute/Rounds", from, to);
const workers = (rule, from, to) => change(rule, "compute/Workers", from, to);
const jobs = (rule, from, to) => change(rule, "compute/Jobs", from, to);
const state = (rule, from, to) => change(rule, "compute/State", from, to);
const contract = (rule, from, to) => change(rule, "Compute", from, to);

export const MUTATIONS = [
  orders("the floor is not asked for", "order_.reward < least", "false && order_.reward < least"),
  orders("hashing is no work", "units.perEntry * m * p + ", ""),
  orders("expansion is no work", "units.perByte * k * (m + p) + ", ""),
  orders("a round is no work", " + units.perRound", ""),
  orders("work beside multiply-adds counts once", "it.rounds * (m * k * p + moved)", "it.rounds * m * k * p + moved"),
  orders("work may take all of the time", "2 * (worker_.load + work)", "(worker_.load + work)"),
  orders("work that waits does not count", "2 * (worker_.load + work)", "2 * work"),
  orders("a worker keeps the load of what it committed", "worker_.load -= ", "worker_.load -= 0 * "),
  orders("a reward may be more than a slash", "worker_.stake) / SLASH_DIVISOR", "worker_.stake)"),
  orders("terms are not asked for", "return asked <= wanted.reward && ", "return asked >= 0 && "),
  orders("who comes late is drawn", "worker_.enteredAt >= wanted.height || ", ""),
  orders("the banned are drawn", " && _bannedSubject(worker_) == 0;", ";"),
  orders("capacity is not kept", "worker_.live >= worker_.terms.capacity || ", ""),
  orders("seats are drawn among as many as there are", `while (span < size) span <<= 1;
        wanted.height = height;
        for (uint256 i = 0; i < PROBES && looked < LOOKS; ++i) {
            uint256 seat = uint256(keccak256(abi.encode(random, i))) & (span - 1);
            if (seat >= size) continue;`, `if (size == 0) return address(0);
        wanted.height = height;
        for (uint256 i = 0; i < PROBES && looked < LOOKS; ++i) {
            uint256 seat = uint256(keccak256(abi.encode(random, i))) % size;`),
  orders("a slot is drawn without end", "attempt == DRAWS_MAX", "false"),
  orders("draws do not wait longer", "(uint64(1) << (attempt / 2))", "uint64(1)"),
  orders("a slot is given back twice", "place.state = SlotState.Cancelled;\n", "\n"),
  orders("a refund stays in escrow", "_money.escrow -= it.reward;\n        _credit(it.buyer", "_credit(it.buyer"),
  orders("orders live for ever", "block.number > uint256(it.height) + ORDER_BLOCKS", "false"),
  orders("anybody cancels", "if (it.buyer != msg.sender) revert", "if (false) revert"),
  orders("openings are not thought of", "if (2 * opened > uint256(worker_.rate) * _params.openBlocks) return false;", ""),
  orders("rounds that are not opened count", "wanted.samples < wanted.rounds ? work / wanted.rounds * wanted.samples : work", "work"),
  orders("rows are not bounded", "uint256(order_.m) * order_.rounds <= ROWS_MAX", "true"),
  orders("the payment is not compared", "if (msg.value != price)", "if (msg.value < price)"),
  workers("who leaves is replaced by the last", "address(uint160(_emptySeat));\n        _emptySeat = it.place;",
    "_pool[_pool.length - 1];\n        _workers[_pool[_pool.length - 1]].place = it.place;\n        _pool.pop();"),
  workers("empty seats are not filled", "if (place == 0) {\n            _pool.push", "if (true) {\n            _pool.push"),
  workers("a card may have many workers", "if (holder != address(0)) revert FingerprintTaken(holder);\n", ""),
  workers("who leaves keeps its card", "_yieldCard(id, it);\n        delete", "delete"),
  workers("pardoned cards are kept", "fingerprint == 0 || isListed(ListKind.Pardon, fingerprint)", "fingerprint == 0"),
  workers("who is busy declares anew", "if (it.live != 0) revert Busy(it.live);\n        if (class", "if (class"),
  workers("who is busy is released", "if (it.live != 0) revert Busy(it.live);\n        (address", "(address"),
  workers("declaring anew evades rounds", "            duties.to = next;\n", ""),
  workers("being measured anew evades rounds", "(duties.boundFrom, duties.boundTo) = (duties.from, duties.to);\n", "\n"),
  workers("a measurement without rounds forgets the one before", "if (duties.from != duties.to) {", "{"),
  workers("who is measured again at once forgets", "(isOver || duties.to != next)", "true"),
  workers("who is measured again too late was never out", "(isOver || duties.to != next)", "duties.to != next"),
  workers("who is measured owes what came before", "(duties.from, duties.to) = (next, next);", "duties.to = next;"),
  workers("a measurement that ran out forgives", "if (measured && !isOver) return;", "if (measured || isOver) return;"),
  workers("a card has the record of another", "it.rate = 0;", ""),
  workers("a declaration from after counts", "        _void(it, _rounds.length);\n        it.duties", "        it.measured = false;\n        it.duties"),
  workers("a record of another declaration counts", "it.duties.recordedBy = it.duties.decidedBy;", ""),
  workers("a strike does not burn", "_money.burned += amount;", ""),
  workers("strikes spare the card", "it.device.fingerprint];", "bytes32(0)];"),
  workers("bans are not said", "if (count == STRIKES_MAX) emit Banned(id, subject);", ""),
  workers("bans are said again", "if (count == STRIKES_MAX) emit", "if (count >= STRIKES_MAX) emit"),
  workers("level 4 is no gate", "it.exitedAt == 0 && _isMeasured(it) &&", "it.exitedAt == 0 &&"),
  workers("what is void voids what came later", "if (rounds < it.duties.decidedBy) return;", ""),
  workers("who is out comes in by an old round", "else _void(it, _rounds.length);", "else it.measured = false;"),
  rounds("a flag reaches back", "(it.flagged && roundId >= duties.flaggedFrom)", "it.flagged"),
  rounds("flags have no time", "flagged ? uint32(_rounds.length) : 0", "0"),
  rounds("rounds can be missed for ever", "if (block.timestamp > _round(roundId).time + _params.windowSeconds) revert TooLate();", ""),
  rounds("a missed round voids nothing", "_void(it, roundId + 1);\n", ""),
  rounds("leaving evades rounds", "(it.exitedAt == 0 || it.exitedAt > time)", "it.exitedAt == 0"),
  rounds("who has left is asked", " && (it.exitedAt == 0 || it.exitedAt > time)", ""),
  rounds("what is settled last decides", "if (roundId >= duties.decidedBy) {", "{"),
  rounds("what is settled last is the record", " && roundId >= duties.recordedBy)", ")"),
  rounds("the record of the moment is compared", "_deviates(rate, taken.known)", "_deviates(rate, it.rate)"),
  rounds("a measurement that ran out binds for ever", "round_.time <= it.validUntil", "true"),
  rounds("one from before that ran out binds for ever", "round_.time <= duties.boundUntil", "true"),
  rounds("a void round lets in", "(!_isMeasured(it) && roundId >= it.duties.decidedBy)", "!_isMeasured(it)"),
  rounds("one report suffices", "if (2 * times.length <= members.length) revert", "if (times.length == 0) revert"),
  rounds("emulation passes", "rate * EMULATION_FACTOR >= class.rate", "true"),
  rounds("authorities lengthen time", "if (time > _taken[id].milliseconds) time = _taken[id].milliseconds;", ""),
  jobs("a late commitment counts", "if (block.timestamp > made.deadline) revert TooLate();", ""),
  jobs("a late opening counts", "if (block.number > _lastOpening(made)) revert TooLate();", ""),
  jobs("other roots are opened", "if (keccak256(abi.encodePacked(roots)) != made.commitment) revert WrongRoots();", ""),
  jobs("a class that was lowered meanwhile is a strike", "made.class += 1;", "{}"),
  jobs("fewer roots are opened", "if (roots.length != task.rounds) revert WrongRoots();", ""),
  jobs("a wrong proof is paid", "else _fail(id, made, true);", "else _pass(id, made, roots[roots.length - 1]);"),
  jobs("positions come from a beacon that is known", "_beta(uint256(made.height) + BEACON_DELAY)", "_beta(uint256(made.height) - 1)"),
  jobs("a failed benchmark voids nothing", "if (id >= BENCHMARK_FLAG) _void(it, _roundOf(id) + 1);", ""),
  state("the seed forgets the worker", "beta, id, jobId)", "beta, jobId)"),
  state("anybody is an authority", "revert NotAuthority(msg.sender);", ""),
  contract("a view of the floor stays", "if (own == 0) return;", ""),
  contract("half of the power suffices", "if (2 * power <= total) return;", "if (2 * power < total) return;"),
  contract("one of many sets the floor", "if (2 * power <= total) return;", "if (!isFloor && 2 * power <= total) return;"),
  contract("who has no view is for a floor of 0", "uint256(value) + 1", "uint256(value)"),
  contract("views of the floor add up", "isFloor ? bytes32(0) : value", "value"),
  contract("what is due stays due", "_due[msg.sender] = 0;", ""),
];
