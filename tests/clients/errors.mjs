// The node's refusals as ethers 6 and viem 2 understand them: node errors.mjs [HTTP_URL]
//
// Both libraries make typed errors from the words of go-ethereum, so the words are an interface.

import assert from "node:assert/strict";
import { ethers } from "ethers";
import {
  ExecutionRevertedError,
  FeeCapTooLowError,
  InsufficientFundsError,
  IntrinsicGasTooLowError,
  NonceMaxValueError,
  NonceTooHighError,
  NonceTooLowError,
  RpcRequestError,
  TipAboveFeeCapError,
  TransactionTypeNotSupportedError,
  UnknownNodeError,
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { getNodeError } from "viem/utils";
import { CHAIN_ID, MNEMONIC, httpUrl, post, session } from "./session.mjs";

const { check, end } = session("errors");
const provider = new ethers.JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 50;
const chain = defineChain({
  id: CHAIN_ID,
  name: "MFENX",
  nativeCurrency: { name: "JULIAN", symbol: "JULIAN", decimals: 18 },
  rpcUrls: { default: { http: [httpUrl] } },
});
const transport = http(httpUrl, { retryCount: 0 });
const client = createPublicClient({ chain, transport, pollingInterval: 50, cacheTime: 0 });
const INDEX = 6;
const path = `m/44'/60'/0'/0/${INDEX}`;
const alice = ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, path).connect(provider);
const asAlice = createWalletClient({
  account: mnemonicToAccount(MNEMONIC, { addressIndex: INDEX }),
  chain,
  transport,
});
const stranger = ethers.Wallet.createRandom().connect(provider);
const to = "0x00000000000000000000000000000000000000ee";
const gwei = 1_000_000_000n;
const minimal = (value) => (value === 0n ? "0x" : ethers.toBeHex(value));

/** Signs a type 2 transaction without asking whether it makes sense, as libraries do. */
function sign(changes, wallet = alice) {
  const tx = { nonce: 0n, tip: gwei, maxFee: 20n * gwei, gas: 21_000n, value: 1n, ...changes };
  const fields = [BigInt(CHAIN_ID), tx.nonce, tx.tip, tx.maxFee, tx.gas].map(minimal);
  const unsigned = [...fields, to, minimal(tx.value), "0x", []];
  const digest = ethers.keccak256(ethers.concat(["0x02", ethers.encodeRlp(unsigned)]));
  const { yParity, r, s } = wallet.signingKey.sign(digest);
  const signature = [minimal(BigInt(yParity)), minimal(BigInt(r)), minimal(BigInt(s))];
  return ethers.concat(["0x02", ethers.encodeRlp([...unsigned, ...signature])]);
}

/** What the two libraries make of the refusal of `raw`, and what the node said. */
async function refusal(raw) {
  const failed = async (body) => {
    try {
      await body();
    } catch (error) {
      return error;
    }
    throw new assert.AssertionError({ message: `it was taken: ${raw}` });
  };
  const params = [raw];
  const { error } = await post({ jsonrpc: "2.0", id: 1, method: "eth_sendRawTransaction", params });
  assert.ok(error, `it was taken: ${raw}`);
  const asEthers = await failed(() => provider.send("eth_sendRawTransaction", params));
  const cause = await failed(() => client.request({ method: "eth_sendRawTransaction", params }));
  const request = cause.walk((inner) => inner instanceof RpcRequestError);
  return { error, ethers: asEthers.code, viem: getNodeError(request, {}) };
}

/** Checks words, code and both types of a refusal. */
async function refused(raw, words, ethersCode, viemType) {
  const got = await refusal(raw);
  assert.ok(got.error.message.startsWith(words), got.error.message);
  assert.equal(got.error.code, -32000);
  assert.equal(got.ethers, ethersCode);
  assert.ok(got.viem instanceof viemType, `${got.viem.name} is no ${viemType.name}`);
}

const next = async () => BigInt(await alice.getNonce());

await check("a used nonce has expired", async () => {
  await (await alice.sendTransaction({ to, value: 1n })).wait();
  await refused(sign({ nonce: 0n }), "nonce too low", "NONCE_EXPIRED", NonceTooLowError);
});

await check("a transaction sent again is already known", async () => {
  // Behind a gap, so that it stays in the pool.
  const raw = sign({ nonce: (await next()) + 2n });
  assert.equal(await provider.send("eth_sendRawTransaction", [raw]), ethers.keccak256(raw));
  await refused(raw, "already known", "UNKNOWN_ERROR", NonceTooLowError);
});

await check("a replacement has to pay more", async () => {
  const raw = sign({ nonce: (await next()) + 2n, value: 2n });
  const words = "replacement transaction underpriced";
  await refused(raw, words, "REPLACEMENT_UNDERPRICED", UnknownNodeError);
});

await check("nobody sends what he does not have", async () => {
  const words = "insufficient funds for gas * price + value";
  await refused(sign({}, stranger), words, "INSUFFICIENT_FUNDS", InsufficientFundsError);
});

