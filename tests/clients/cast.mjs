// MFENX through Foundry's cast: node cast.mjs [HTTP_URL]

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tokenArtifact } from "./artifact.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, session } from "./session.mjs";

const { check, end } = session("cast");
// The program itself, which is published for each platform: the package that chooses among them
// brings a launcher that ends with 0 also when cast failed.
const program = fileURLToPath(import.meta.resolve("@foundry-rs/cast-linux-amd64/bin/cast"));
const scratch = mkdtempSync(join(tmpdir(), "mfenx-cast-"));
// An empty home keeps a developer's own Foundry configuration out of the test.
const environment = { ...process.env, HOME: scratch, FOUNDRY_DIR: scratch, NO_COLOR: "1" };
const run = promisify(execFile);

/** cast's standard output; rejects with its standard error in the message. */
async function cast(...parameters) {
  const options = { env: environment, cwd: scratch, timeout: 60_000 };
  return (await run(program, parameters.map(String), options)).stdout.trim();
}
const rpc = (command, ...parameters) => cast(command, ...parameters, "--rpc-url", httpUrl);
// Options go before the arguments: `cast send --create` takes none after the code.
const json = async (command, ...parameters) => {
  const answer = await cast(command, "--rpc-url", httpUrl, "--json", ...parameters);
  return JSON.parse(answer);
};
const key = (index) => cast("wallet", "private-key", MNEMONIC, index);
const addressOf = (index) => cast("wallet", "address", "--mnemonic", MNEMONIC, "--mnemonic-index", index);

const [aliceKey, alice, bob] = await Promise.all([key(4), addressOf(4), addressOf(5)]);
const send = (...parameters) => json("send", "--private-key", aliceKey, ...parameters);

/** Sends one transaction; it must succeed and be of type `type` in receipt and transaction. */
async function sendOfType(type, ...parameters) {
  const receipt = await send(...parameters);
  assert.equal(Number(receipt.status), 1);
  assert.equal(Number(receipt.type), type);
  const transaction = await json("tx", receipt.transactionHash);
  assert.equal(Number(transaction.type), type);
  return { receipt, transaction };
}

await check("chain-id, gas-price, base-fee, balance, nonce and client answer", async () => {
  assert.equal(Number(await rpc("chain-id")), CHAIN_ID);
  assert.ok(BigInt(await rpc("base-fee")) > 0n);
  assert.ok(BigInt(await rpc("gas-price")) > 0n);
  assert.ok(BigInt(await rpc("balance", alice)) > 10n ** 21n);
  assert.ok(Number(await rpc("nonce", alice)) >= 0);
  assert.notEqual(await rpc("client"), "");
});

await check("type 0: a legacy transaction, replay-protected", async () => {
  const { transaction } = await sendOfType(0, bob, "--value", "1gwei", "--legacy");
  assert.equal(Number(transaction.chainId), CHAIN_ID);
});

await check("type 1: an access list is paid for and kept", async () => {
  const list = [{ address: bob, storageKeys: [`0x${"00".repeat(31)}01`] }];
  const { receipt, transaction } = await sendOfType(
    1, bob, "--value", "1", "--legacy", "--access-list", JSON.stringify(list),
  );
  assert.equal(transaction.accessList.length, 1);
  assert.equal(Number(receipt.gasUsed), 21_000 + 2_400 + 1_900);
});

await check("type 2: a dynamic fee transaction pays base fee and tip", async () => {
  const { receipt } = await sendOfType(
    2, bob, "--value", "1", "--priority-gas-price", "3gwei", "--gas-price", "50gwei",
  );
  const block = await json("block", Number(receipt.blockNumber));
  const price = BigInt(receipt.effectiveGasPrice);
  assert.equal(price, BigInt(block.baseFeePerGas) + 3_000_000_000n);
});

await check("type 3: a blob transaction is refused with a reason", async () => {
  const file = join(scratch, "blob");
  writeFileSync(file, "a blob");
  const blob = send(
    bob, "--blob", "--path", file, "--gas-limit", 100_000,
    "--gas-price", "50gwei", "--priority-gas-price", "1gwei", "--blob-gas-price", "1gwei",
  );
  await assert.rejects(blob, ({ stderr }) => {
    assert.match(stderr, /transaction type not supported/i);
    return true;
  });
});

const { abi, bytecode } = tokenArtifact();
const constructorWord = (10n ** 24n).toString(16).padStart(64, "0");
const deployment = await send("--create", bytecode + constructorWord);
const token = deployment.contractAddress;

await check("a contract is created and answers calls", async () => {
  assert.equal(Number(deployment.status), 1);
  assert.ok(abi.length > 0);
  assert.equal(await rpc("call", token, "symbol()(string)"), '"TEST"');
  assert.match(await rpc("call", token, "totalSupply()(uint256)"), /^1000000000000000000000000\b/);
  assert.notEqual(await rpc("code", token), "0x");
});

await check("a token transfer is in receipt, logs and block", async () => {
  const { receipt } = await sendOfType(2, token, "transfer(address,uint256)", bob, 17);
  assert.equal(receipt.logs.length, 1);
  const fetched = await json("receipt", receipt.transactionHash);
  assert.equal(fetched.blockHash, receipt.blockHash);
  const logs = await json(
    "logs", "Transfer(address indexed,address indexed,uint256)", alice, bob,
    "--address", token, "--from-block", Number(receipt.blockNumber), "--to-block", "latest",
  );
  assert.deepEqual(logs.map(({ transactionHash }) => transactionHash), [receipt.transactionHash]);
  const block = await json("block", receipt.blockHash);
  assert.ok(block.transactions.includes(receipt.transactionHash));
  assert.equal(block.number, receipt.blockNumber);
});

await check("type 4: an authorization delegates an account's code", async () => {
  const ownerKey = `0x${randomBytes(32).toString("hex")}`;
  const owner = await cast("wallet", "address", "--private-key", ownerKey);
  const authorization = await rpc(
    "wallet", "sign-auth", token, "--nonce", 0, "--chain", CHAIN_ID, "--private-key", ownerKey,
  );
  const { transaction } = await sendOfType(4, bob, "--auth", authorization, "--gas-limit", 200_000);
  assert.equal(transaction.authorizationList.length, 1);
  assert.equal(await rpc("code", owner), `0xef0100${token.slice(2).toLowerCase()}`);
  assert.equal(Number(await rpc("nonce", owner)), 1);
});

await check("a revert is decoded, and estimate finds it too", async () => {
  await assert.rejects(rpc("call", token, "requireZero(uint256)", 1), /value is not zero/);
  await assert.rejects(
    rpc("estimate", token, "transfer(address,uint256)", bob, 1, "--from", `0x${"11".repeat(20)}`),
    /revert/i,
  );
});

await check("a spent nonce and an empty account are refused in geth's words", async () => {
  const plain = ["--gas-limit", 21_000, "--gas-price", "50gwei", "--priority-gas-price", "1gwei"];
  await assert.rejects(send(bob, "--nonce", 0, ...plain), /nonce too low/);
  const stranger = `0x${"7a".repeat(32)}`;
  await assert.rejects(
    rpc("send", bob, "--value", "1ether", ...plain, "--private-key", stranger),
    /insufficient funds for gas \* price \+ value/,
  );
});

rmSync(scratch, { recursive: true, force: true });
end();
