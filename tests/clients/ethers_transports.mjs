// The same work through ethers 6 over HTTP, batched HTTP and WebSocket:
// node ethers_transports.mjs [HTTP_URL] [WS_URL]

import assert from "node:assert/strict";
import { ethers } from "ethers";
import { tokenArtifact } from "./artifact.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, session, within, wsUrl } from "./session.mjs";

const { check, end } = session("ethers transports");
const { abi, bytecode } = tokenArtifact();
const uncached = { cacheTimeout: -1, staticNetwork: ethers.Network.from(CHAIN_ID) };

const transports = {
  // ethers collects requests of one moment into a batch unless it is told not to.
  http: () => new ethers.JsonRpcProvider(httpUrl, undefined, { ...uncached, batchMaxCount: 1 }),
  batch: () => new ethers.JsonRpcProvider(httpUrl, undefined, { ...uncached, batchStallTime: 5 }),
  ws: () => new ethers.WebSocketProvider(wsUrl, undefined, uncached),
};

/** The methods that `provider` sends from now on, in order, and the sizes of its payloads. */
function record(provider) {
  const sent = { methods: [], sizes: [] };
  provider.on("debug", ({ action, payload }) => {
    if (action !== "sendRpcPayload") return;
    const requests = [payload].flat();
    sent.sizes.push(requests.length);
    sent.methods.push(...requests.map(({ method }) => method));
  });
  return sent;
}