await check("gas, fees and nonces are checked by name", async () => {
  const nonce = await next();
  const unknown = "UNKNOWN_ERROR";
  const cases = [
    [{ gas: 20_999n }, "intrinsic gas too low", IntrinsicGasTooLowError],
    [{ gas: 16_777_217n }, "transaction gas limit too high", UnknownNodeError],
    [{ tip: 2n, maxFee: 1n }, "max priority fee per gas higher than", TipAboveFeeCapError],
    [{ tip: 0n }, "transaction underpriced", UnknownNodeError],
    [{ nonce: nonce + 5_000n }, "nonce too high", NonceTooHighError],
    [{ nonce: 2n ** 64n - 1n }, "nonce has max value", NonceMaxValueError],
  ];
  for (const [changes, words, type] of cases) {
    await refused(sign({ nonce, ...changes }), words, unknown, type);
  }
});

await check("types and chains that are not ours are refused by name", async () => {
  const words = "transaction type not supported";
  await refused("0x03c0", words, "UNKNOWN_ERROR", TransactionTypeNotSupportedError);
  const legacy = { to, nonce: Number(await next()), gasLimit: 21_000n, gasPrice: 20n * gwei };
  const unprotected = ethers.Transaction.from({ ...legacy, type: 0, chainId: 0 });
  unprotected.signature = alice.signingKey.sign(unprotected.unsignedHash);
  const replay = "only replay-protected (EIP-155) transactions allowed over RPC";
  await refused(unprotected.serialized, replay, "UNSUPPORTED_OPERATION", UnknownNodeError);
  const foreign = ethers.Transaction.from({ ...legacy, type: 0, chainId: 1 });
  foreign.signature = alice.signingKey.sign(foreign.unsignedHash);
  const chainId = "invalid sender: invalid chain id for signer";
  await refused(foreign.serialized, chainId, "UNKNOWN_ERROR", UnknownNodeError);
});

/** Fails unless `body` fails with an error whose causes include a `type`. */
async function viemFailure(type, body) {
  await assert.rejects(body, (error) => {
    assert.ok(error.walk?.((inner) => inner instanceof type), `no ${type.name}: ${error.stack}`);
    return true;
  });
}

const ethersFailure = (code, body) => assert.rejects(body, (error) => error.code === code);

await check("wallets get the same types", async () => {
  const nonce = Number(await next());
  const send = { to, value: 1n, gas: 21_000n };
  await viemFailure(NonceTooLowError, () => asAlice.sendTransaction({ ...send, nonce: 0 }));
  const little = { ...send, nonce, gas: 20_000n };
  await viemFailure(IntrinsicGasTooLowError, () => asAlice.sendTransaction(little));
  const far = { ...send, nonce: nonce + 5_000 };
  await viemFailure(NonceTooHighError, () => asAlice.sendTransaction(far));
  await ethersFailure("NONCE_EXPIRED", () =>
    alice.sendTransaction({ to, nonce: 0, gasLimit: 21_000n, value: 1n }),
  );
});

await check("calls and estimates fail by name", async () => {
  const account = alice.address;
  const cheap = { account, to, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n };
  await viemFailure(FeeCapTooLowError, () => client.call(cheap));
  const poor = { account: stranger.address, to, value: 1n };
  await viemFailure(InsufficientFundsError, () => client.call({ ...poor, gasPrice: 20n * gwei }));
  await viemFailure(InsufficientFundsError, () => client.estimateGas(poor));
  await ethersFailure("INSUFFICIENT_FUNDS", () =>
    provider.estimateGas({ from: stranger.address, to, value: 1n }),
  );
  // PUSH0 PUSH0 REVERT, as init code.
  const reverting = "0x5f5ffd";
  await ethersFailure("CALL_EXCEPTION", () => provider.call({ from: account, data: reverting }));
  await ethersFailure("CALL_EXCEPTION", () =>
    provider.estimateGas({ from: account, data: reverting }),
  );
  await viemFailure(ExecutionRevertedError, () => client.call({ account, data: reverting }));
  await viemFailure(ExecutionRevertedError, () => client.estimateGas({ account, data: reverting }));
  await ethersFailure("UNSUPPORTED_OPERATION", () => provider.send("eth_noSuchMethod", []));
});

await check("eth_sendRawTransactionSync answers the receipt, or why there is none", async () => {
  const serializedTransaction = sign({ nonce: await next() });
  const receipt = await asAlice.sendRawTransactionSync({ serializedTransaction, timeout: 10_000 });
  assert.equal(receipt.status, "success");
  assert.equal(receipt.transactionHash, ethers.keccak256(serializedTransaction));
  // The one behind the gap is left from above; another one there waits as well.
  const gapped = sign({ nonce: (await next()) + 5n });
  const params = [gapped, 10_000];
  const method = "eth_sendRawTransactionSync";
  const { error } = await post({ jsonrpc: "2.0", id: 1, method, params });
  assert.deepEqual([error.code, error.data], [5, ethers.keccak256(gapped)]);
});

await check("the pending state is that after the pool's transactions", async () => {
  const [block, balance] = await Promise.all([
    client.getBlock({ blockTag: "pending", includeTransactions: true }),
    client.getBalance({ address: alice.address, blockTag: "pending" }),
  ]);
  assert.equal(block.hash, null);
  assert.ok(balance > 0n);
  assert.equal((await provider.getBlock("pending"))?.number > 0, true);
});

end();
