// MFENX through viem 2: node viem.mjs [HTTP_URL] [WS_URL]

import assert from "node:assert/strict";
import {
  BaseError,
  ContractFunctionRevertedError,
  InsufficientFundsError,
  MethodNotFoundRpcError,
  NonceTooLowError,
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  maxUint256,
  parseEther,
  parseEventLogs,
  webSocket,
} from "viem";
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { tokenArtifact } from "./artifact.mjs";
import { CHAIN_ID, MNEMONIC, httpUrl, session, within, wsUrl } from "./session.mjs";

const { check, end } = session("viem");
const chain = defineChain({
  id: CHAIN_ID,
  name: "MFENX",
  nativeCurrency: { name: "JULIAN", symbol: "JULIAN", decimals: 18 },
  rpcUrls: { default: { http: [httpUrl], webSocket: [wsUrl] } },
});
const transport = http(httpUrl, { retryCount: 0 });
const client = createPublicClient({ chain, transport, pollingInterval: 50, cacheTime: 0 });
const account = (addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex });
const wallet = (of) => createWalletClient({ account: of, chain, transport });
const alice = account(2);
const bob = account(3);
const asAlice = wallet(alice);
const asBob = wallet(bob);
const mined = async (promise) => client.waitForTransactionReceipt({ hash: await promise });

/** Fails unless `body` fails with an error whose causes include a `type`, which it returns. */
async function failure(type, body) {
  try {
    await body();
  } catch (error) {
    assert.ok(error instanceof BaseError, error.stack);
    const cause = error.walk((inner) => inner instanceof type);
    assert.ok(cause, `expected ${type.name} among the causes of: ${error.stack}`);
    return cause;
  }
  throw new assert.AssertionError({ message: `expected ${type.name}, but it succeeded` });
}

await check("the network is chain 177155", async () => {
  assert.equal(await client.getChainId(), CHAIN_ID);
});

await check("a transfer moves its value, and history keeps the old balances", async () => {
  const before = await client.getBalance({ address: bob.address });
  const receipt = await mined(asAlice.sendTransaction({ to: bob.address, value: parseEther("2") }));
  assert.equal(receipt.status, "success");
  assert.equal(receipt.type, "eip1559");
  const balance = (blockNumber) => client.getBalance({ address: bob.address, blockNumber });
  assert.equal(await balance(receipt.blockNumber), before + parseEther("2"));
  assert.equal(await balance(receipt.blockNumber - 1n), before);
});

await check("every signed type a wallet offers lands with its type", async () => {
  const gasPrice = (await client.getGasPrice()) * 2n;
  const accessList = [{ address: alice.address, storageKeys: [`0x${"00".repeat(32)}`] }];
  const kinds = {
    legacy: { type: "legacy", gasPrice },
    eip2930: { type: "eip2930", gasPrice, accessList },
    eip1559: { type: "eip1559" },
  };
  for (const [type, fields] of Object.entries(kinds)) {
    const receipt = await mined(asAlice.sendTransaction({ to: bob.address, value: 1n, ...fields }));
    const transaction = await client.getTransaction({ hash: receipt.transactionHash });
    assert.deepEqual([receipt.type, transaction.type], [type, type]);
  }
});

await check("fee estimates and fee history follow EIP-1559", async () => {
  const [fees, block] = await Promise.all([client.estimateFeesPerGas(), client.getBlock()]);
  assert.ok(fees.maxFeePerGas >= block.baseFeePerGas);
  const history = await client.getFeeHistory({ blockCount: 3, rewardPercentiles: [25, 75] });
  assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
  assert.ok(history.reward.every((percentiles) => percentiles.length === 2));
});

const { abi, bytecode } = tokenArtifact();
const deployment = await mined(asAlice.deployContract({ abi, bytecode, args: [parseEther("500")] }));
const token = { address: deployment.contractAddress, abi };

await check("an OpenZeppelin ERC-20 is deployed and answers", async () => {
  assert.equal(deployment.status, "success");
  const supply = await client.readContract({ ...token, functionName: "totalSupply" });
  assert.equal(supply, parseEther("500"));
});

await check("a token transfer is simulated, sent, and its event read back", async () => {
  const { request, result } = await client.simulateContract({
    ...token,
    account: alice,
    functionName: "transfer",
    args: [bob.address, 11n],
  });
  assert.equal(result, true);
  const receipt = await mined(asAlice.writeContract(request));
  const [event] = parseEventLogs({ abi, logs: receipt.logs, eventName: "Transfer" });
  assert.deepEqual(event.args, { from: alice.address, to: bob.address, value: 11n });
  const logs = await client.getContractEvents({
    ...token,
    eventName: "Transfer",
    args: { to: bob.address },
    fromBlock: deployment.blockNumber,
  });
  assert.deepEqual(logs.map(({ transactionHash }) => transactionHash), [receipt.transactionHash]);
});

