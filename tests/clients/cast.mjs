// MFENX through Foundry's cast: node cast.mjs [HTTP_URL]

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenArtifact } from "./artifact.mjs";
import { foundry } from "./foundry.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, session } from "./session.mjs";

const { check, end } = session("cast");
const { run: cast, scratch } = foundry("cast");
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

await check("run replays a transaction from the node's state and comes to the same gas", async () => {
  const { receipt } = await sendOfType(2, token, "transfer(address,uint256)", bob, 23);
  for (const options of [[], ["--quick"]]) {
    const trace = await rpc("run", receipt.transactionHash, ...options);
    assert.match(trace, /Transaction successfully executed/);
    assert.match(trace, /a9059cbb|transfer/);
    assert.equal(Number(/Gas used: (\d+)/.exec(trace)[1]), Number(receipt.gasUsed));
  }
});

await check("run replays a deployment and a revert of the past", async () => {
  assert.match(await rpc("run", deployment.transactionHash), /Transaction successfully executed/);
  const failed = await json(
    "send", "--private-key", aliceKey, "--gas-limit", 100_000, token, "refuse(uint256)", 9,
  ).catch(({ stdout }) => JSON.parse(stdout));
  assert.equal(Number(failed.status), 0);
  // cast ends with an error because the transaction did; the trace is in what it printed.
  const said = await rpc("run", failed.transactionHash).catch(({ stdout }) => stdout);
  assert.match(said, /\[Revert\]/);
  assert.equal(Number(/Gas used: (\d+)/.exec(said)[1]), Number(failed.gasUsed));
});

await check("call --trace executes here what the node would", async () => {
  const trace = await rpc("call", token, "balanceOf(address)(uint256)", bob, "--trace");
  assert.match(trace, /Transaction successfully executed/);
});

await check("trace asks for trace_transaction", async () => {
  const traces = JSON.parse(await rpc("trace", deployment.transactionHash));
  assert.equal(traces[0].type, "create");
  assert.equal(traces[0].result.address.toLowerCase(), token.toLowerCase());
});

await check("debug_traceTransaction names the call", async () => {
  const options = JSON.stringify({ tracer: "callTracer" });
  const frame = JSON.parse(await rpc("rpc", "debug_traceTransaction", deployment.transactionHash, options));
  assert.equal(frame.type, "CREATE");
  assert.equal(Number(frame.gasUsed), Number(deployment.gasUsed));
});

await check("storage, storage-root and codehash agree with the proof", async () => {
  const slot = 2;
  const value = await rpc("storage", token, slot);
  assert.equal(BigInt(value), 10n ** 24n);
  const proof = JSON.parse(await rpc("proof", token, slot));
  assert.equal(BigInt(proof.storageProof[0].value), BigInt(value));
  assert.ok(proof.accountProof.length > 0 && proof.storageProof[0].proof.length > 0);
  assert.equal(await rpc("storage-root", token), proof.storageHash);
  assert.equal(await rpc("codehash", token), proof.codeHash);
});

await check("access-list lists the slots of a transfer", async () => {
  const list = await json("access-list", token, "transfer(address,uint256)", bob, 1, "--from", alice);
  const { accessList, gasUsed } = list;
  assert.equal(accessList[0].address.toLowerCase(), token.toLowerCase());
  assert.equal(accessList[0].storageKeys.length, 2);
  assert.ok(Number(gasUsed) > 21_000);
});

await check("tx-pool tells what waits", async () => {
  const nonce = Number(await rpc("nonce", alice)) + 1;
  const fees = ["--gas-limit", 21_000, "--gas-price", "50gwei", "--priority-gas-price", "1gwei"];
  const hash = await rpc("send", bob, "--async", "--nonce", nonce, ...fees, "--private-key", aliceKey);
  const { queued } = JSON.parse(await rpc("tx-pool", "content-from", "--from", alice));
  assert.equal(queued[nonce].hash, hash);
  const status = JSON.parse(await rpc("tx-pool", "status"));
  assert.ok(Number(status.queued) >= 1);
});

end();
