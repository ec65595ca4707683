// Changes the Compute contract in one place after the other and says for each change which test fails.
// A change that no test notices is a rule that is not tested. `scripts/contracts --mutate` calls it.
//
//   node mutate.mjs --compiler DIR [PATTERN]     DIR is where npm installed compiler and forge;
//                                                with PATTERN only the changes whose text has it
//
// The changes are of text: each has to stand exactly once in its file, so they follow the source.

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTATIONS } from "./mutations.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  options: { compiler: { type: "string" } },
  allowPositionals: true,
});
const solc = createRequire(join(options.compiler, "package.json"))("solc");
const artifact = JSON.parse(readFileSync(join(here, "artifacts", "Compute.json"), "utf8"));
// The same for every run, so that a result can be had again.
const SEED = "0x6d75746174696f6e";

/** The code of the contract with `to` in the place of `from`; throws when it does not compile. */
function compile({ file, from, to }) {
  const content = (path) => {
    const text = readFileSync(join(here, path), "utf8");
    if (path !== file) return text;
    if (text.split(from).length !== 2) throw new Error(`stands ${text.split(from).length - 1} times in ${file}`);
    return text.replace(from, () => to);
  };
  const input = {
    language: "Solidity",
    sources: { "Compute.sol": { content: content("Compute.sol") } },
    settings: { ...artifact.compiler.settings, outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } },
  };
  const find = (path) => ({ contents: content(path) });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors[0].formattedMessage);
  return `0x${output.contracts["Compute.sol"].Compute.evm.deployedBytecode.object}`;
}

// The tests' project, made once by a run of the unchanged contract, which has to pass.
const test = [join(here, "test.mjs"), "--compiler", options.compiler, "--seed", SEED];
const first = spawnSync("node", test, { encoding: "utf8" });
if (first.status !== 0) {
  console.error(`${first.stdout}\nthe tests fail without any change`);
  process.exit(1);
}
const project = join(options.compiler, "mutate");
rmSync(project, { recursive: true, force: true });
cpSync(join(options.compiler, "forge"), project, { recursive: true });
const forge = join(options.compiler, "node_modules", "@foundry-rs", "forge-linux-amd64", "bin", "forge");

/** The first test that fails with this code; none when all pass. */
function caughtBy(code) {
  writeFileSync(join(project, "artifacts", "Compute.json"), JSON.stringify({ ...artifact, runtimeBytecode: code }));
  // What failed with another change is not tried first.
  for (const kept of ["fuzz", "invariant"]) rmSync(join(project, "cache", kept), { recursive: true, force: true });
  const home = join(project, "home");
  const env = { ...process.env, HOME: home, FOUNDRY_DIR: home };
  const quick = ["--no-match-contract", "InvariantsTest"];
  for (const some of [quick, ["--match-contract", "InvariantsTest"]]) {
    const parameters = ["test", "--use", join(project, "solc.mjs"), "--fuzz-seed", SEED, ...some];
    const { status, stdout, error } = spawnSync(forge, parameters, { cwd: project, env, encoding: "utf8" });
    if (error) throw error;
    if (status !== 0) return stdout.match(/\[FAIL.*\] ((test|invariant)_\w+)/)?.[1] ?? "a test that does not end well";
  }
  return undefined;
}

let survivors = 0;
const wanted = MUTATIONS.filter(({ rule }) => positionals.every((pattern) => rule.includes(pattern)));
for (const mutation of wanted) {
  const test = caughtBy(compile(mutation));
  if (!test) survivors += 1;
  console.log(`${test ? "caught  " : "SURVIVED"} ${mutation.rule}${test ? ` (${test})` : ""}`);
}
console.log(`${wanted.length - survivors} of ${wanted.length} changes were caught`);
process.exit(survivors > 0 ? 1 : 0);