async function failure(code, body) {
  try {
    await body();
  } catch (error) {
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}, but it succeeded` });
}

const bystander = ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, "m/44'/60'/0'/0/9").connect(
  transports.http(),
);

/**
 * The receipt of `response`. ethers asks for it and then subscribes to blocks; when the transaction is
 * mined between the two, its next look is at the next block, and a chain that makes one for each
 * transaction has no next block until somebody else sends something.
 */
async function mined(response) {
  const nudge = setInterval(
    () => bystander.sendTransaction({ to: bystander.address }).catch(() => {}),
    5_000,
  );
  try {
    return await response.wait(1, 60_000);
  } finally {
    clearInterval(nudge);
  }
}

let index = 0;
for (const [name, connect] of Object.entries(transports)) {
  const provider = connect();
  if (name !== "ws") provider.pollingInterval = 50;
  const sent = record(provider);
  const wallet = (number) =>
    ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, `m/44'/60'/0'/0/${number}`).connect(provider);
  const alice = wallet(index);
  const bob = wallet(index + 1);
  const stranger = ethers.Wallet.createRandom().address;
  index += 2;
  const on = (what, body) => check(`${name}: ${what}`, body);

  await on("every block tag names a block", async () => {
    const tags = ["earliest", "finalized", "safe", "latest", "pending"];
    const blocks = await Promise.all(tags.map((tag) => provider.getBlock(tag)));
    const numbers = blocks.map(({ number }) => number);
    assert.equal(numbers[0], 0);
    assert.ok(numbers[1] <= numbers[2] && numbers[2] <= numbers[3], `blocks ${numbers}`);
    assert.ok(numbers[4] > numbers[1], "pending is the block after the head");
    assert.equal(await provider.getBlock(numbers[3] + 1_000), null);
    assert.equal(await provider.getBlock(ethers.id("no block")), null);
  });

  await on("fee data is usable as it is", async () => {
    const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData();
    const { baseFeePerGas } = await provider.getBlock("latest");
    assert.ok(gasPrice >= baseFeePerGas && maxFeePerGas >= baseFeePerGas + maxPriorityFeePerGas);
  });

  const token = await new ethers.ContractFactory(abi, bytecode, alice).deploy(1_000_000n);
  await token.waitForDeployment();
  const address = await token.getAddress();
  const { blockNumber: first } = await mined(token.deploymentTransaction());

  await on("transfers sent together are mined in order, and their receipts waited for", async () => {
    const sender = new ethers.NonceManager(alice);
    const counter = token.connect(sender);
    const values = [1n, 2n, 3n, 4n, 5n];
    const responses = [];
    for (const value of values) responses.push(await counter.transfer(bob.address, value));
    const receipts = await Promise.all(responses.map(mined));
    assert.ok(receipts.every(({ status }) => status === 1));
    const places = receipts.map(({ blockNumber, index: place }) => blockNumber * 10_000 + place);
    assert.deepEqual(places, places.toSorted((left, right) => left - right));
    assert.equal(await token.balanceOf(bob), 15n);
  });

  await on("getLogs finds by address, topics, block and range", async () => {
    const transfer = token.interface.getEvent("Transfer").topicHash;
    const to = ethers.zeroPadValue(bob.address, 32);
    const find = (filter) => provider.getLogs({ address, fromBlock: first, ...filter });
    assert.equal((await find({})).length, 6, "the mint and five transfers");
    assert.equal((await find({ topics: [transfer, null, to] })).length, 5);
    assert.equal((await find({ topics: [[transfer, ethers.id("another")], null, to] })).length, 5);
    assert.equal((await find({ topics: [ethers.id("another")] })).length, 0);
    assert.equal((await find({ address: [address, stranger], topics: [transfer] })).length, 6);
    assert.equal((await find({ toBlock: first })).length, 1);
    const [{ blockHash, blockNumber }] = await find({ topics: [transfer, null, to] });
    const inBlock = await provider.getLogs({ address, blockHash });
    assert.ok(inBlock.every((log) => log.blockNumber === blockNumber && !log.removed));
  });

  await on("a contract's listener hears an event", async () => {
    const heard = within(20_000, "Transfer", (resolve) =>
      token.once("Transfer", (from, to, value, { log }) =>
        resolve({ value, hash: log.transactionHash }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const receipt = await mined(await token.transfer(bob.address, 77n));
    assert.deepEqual(await heard, { value: 77n, hash: receipt.hash });
    const method = name === "ws" ? "eth_subscribe" : "eth_newFilter";
    assert.ok(sent.methods.includes(method), `no ${method} in ${sent.methods}`);
    await token.removeAllListeners();
  });

  await on("a listener of pending transactions hears a hash", async () => {
    const heard = within(20_000, "pending", (resolve) => provider.once("pending", resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const response = await alice.sendTransaction({ to: bob.address, value: 1n });
    assert.equal(await heard, response.hash);
    await mined(response);
  });

  await on("filters are made, polled, asked again and taken away", async () => {
    const head = await provider.getBlockNumber();
    const filter = { address, fromBlock: ethers.toQuantity(first) };
    const [logs, blocks, pending] = await Promise.all([
      provider.send("eth_newFilter", [filter]),
      provider.send("eth_newBlockFilter", []),
      provider.send("eth_newPendingTransactionFilter", []),
    ]);
    const receipt = await mined(await token.transfer(bob.address, 5n));
    assert.ok(receipt.blockNumber > head);
    const changes = (id) => provider.send("eth_getFilterChanges", [id]);
    const changed = await changes(logs);
    assert.equal(changed.at(-1).transactionHash, receipt.hash);
    assert.deepEqual(await changes(logs), [], "nothing is told twice");
    assert.ok((await changes(blocks)).includes(receipt.blockHash));
    assert.ok((await changes(pending)).includes(receipt.hash));
    const all = await provider.send("eth_getFilterLogs", [logs]);
    assert.equal(all.length, (await provider.getLogs({ address, fromBlock: first })).length);
    for (const id of [logs, blocks, pending]) {
      assert.equal(await provider.send("eth_uninstallFilter", [id]), true);
      assert.equal(await provider.send("eth_uninstallFilter", [id]), false);
      await assert.rejects(changes(id), /filter not found/);
    }
  });

  await on("reverts carry their data: custom error, reason, panic, nothing", async () => {
    const refused = await failure("CALL_EXCEPTION", () => token.refuse.staticCall(42n));
    assert.deepEqual([refused.revert.name, refused.revert.args.code], ["Refused", 42n]);
    const library = await failure("CALL_EXCEPTION", () => token.transfer(bob.address, 10n ** 30n));
    assert.equal(token.interface.parseError(library.data).name, "ERC20InsufficientBalance");
    assert.equal((await failure("CALL_EXCEPTION", () => token.requireZero(1n))).reason, "value is not zero");
    assert.equal((await failure("CALL_EXCEPTION", () => token.divide(1n, 0n))).revert.name, "Panic");
    assert.equal((await failure("CALL_EXCEPTION", () => token.revertEmpty())).data, "0x");
  });

  await on("a transaction waits behind a gap, is found, and mined when the gap closes", async () => {
    const nonce = await bob.getNonce();
    const later = await bob.sendTransaction({ to: stranger, value: 1n, nonce: nonce + 1, gasLimit: 21_000n });
    assert.equal((await provider.getTransaction(later.hash)).blockNumber, null);
    assert.equal(await provider.getTransactionReceipt(later.hash), null);
    await bob.sendTransaction({ to: stranger, value: 2n, nonce, gasLimit: 21_000n });
    assert.equal((await mined(later)).status, 1);
    assert.equal(await provider.getBalance(stranger), 3n);
  });

  await on("a hundred questions at once are all answered", async () => {
    sent.sizes.length = 0;
    const questions = [];
    for (let count = 0; count < 25; count += 1) {
      questions.push(provider.getBalance(wallet(count % 10).address), provider.getBlock(0));
      questions.push(provider.getCode(address), token.balanceOf(bob));
    }
    const answers = await Promise.all(questions);
    assert.equal(answers.length, 100);
    assert.ok(answers.every((answer) => answer !== null && answer !== "0x"));
    const largest = Math.max(...sent.sizes);
    assert.ok(name === "batch" ? largest > 10 : largest === 1, `payloads of up to ${largest}`);
  });

  await provider.removeAllListeners();
  await provider.send("net_version", []);
  await provider.destroy();
}

end();
