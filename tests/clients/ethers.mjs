// MFENX through ethers 6: node ethers.mjs [HTTP_URL] [WS_URL]

import assert from "node:assert/strict";
import { ethers } from "ethers";
import { tokenArtifact } from "./artifact.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, post, session, within, wsUrl } from "./session.mjs";

const { check, end } = session("ethers");
const provider = new ethers.JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 50;

const wallet = (index) =>
  ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, `m/44'/60'/0'/0/${index}`).connect(provider);
const alice = wallet(1);
const bob = wallet(8);
const coin = (amount) => ethers.parseEther(amount);
const mined = async (promise) => (await promise).wait();

/** The error that `body` fails with, whose ethers code must be `code`. */
async function failure(code, body) {
  try {
    await body();
  } catch (error) {
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}, but it succeeded` });
}

await check("the network is chain 177155", async () => {
  assert.equal((await provider.getNetwork()).chainId, BigInt(CHAIN_ID));
  assert.equal(await provider.send("net_version", []), String(CHAIN_ID));
});

await check("the accounts of the test mnemonic are funded", async () => {
  for (let index = 0; index < 10; index += 1) {
    assert.ok((await wallet(index).getNonce()) >= 0);
    assert.ok((await provider.getBalance(wallet(index))) > coin("1000"));
  }
});

await check("a transfer moves exactly its value and its fee, and history keeps the old balances", async () => {
  const [aliceBefore, bobBefore] = await Promise.all([
    provider.getBalance(alice),
    provider.getBalance(bob),
  ]);
  const receipt = await mined(alice.sendTransaction({ to: bob.address, value: coin("1.5") }));
  assert.equal(receipt.status, 1);
  assert.equal(receipt.gasUsed, 21_000n);
  assert.equal(await provider.getBalance(bob), bobBefore + coin("1.5"));
  assert.equal(await provider.getBalance(alice), aliceBefore - coin("1.5") - receipt.fee);
  const parent = receipt.blockNumber - 1;
  assert.equal(await provider.getBalance(alice, parent), aliceBefore);
  assert.equal(await provider.getBalance(bob, parent), bobBefore);
  assert.equal(await provider.getBalance(bob, receipt.blockNumber), bobBefore + coin("1.5"));
});

await check("a block, its transactions and their receipts agree", async () => {
  const receipt = await mined(alice.sendTransaction({ to: bob.address, value: 1n }));
  const block = await provider.getBlock(receipt.blockHash, true);
  assert.equal(block.number, receipt.blockNumber);
  assert.ok(block.transactions.includes(receipt.hash));
  const transaction = block.prefetchedTransactions.find(({ hash }) => hash === receipt.hash);
  assert.equal(transaction.from, alice.address);
  assert.equal(transaction.type, 2);
  const receipts = await provider.send("eth_getBlockReceipts", [receipt.blockHash]);
  assert.equal(receipts.length, block.transactions.length);
  assert.equal(receipts[receipt.index].transactionHash, receipt.hash);
  assert.ok(ethers.getBytes(block.extraData).length <= 32);
  assert.equal((await provider.getBlock(block.number)).hash, block.hash);
  const finalized = await provider.getBlock("finalized");
  assert.ok(finalized.number >= block.number, "one block is final");
});

await check("fee data follows EIP-1559", async () => {
  const [fees, block] = await Promise.all([provider.getFeeData(), provider.getBlock("latest")]);
  assert.ok(block.baseFeePerGas > 0n);
  assert.ok(fees.maxFeePerGas >= block.baseFeePerGas);
  assert.ok(fees.gasPrice >= 0n && fees.maxPriorityFeePerGas >= 0n);
  const history = await provider.send("eth_feeHistory", ["0x2", "latest", [10, 50, 90]]);
  assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
});

const { abi, bytecode } = tokenArtifact();
const factory = new ethers.ContractFactory(abi, bytecode, alice);
const token = await factory.deploy(coin("1000000"));
await token.waitForDeployment();
const tokenAddress = await token.getAddress();

await check("an OpenZeppelin ERC-20 is deployed", async () => {
  assert.notEqual(await provider.getCode(tokenAddress), "0x");
  assert.equal(await token.symbol(), "TEST");
  assert.equal(await token.balanceOf(alice), coin("1000000"));
  const receipt = await token.deploymentTransaction().wait();
  assert.equal(receipt.contractAddress, tokenAddress);
  assert.equal(await provider.getCode(tokenAddress, receipt.blockNumber - 1), "0x");
});

const transfer = await check("a token transfer emits Transfer, and queryFilter finds it", async () => {
  const receipt = await mined(token.transfer(bob.address, coin("25")));
  assert.equal(await token.balanceOf(bob), coin("25"));
  const events = await token.queryFilter(
    token.filters.Transfer(alice.address, bob.address),
    receipt.blockNumber,
    "latest",
  );
  assert.equal(events.length, 1);
  assert.equal(events[0].args.value, coin("25"));
  assert.equal(events[0].transactionHash, receipt.hash);
  const byBlock = await provider.getLogs({ blockHash: receipt.blockHash, address: tokenAddress });
  assert.deepEqual(byBlock.map(({ index }) => index), [events[0].index]);
  const none = await token.queryFilter(
    token.filters.Transfer(bob.address),
    receipt.blockNumber,
    receipt.blockNumber,
  );
  assert.equal(none.length, 0);
  return receipt;
});

await check("contract state is readable at an old block", async () => {
  const before = await token.balanceOf(bob, { blockTag: transfer.blockNumber - 1 });
  assert.equal(before, 0n);
  const slot = await provider.getStorage(tokenAddress, 2, transfer.blockNumber);
  assert.equal(BigInt(slot), coin("1000000"), "slot 2 is the total supply");
});

/** Runs `body` with a WebSocket provider that has nothing under way when it is closed. */
async function withSocket(body) {
  const socket = new ethers.WebSocketProvider(wsUrl);
  try {
    await body(socket);
  } finally {
    await socket.removeAllListeners();
    await socket.send("net_version", []);
    await socket.destroy();
  }
}

await check("a WebSocket subscription delivers heads, logs and pending hashes", () =>
  withSocket(async (socket) => {
    const heard = token.connect(socket);
    const head = within(20_000, "newHeads", (resolve) => socket.once("block", resolve));
    const pending = within(20_000, "newPendingTransactions", (resolve) =>
      socket.once("pending", resolve),
    );
    const event = within(20_000, "logs", (resolve) =>
      heard.once("Transfer", (from, to, value, { log }) => resolve({ from, to, value, log })),
    );
    // A subscription counts only once the node has answered with its id.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const receipt = await mined(token.transfer(bob.address, 7n));
    const { from, to, value, log } = await event;
    assert.deepEqual([from, to, value], [alice.address, bob.address, 7n]);
    assert.equal(log.transactionHash, receipt.hash);
    assert.ok((await head) <= receipt.blockNumber);
    assert.equal(await pending, receipt.hash);
  }),
);

await check("what newHeads announces is readable at once", () =>
  withSocket(async (socket) => {
    const seen = within(20_000, "newHeads", (resolve) =>
      socket.once("block", async (number) => {
        const block = await provider.getBlock(number);
        const receipts = await provider.send("eth_getBlockReceipts", [ethers.toQuantity(number)]);
        resolve({ block, receipts });
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await mined(alice.sendTransaction({ to: bob.address, value: 1n }));
    const { block, receipts } = await seen;
    assert.equal(receipts.length, block.transactions.length);
  }),
);

await check("reverts are decoded: custom error, require string, panic, nothing", async () => {
  const poor = await failure("CALL_EXCEPTION", () =>
    token.connect(wallet(9)).transfer.staticCall(bob.address, coin("1")),
  );
  assert.equal(poor.revert.name, "ERC20InsufficientBalance");
  assert.deepEqual([...poor.revert.args], [wallet(9).address, 0n, coin("1")]);
  const required = await failure("CALL_EXCEPTION", () => token.requireZero(1n));
  assert.equal(required.reason, "value is not zero");
  const refused = await failure("CALL_EXCEPTION", () => token.refuse.staticCall(42n));
  assert.equal(refused.revert.name, "Refused");
  assert.equal(refused.revert.args.code, 42n);
  const panic = await failure("CALL_EXCEPTION", () => token.divide(1n, 0n));
  assert.equal(panic.revert.name, "Panic");
  assert.equal(BigInt(panic.revert.args[0]), 0x12n);
  const empty = await failure("CALL_EXCEPTION", () => token.revertEmpty());
  assert.equal(empty.data, "0x");
});

await check("a revert is found by estimateGas, and a forced one gets a failed receipt", async () => {
  const estimate = await failure("CALL_EXCEPTION", () =>
    token.connect(wallet(9)).transfer.estimateGas(bob.address, 1n),
  );
  assert.equal(token.interface.parseError(estimate.data).name, "ERC20InsufficientBalance");
  const sent = await bob.sendTransaction({
    to: tokenAddress,
    data: token.interface.encodeFunctionData("refuse", [1n]),
    gasLimit: 100_000n,
  });
  const failed = await failure("CALL_EXCEPTION", () => sent.wait());
  assert.equal(failed.receipt.status, 0);
  assert.equal(failed.receipt.logs.length, 0);
  assert.ok(failed.receipt.gasUsed < 100_000n);
});

await check("estimateGas is enough and not much more", async () => {
  assert.equal(await provider.estimateGas({ from: alice, to: bob, value: 1n }), 21_000n);
  const estimate = await token.transfer.estimateGas(bob.address, 3n);
  const receipt = await mined(token.transfer(bob.address, 3n, { gasLimit: estimate }));
  assert.equal(receipt.status, 1);
  assert.ok(estimate < receipt.gasUsed * 2n);
});

await check("nonces: twenty transfers sent at once all land, in order", async () => {
  const sender = new ethers.NonceManager(wallet(9));
  const first = await provider.getTransactionCount(wallet(9).address);
  const sent = [];
  for (let index = 0; index < 20; index += 1) {
    sent.push(sender.sendTransaction({ to: bob.address, value: 1n, gasLimit: 21_000n }));
  }
  const receipts = await Promise.all(sent.map(mined));
  assert.ok(receipts.every(({ status }) => status === 1));
  assert.equal(await provider.getTransactionCount(wallet(9).address), first + 20);
  assert.equal(await provider.getTransactionCount(wallet(9).address, "pending"), first + 20);
});

await check("typed errors: nonce expired, replacement underpriced, insufficient funds", async () => {
  await mined(bob.sendTransaction({ to: alice.address, value: 1n }));
  const nonce = await bob.getNonce();
  const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData();
  const fees = { maxFeePerGas, maxPriorityFeePerGas: maxPriorityFeePerGas || 1n, gasLimit: 21_000n };
  await failure("NONCE_EXPIRED", () =>
    bob.sendTransaction({ to: alice.address, nonce: nonce - 1, value: 1n, ...fees }),
  );
  // One nonce ahead of the next, so that it waits in the pool while it is replaced.
  const waiting = { to: alice.address, nonce: nonce + 1, ...fees };
  await bob.sendTransaction({ ...waiting, value: 1n });
  await failure("REPLACEMENT_UNDERPRICED", () => bob.sendTransaction({ ...waiting, value: 2n }));
  const replacement = await bob.sendTransaction({
    ...waiting,
    value: 3n,
    maxFeePerGas: maxFeePerGas * 2n,
    maxPriorityFeePerGas: fees.maxPriorityFeePerGas * 2n,
  });
  assert.equal((await provider.getTransaction(replacement.hash)).blockNumber, null);
  await mined(bob.sendTransaction({ to: alice.address, nonce, value: 1n, ...fees }));
  const receipt = await provider.waitForTransaction(replacement.hash, 1, 20_000);
  assert.equal(receipt.status, 1);
  const stranger = ethers.Wallet.createRandom().connect(provider);
  await failure("INSUFFICIENT_FUNDS", () =>
    stranger.sendTransaction({ to: alice.address, value: 1n, nonce: 0, ...fees }),
  );
});

await check("a transaction for another chain is refused by name", async () => {
  const signed = await alice.signTransaction({
    to: bob.address,
    chainId: 1n,
    nonce: await alice.getNonce(),
    gasLimit: 21_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 1n,
    type: 2,
  });
  await assert.rejects(provider.broadcastTransaction(signed), /chain id/i);
});

await check("an unknown method is told apart from a failing one", async () => {
  await failure("UNSUPPORTED_OPERATION", () => provider.send("eth_noSuchMethod", []));
});

await check("a batch is answered entry by entry, in order", async () => {
  const answers = await post([
    { jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] },
    { jsonrpc: "2.0", id: 2, method: "eth_getBalance", params: [alice.address, "latest"] },
    { jsonrpc: "2.0", id: 3, method: "eth_getBalance", params: ["0x12", "latest"] },
    { jsonrpc: "2.0", id: 4, method: "eth_blockNumber" },
  ]);
  assert.deepEqual(answers.map(({ id }) => id), [1, 2, 3, 4]);
  assert.equal(BigInt(answers[0].result), BigInt(CHAIN_ID));
  assert.ok(BigInt(answers[1].result) > 0n);
  assert.equal(answers[2].error.code, -32602);
  assert.ok(BigInt(answers[3].result) > 0n);
});

provider.destroy();
end();