await check("a WebSocket client watches blocks and events", async () => {
  const socket = createPublicClient({ chain, transport: webSocket(wsUrl, { reconnect: false }) });
  const stops = [];
  try {
    const block = within(20_000, "newHeads", (onBlock) =>
      stops.push(socket.watchBlocks({ onBlock })),
    );
    const logs = within(20_000, "logs", (onLogs) =>
      stops.push(socket.watchContractEvent({ ...token, eventName: "Transfer", onLogs })),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const args = [bob.address, 13n];
    const receipt = await mined(asAlice.writeContract({ ...token, functionName: "transfer", args }));
    const [log] = await logs;
    assert.equal(log.args.value, 13n);
    assert.equal(log.transactionHash, receipt.transactionHash);
    assert.ok((await block).number <= receipt.blockNumber);
  } finally {
    for (const stop of stops) stop();
    (await socket.transport.getRpcClient()).close();
  }
});

await check("reverts are decoded: custom error, require string, panic", async () => {
  const read = (functionName, args, from = bob) => () =>
    client.simulateContract({ ...token, account: from, functionName, args });
  const reverted = async (body) => (await failure(ContractFunctionRevertedError, body)).data;
  const poor = await reverted(read("transfer", [alice.address, maxUint256]));
  assert.equal(poor.errorName, "ERC20InsufficientBalance");
  assert.deepEqual(poor.args, [bob.address, 24n, maxUint256]);
  const required = await failure(ContractFunctionRevertedError, read("requireZero", [1n]));
  assert.equal(required.reason, "value is not zero");
  assert.equal((await reverted(read("refuse", [5n]))).errorName, "Refused");
  assert.deepEqual((await reverted(read("divide", [1n, 0n]))).args, [0x12n]);
});

await check("gas estimates are exact for a transfer and enough for a call", async () => {
  assert.equal(await client.estimateGas({ account: alice, to: bob.address, value: 1n }), 21_000n);
  const call = { ...token, account: alice, functionName: "transfer", args: [bob.address, 1n] };
  const gas = await client.estimateContractGas(call);
  assert.equal((await mined(asAlice.writeContract({ ...call, gas }))).status, "success");
});

await check("a state override changes one call and nothing else", async () => {
  const stranger = privateKeyToAccount(generatePrivateKey());
  const rich = [{ address: stranger.address, balance: parseEther("1") }];
  const send = { account: stranger, to: bob.address, value: 1n };
  await client.call({ ...send, stateOverride: rich });
  assert.equal(await client.getBalance({ address: stranger.address }), 0n);
});

await check("typed errors: nonce too low, insufficient funds, replacement underpriced", async () => {
  await mined(asBob.sendTransaction({ to: alice.address, value: 1n }));
  const nonce = await client.getTransactionCount({ address: bob.address });
  const send = { to: alice.address, value: 1n, gas: 21_000n };
  await failure(NonceTooLowError, () => asBob.sendTransaction({ ...send, nonce: nonce - 1 }));
  const stranger = wallet(privateKeyToAccount(generatePrivateKey()));
  await failure(InsufficientFundsError, () => stranger.sendTransaction({ ...send, nonce: 0 }));
  const fees = await client.estimateFeesPerGas();
  const waiting = { ...send, ...fees, nonce: nonce + 1 };
  await asBob.sendTransaction(waiting);
  await assert.rejects(
    asBob.sendTransaction({ ...waiting, value: 2n }),
    ({ details }) => details === "replacement transaction underpriced",
  );
  const pending = await client.getTransactionCount({ address: bob.address, blockTag: "pending" });
  assert.equal(pending, nonce, "a transaction behind a gap does not count");
  await mined(asBob.sendTransaction({ ...send, nonce }));
  const next = () => client.getTransactionCount({ address: bob.address, blockTag: "pending" });
  assert.equal(await next(), nonce + 2);
});

await check("an EIP-7702 authorization delegates an account, and another one undoes it", async () => {
  const owner = privateKeyToAccount(generatePrivateKey());
  const asOwner = wallet(owner);
  const delegate = async (contractAddress) => {
    const authorization = await asOwner.signAuthorization({ account: owner, contractAddress });
    const authorizationList = [authorization];
    const receipt = await mined(asAlice.sendTransaction({ to: owner.address, authorizationList, gas: 200_000n }));
    assert.equal(receipt.type, "eip7702");
    return client.getCode({ address: owner.address });
  };
  assert.equal(await delegate(token.address), `0xef0100${token.address.slice(2).toLowerCase()}`);
  const name = await client.readContract({ abi, address: owner.address, functionName: "decimals" });
  assert.equal(name, 18);
  assert.equal(await delegate(`0x${"00".repeat(20)}`), undefined);
});

await check("batches sent by the transport are answered together", async () => {
  const batching = createPublicClient({ chain, transport: http(httpUrl, { batch: true }) });
  const addresses = [...Array(10).keys()].map((index) => account(index).address);
  const balances = await Promise.all(addresses.map((address) => batching.getBalance({ address })));
  assert.ok(balances.every((balance) => balance > 0n));
});

await check("an unknown method is told apart", async () => {
  await failure(MethodNotFoundRpcError, () => client.request({ method: "eth_noSuchMethod" }));
});

end();
