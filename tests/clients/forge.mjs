// MFENX through Foundry's forge: node forge.mjs [HTTP_URL]

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { foundry } from "./foundry.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, post, session } from "./session.mjs";

const { check, end } = session("forge");
const here = dirname(fileURLToPath(import.meta.url));
const { run: forge, scratch } = foundry("forge");

// A project of its own, since forge writes caches and results into it.
for (const [from, to] of [
  ["forge/foundry.toml", "foundry.toml"],
  ["contracts/Counter.sol", "src/Counter.sol"],
  ["forge/Deploy.s.sol", "script/Deploy.s.sol"],
]) {
  mkdirSync(dirname(join(scratch, to)), { recursive: true });
  copyFileSync(join(here, from), join(scratch, to));
}
const compiler = ["--use", join(here, "forge", "solc.mjs")];
const account = ["--mnemonics", MNEMONIC, "--mnemonic-indexes", 9, "--rpc-url", httpUrl];

async function request(method, params) {
  const answer = await post({ jsonrpc: "2.0", id: 1, method, params });
  assert.ok(!answer.error, JSON.stringify(answer.error));
  return answer.result;
}
/** What forge wrote about the last broadcast of the script. */
function broadcast() {
  const path = join(scratch, "broadcast", "Deploy.s.sol", String(CHAIN_ID), "run-latest.json");
  return JSON.parse(readFileSync(path, "utf8"));
}
const script = (...options) => forge("script", "script/Deploy.s.sol:Deploy", ...compiler, ...account, ...options);

await check("forge build compiles with solc-js", async () => {
  assert.match(await forge("build", ...compiler), /Compiler run successful/);
});

await check("forge script --broadcast deploys and calls", async () => {
  assert.match(await script("--broadcast"), /ONCHAIN EXECUTION COMPLETE & SUCCESSFUL/);
  const { transactions, receipts } = broadcast();
  assert.deepEqual(transactions.map(({ transactionType }) => transactionType), ["CREATE", "CALL", "CALL"]);
  assert.deepEqual(receipts.map(({ status }) => Number(status)), [1, 1, 1]);
  const [{ contractAddress }] = transactions;
  assert.equal(BigInt(await request("eth_getStorageAt", [contractAddress, "0x0", "latest"])), 77n);
  assert.equal(BigInt(await request("eth_getBalance", [contractAddress, "latest"])), 10n ** 9n);
});

await check("forge script --slow waits for each receipt, --legacy sends the old type", async () => {
  await script("--broadcast", "--slow", "--legacy");
  const { receipts } = broadcast();
  assert.deepEqual(receipts.map(({ type }) => Number(type)), [0, 0, 0]);
  const numbers = receipts.map(({ blockNumber }) => Number(blockNumber));
  assert.ok(numbers[0] < numbers[1] && numbers[1] < numbers[2], `blocks ${numbers}`);
});

await check("forge create deploys with constructor arguments", async () => {
  const answer = await forge(
    "create", "src/Counter.sol:Counter", ...compiler,
    "--mnemonic", MNEMONIC, "--mnemonic-index", 9, "--rpc-url", httpUrl,
    "--broadcast", "--json", "--constructor-args", 5,
  );
  const deployedTo = /"deployedTo":\s*"(0x[0-9a-fA-F]{40})"/.exec(answer)[1];
  assert.equal(BigInt(await request("eth_getStorageAt", [deployedTo, "0x0", "latest"])), 5n);
});

await check("a script that reverts says why and sends nothing", async () => {
  const nonce = () => request("eth_getTransactionCount", ["0xa0Ee7A142d267C1f36714E4a8F75612F20a79720", "pending"]);
  const before = await nonce();
  await assert.rejects(script("--broadcast", "--sig", "tooLarge()"), /TooLarge\(101, 100\)/);
  assert.equal(await nonce(), before);
});

end();
