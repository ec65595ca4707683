// A chain as `mfenx serve` gives it, read by ethers and viem over every transport:
// node serve.mjs [HTTP_URL] [WS_URL]
//
// The chain is one that clients have written to before. Whatever client and transport asks, the
// answer must be the same, and must agree with itself.

import assert from "node:assert/strict";
import { ethers } from "ethers";
import { createPublicClient, http, webSocket } from "viem";
import { CHAIN_ID, MNEMONIC, httpUrl, post, session, wsUrl } from "./session.mjs";

const { check, end } = session("serve");
const network = ethers.Network.from(CHAIN_ID);
const options = { cacheTimeout: -1, staticNetwork: network };
const viem = (transport) => createPublicClient({ transport, cacheTime: 0 });
const readers = {
  "ethers http": new ethers.JsonRpcProvider(httpUrl, network, { ...options, batchMaxCount: 1 }),
  "ethers batch": new ethers.JsonRpcProvider(httpUrl, network, options),
  "ethers ws": new ethers.WebSocketProvider(wsUrl, network, options),
  "viem http": viem(http(httpUrl)),
  "viem batch": viem(http(httpUrl, { batch: true })),
  "viem ws": viem(webSocket(wsUrl, { reconnect: false })),
};
/** The node's own answer through a client, which neither parses nor formats it. */
const ask = (reader, method, params) =>
  reader.send ? reader.send(method, params) : reader.request({ method, params });
/** The answer that all readers must agree on. */
async function agreed(method, ...params) {
  const answers = await Promise.all(Object.values(readers).map((reader) => ask(reader, method, params)));
  for (const answer of answers) assert.deepEqual(answer, answers[0], `${method} ${JSON.stringify(params)}`);
  return answers[0];
}

const head = Number(await agreed("eth_blockNumber"));

await check("the chain has a history", async () => {
  assert.ok(head > 3, `the head is block ${head}`);
  assert.equal(Number(await agreed("eth_chainId")), CHAIN_ID);
});

await check("blocks, transactions, receipts and logs are the same everywhere", async () => {
  let transactions = 0;
  let logs = 0;
  for (let number = 0; number <= head; number += 1) {
    const quantity = ethers.toQuantity(number);
    const block = await agreed("eth_getBlockByNumber", quantity, true);
    const receipts = await agreed("eth_getBlockReceipts", block.hash);
    assert.equal(receipts.length, block.transactions.length);
    for (const [index, { hash }] of block.transactions.entries()) {
      assert.deepEqual(await agreed("eth_getTransactionReceipt", hash), receipts[index]);
    }
    transactions += receipts.length;
    logs += receipts.flatMap((receipt) => receipt.logs).length;
  }
  const all = await agreed("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" });
  assert.equal(all.length, logs);
  assert.ok(transactions > 3 && logs > 1, `${transactions} transactions, ${logs} logs`);
});

await check("both libraries understand the head", async () => {
  for (const [name, reader] of Object.entries(readers)) {
    const block = await reader.getBlock(reader.send ? "latest" : { blockTag: "latest" });
    assert.equal(Number(block.number), head, name);
  }
});

await check("calls run on old and new state", async () => {
  const { address } = (await agreed("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })).at(-1);
  const input = ethers.id("number()").slice(0, 10);
  const now = await agreed("eth_call", { to: address, input }, "latest");
  assert.equal(BigInt(now), 3n, "what the last test of the contract set");
  assert.equal(await agreed("eth_call", { to: address, input }, "0x0"), "0x");
});

await check("balances of the past add up to the transfers since", async () => {
  const { address } = ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, "m/44'/60'/0'/0/6");
  const before = BigInt(await agreed("eth_getBalance", address, "0x0"));
  const after = BigInt(await agreed("eth_getBalance", address, "latest"));
  assert.ok(after < before);
});

await check("a transaction waits in the pool, since nobody here makes blocks", async () => {
  const wallet = ethers.HDNodeWallet.fromPhrase(MNEMONIC).connect(readers["ethers http"]);
  const sent = await wallet.sendTransaction({ to: wallet.address, value: 1n });
  assert.equal(await agreed("eth_getTransactionReceipt", sent.hash), null);
  const nonce = (tag) => agreed("eth_getTransactionCount", wallet.address, tag);
  assert.equal(Number(await nonce("pending")), Number(await nonce("latest")) + 1);
});

await check("what is for the operator is not answered", async () => {
  for (const method of ["debug_traceBlockByNumber", "trace_block", "testing_buildBlockV1"]) {
    const { error } = await post({ jsonrpc: "2.0", id: 1, method, params: ["0x1"] });
    assert.equal(error?.code, -32601, method);
  }
});

end();
