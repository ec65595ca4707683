// The same work through viem 2 over HTTP, batched HTTP and WebSocket:
// node viem_transports.mjs [HTTP_URL] [WS_URL]

import assert from "node:assert/strict";
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  getAddress,
  http,
  parseEther,
  webSocket,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { tokenArtifact } from "./artifact.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, session, within, wsUrl } from "./session.mjs";

const { check, end } = session("viem transports");
const { abi, bytecode } = tokenArtifact();
const chain = defineChain({
  id: CHAIN_ID,
  name: "MFENX",
  nativeCurrency: { name: "JULIAN", symbol: "JULIAN", decimals: 18 },
  rpcUrls: { default: { http: [httpUrl], webSocket: [wsUrl] } },
});
const transports = {
  http: http(httpUrl, { retryCount: 0 }),
  batch: http(httpUrl, { retryCount: 0, batch: { batchSize: 50, wait: 5 } }),
  ws: webSocket(wsUrl, { retryCount: 0, reconnect: false }),
};
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

let index = 0;
for (const [name, transport] of Object.entries(transports)) {
  const client = createPublicClient({ chain, transport, pollingInterval: 50, cacheTime: 0 });
  const alice = mnemonicToAccount(MNEMONIC, { addressIndex: index });
  const bob = mnemonicToAccount(MNEMONIC, { addressIndex: index + 1 });
  index += 2;
  const asAlice = createWalletClient({ account: alice, chain, transport });
  const mined = async (sent) => client.waitForTransactionReceipt({ hash: await sent });
  const on = (what, body) => check(`${name}: ${what}`, body);

  await on("every block tag names a block", async () => {
    const block = (blockTag) => client.getBlock({ blockTag });
    const [earliest, finalized, safe, latest, pending] = await Promise.all(
      ["earliest", "finalized", "safe", "latest", "pending"].map(block),
    );
    assert.equal(earliest.number, 0n);
    assert.ok(finalized.number <= safe.number && safe.number <= latest.number);
    assert.equal(pending.parentHash, latest.hash);
  });

  await on("fees are estimated", async () => {
    const { maxFeePerGas, maxPriorityFeePerGas } = await client.estimateFeesPerGas();
    assert.ok(maxFeePerGas > maxPriorityFeePerGas);
    assert.ok((await client.getBlobBaseFee()) > 0n);
  });

  const deployment = await mined(asAlice.deployContract({ abi, bytecode, args: [1_000_000n] }));
  const token = { abi, address: getAddress(deployment.contractAddress) };
  const transfer = (value) =>
    mined(asAlice.writeContract({ ...token, functionName: "transfer", args: [bob.address, value] }));

  await on("logs are found by event, arguments and range", async () => {
    const receipt = await transfer(11n);
    const range = { fromBlock: deployment.blockNumber, toBlock: "latest" };
    const find = (more) => client.getContractEvents({ ...token, eventName: "Transfer", ...range, ...more });
    assert.equal((await find({})).length, 2);
    const [{ args, transactionHash }] = await find({ args: { from: alice.address } });
    assert.deepEqual([args.value, transactionHash], [11n, receipt.transactionHash]);
    assert.equal((await find({ args: { to: [bob.address, alice.address] } })).length, 2);
    assert.equal((await client.getLogs({ blockHash: receipt.blockHash })).length, 1);
  });

  await on("event, block and pending filters tell what is new, once", async () => {
    const [events, blocks, pending] = await Promise.all([
      client.createContractEventFilter({ ...token, eventName: "Transfer" }),
      client.createBlockFilter(),
      client.createPendingTransactionFilter(),
    ]);
    const receipt = await transfer(12n);
    const changes = (filter) => client.getFilterChanges({ filter });
    assert.deepEqual((await changes(events)).map(({ args }) => args.value), [12n]);
    assert.deepEqual(await changes(events), []);
    assert.ok((await changes(blocks)).includes(receipt.blockHash));
    assert.ok((await changes(pending)).includes(receipt.transactionHash));
    assert.ok((await client.getFilterLogs({ filter: events })).length > 0);
    for (const filter of [events, blocks, pending]) {
      assert.equal(await client.uninstallFilter({ filter }), true);
    }
  });

  await on("blocks, pending transactions and events are watched", async () => {
    const stops = [];
    const watch = (what, start) => within(20_000, what, (heard) => stops.push(start(heard)));
    const block = watch("block", (onBlock) => client.watchBlocks({ onBlock }));
    const number = watch("number", (onBlockNumber) => client.watchBlockNumber({ onBlockNumber }));
    const hashes = watch("pending", (onTransactions) => client.watchPendingTransactions({ onTransactions }));
    const event = watch("event", (onLogs) =>
      client.watchContractEvent({ ...token, eventName: "Transfer", onLogs }),
    );
    try {
      await pause();
      const receipt = await transfer(13n);
      assert.deepEqual((await event).map(({ args }) => args.value), [13n]);
      assert.ok((await hashes).includes(receipt.transactionHash));
      assert.ok((await block).number <= receipt.blockNumber && (await number) <= receipt.blockNumber);
    } finally {
      for (const stop of stops) stop();
    }
  });

  await on("a custom error is decoded with its arguments", async () => {
    const refused = client.readContract({ ...token, account: bob, functionName: "refuse", args: [5n] });
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof BaseError);
      const { data } = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
      assert.deepEqual([data.errorName, ...data.args], ["Refused", bob.address, 5n]);
      return true;
    });
  });

  await on("sendRawTransactionSync answers with the receipt", async () => {
    const request = await asAlice.prepareTransactionRequest({ to: bob.address, value: 3n });
    const serializedTransaction = await asAlice.signTransaction(request);
    const receipt = await client.sendRawTransactionSync({ serializedTransaction });
    assert.deepEqual([receipt.status, receipt.gasUsed], ["success", 21_000n]);
    const fetched = await client.getTransactionReceipt({ hash: receipt.transactionHash });
    assert.equal(fetched.blockHash, receipt.blockHash);
  });

  await on("an access list is made, and pays", async () => {
    const call = { ...token, functionName: "transfer", args: [bob.address, 1n] };
    const data = encodeFunctionData(call);
    const { accessList } = await client.createAccessList({ account: alice, to: token.address, data });
    assert.equal(getAddress(accessList[0].address), token.address);
    assert.equal((await mined(asAlice.writeContract({ ...call, accessList }))).status, "success");
  });

  await on("a proof is of the state's root", async () => {
    const proof = await client.getProof({ address: token.address, storageKeys: [`0x${"00".repeat(31)}02`] });
    assert.equal(proof.storageProof[0].value, 1_000_000n);
    assert.ok(proof.accountProof.length > 0);
  });

  await on("blocks are simulated with calls that build on one another", async () => {
    const fresh = `0x${"5a".repeat(20)}`;
    const [first, second] = await client.simulateBlocks({
      blocks: [
        {
          stateOverrides: [{ address: bob.address, balance: parseEther("5") }],
          calls: [{ account: bob, to: fresh, value: parseEther("2") }],
        },
        { calls: [{ account: fresh, to: bob.address, value: parseEther("1") }] },
      ],
    });
    assert.deepEqual([first.calls[0].status, second.calls[0].status], ["success", "success"]);
    assert.equal(second.number, first.number + 1n);
    assert.equal(await client.getBalance({ address: fresh }), 0n);
  });

  await on("a hundred questions at once are all answered", async () => {
    const questions = [...Array(100).keys()].map((number) =>
      client.getStorageAt({ address: token.address, slot: `0x${(number % 5).toString(16)}` }),
    );
    assert.ok((await Promise.all(questions)).every((word) => word.length === 66));
  });

  if (name === "ws") (await client.transport.getRpcClient()).close();
}

end();
