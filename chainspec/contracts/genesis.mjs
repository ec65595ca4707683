// Writes the Compute contract into the genesis files, code and first storage, or compares what
// stands there. `scripts/contracts` calls it after the contracts are compiled.
//
//   node genesis.mjs --compiler DIR [--write]      DIR is where npm installed solc

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { compiler: { type: "string" }, write: { type: "boolean", default: false } },
});
const { keccak256 } = createRequire(join(options.compiler, "package.json"))("js-sha3");

const ADDRESS = "0x000000000000000000000000000000002b403c01";
const DRIVER_LIST = 0n;
const DAY = 86_400n;
const JULIAN = 10n ** 18n;

// What a worker without a card declares as its driver.
const CPU_DRIVER = BigInt(`0x${keccak256("mfenx cpu backend v1")}`);

const GWEI = 1n;
const MEGA = 10n ** 6n;

/**
 * The least reward of a result, gwei and gwei for 10^12 units of work; and what a round, an entry that is
 * hashed and a byte that is expanded count beside the multiply-adds. docs/compute.md says where the
 * figures are from.
 */
const market = (base, price, perRound, perEntry, perByte) => ({ base, price, perRound, perEntry, perByte });

/** A class: multiply-adds a second, and the benchmark, a cube of `side` and so many rounds. */
const cls = (rate, side, rounds) => ({ rate, side, rounds });

const CHAINS = {
  // Everything fast, small and cheap; account 0 of the mnemonic is the only authority.
  "dev.json": {
    scoreMin: 60n,
    openBlocks: 64n,
    windowSeconds: 3_600n,
    spotSeconds: 30n,
    stakeMin: 10n * JULIAN,
    memoryMin: 0n,
    exitSeconds: 180n,
    market: market(10_000n * GWEI, GWEI, 10_000n, 400n, 150n),
    council: [0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266n],
    classes: [
      cls(8n * 10n ** 5n, 128n, 2n),
      cls(10n ** 9n, 1_024n, 4n),
      cls(10n ** 12n, 8_192n, 16n),
      cls(10n ** 14n, 32_768n, 32n),
    ],
    drivers: [CPU_DRIVER],
  },
  // `mfenx genesis` puts the registry of authorities in the place of the council.
  "mfenx.json": {
    scoreMin: 70n,
    openBlocks: 4_096n,
    windowSeconds: 7n * DAY,
    spotSeconds: DAY,
    stakeMin: 1_000n * JULIAN,
    memoryMin: 16n * 10n ** 9n,
    exitSeconds: 7n * DAY,
    market: market(MEGA * GWEI, 100n * GWEI, 10n ** 11n, 4_096n, 256n),
    council: [],
    // About ten seconds each for a card of the class.
    classes: [
      cls(10n ** 12n, 8_192n, 16n),
      cls(10n ** 13n, 16_384n, 24n),
      cls(10n ** 14n, 32_768n, 32n),
      cls(5n * 10n ** 14n, 32_768n, 128n),
    ],
    drivers: [],
  },
};

const word = (value) => value.toString(16).padStart(64, "0");
const hash = (...words) => BigInt(`0x${keccak256(Buffer.from(words.map(word).join(""), "hex"))}`);

/** The storage as compute/State.sol documents it. */
function storage(chain) {
  const slots = new Map();
  const { scoreMin, openBlocks, windowSeconds, spotSeconds, stakeMin, memoryMin, exitSeconds } = chain;
  slots.set(0n, scoreMin << 160n | openBlocks << 168n | windowSeconds << 184n | spotSeconds << 216n);
  slots.set(1n, stakeMin | memoryMin << 128n | exitSeconds << 192n);
  const array = (slot, values) => {
    slots.set(slot, BigInt(values.length));
    values.forEach((value, index) => slots.set(hash(slot) + BigInt(index), value));
  };
  array(2n, chain.council);
  array(3n, chain.classes.map(({ rate, side, rounds }) =>
    rate | side << 64n | side << 96n | side << 128n | rounds << 160n));
  const { base, price, perRound, perEntry, perByte } = chain.market;
  slots.set(5n, base | price << 64n | perRound << 128n | perEntry << 192n | perByte << 224n);
  for (const driver of chain.drivers) slots.set(hash(hash(DRIVER_LIST, driver), 4n), 1n);
  const entries = [...slots].filter(([, value]) => value !== 0n);
  return Object.fromEntries(entries.map(([slot, value]) => [`0x${word(slot)}`, `0x${word(value)}`]).sort());
}

const { runtimeBytecode } = JSON.parse(readFileSync(join(here, "artifacts", "Compute.json"), "utf8"));
let different = 0;
for (const [name, chain] of Object.entries(CHAINS)) {
  const path = join(here, "..", name);
  const text = readFileSync(path, "utf8");
  const genesis = JSON.parse(text);
  const account = { nonce: "0x1", balance: "0x0", code: runtimeBytecode, storage: storage(chain) };
  const accounts = Object.entries({ ...genesis.alloc, [ADDRESS]: account });
  genesis.alloc = Object.fromEntries(accounts.sort(([one], [other]) => (one < other ? -1 : 1)));
  const wanted = `${JSON.stringify(genesis, null, 2)}\n`;
  if (wanted === text) continue;
  if (options.write) {
    writeFileSync(path, wanted);
    console.log(`wrote ${path}`);
  } else {
    different += 1;
    console.error(`${path} has another Compute contract than its source says: run scripts/contracts --write`);
  }
}
process.exit(different > 0 ? 1 : 0);
