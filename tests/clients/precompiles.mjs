// The chain's precompiles through ethers and Foundry's cast:
//
//   node precompiles.mjs HTTP_URL WS_URL VECTORS
//
// VECTORS is a JSON file with inputs and what they give, which the libraries behind the precompiles
// made (tests/it/precompiles.rs).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ethers } from "ethers";
import { foundry } from "./foundry.mjs";
import { MNEMONIC, httpUrl, session } from "./session.mjs";

const vectors = JSON.parse(readFileSync(process.argv[4], "utf8"));
const artifacts = fileURLToPath(new URL("../../chainspec/contracts/artifacts", import.meta.url));
const { check, end } = session("precompiles");
const provider = new ethers.JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 50;
const alice = ethers.HDNodeWallet.fromPhrase(MNEMONIC, undefined, "m/44'/60'/0'/0/3").connect(provider);

const address = (number) => `0x00000000000000000000000000000002b403000${number}`;
const contract = (number, name) =>
  new ethers.Contract(
    address(number),
    JSON.parse(readFileSync(join(artifacts, `${name}.abi.json`), "utf8")),
    alice,
  );
const blake3 = (data) => provider.call({ to: address(1), data });
const beacons = contract(4, "IMfenxBeacon");
const matrices = contract(6, "IMfenxMatrix");

/** The reason with which `body` reverts. */
async function reason(body) {
  try {
    await body();
  } catch (error) {
    assert.equal(error.code, "CALL_EXCEPTION", error.message);
    return error.reason;
  }
  throw new assert.AssertionError({ message: "expected a revert" });
}

await check("a byte of code stands at each", async () => {
  for (let number = 1; number <= 6; number += 1) {
    assert.equal(await provider.getCode(address(number)), "0xfe");
  }
  const { current } = await provider.send("eth_config", []);
  assert.equal(current.precompiles.MATRIX_MULTIPLY, address(6));
});

await check("1: BLAKE3", async () => {
  for (const { input, hash } of vectors.blake3) assert.equal(await blake3(input), hash);
});

await check("2: Ed25519", async () => {
  const { key, signature, message } = vectors.ed25519;
  const signatures = contract(2, "IMfenxEd25519");
  assert.equal(await signatures.verify(key, signature, message), true);
  assert.equal(await signatures.verify(key, signature, `${message}00`), false);
  assert.equal(await reason(() => signatures.verify(key, "0x00", message)), "a signature has 64 bytes");
});

await check("3: the VRF", async () => {
  const { key, proof, alpha, beta } = vectors.vrf;
  const vrf = contract(3, "IMfenxVrf");
  assert.deepEqual([...(await vrf.verify(key, proof, alpha))], [true, beta]);
  assert.deepEqual([...(await vrf.verify(key, proof, `${alpha}00`))], [false, "0x"]);
});

await check("4: the beacon of a block is what its PREVRANDAO was made of, also later", async () => {
  for (let sent = 0; sent < 3; sent += 1) {
    await (await alice.sendTransaction({ to: alice.address })).wait();
  }
  const head = await provider.getBlockNumber();
  // A call on the latest state runs in the latest block, which has no beacon of its own yet.
  const { beta } = await beacons.beacon(head - 1);
  const block = await provider.getBlock(head - 1);
  assert.equal(await blake3(beta), block.prevRandao);
  const again = await beacons.beacon(head - 1, { blockTag: head });
  assert.equal(again.beta, beta);
  const outside = "not one of the last 8192 blocks";
  assert.equal(await reason(() => beacons.beacon(head - 1, { blockTag: head - 1 })), outside);
  assert.equal(await reason(() => beacons.beacon(head + 1)), outside);
  assert.equal(await reason(() => beacons.beacon(0)), "no beacon for this block");
});

await check("5: a proof of compute", async () => {
  const { task, roots, beacon, samples, proof } = vectors.compute;
  const verifier = contract(5, "IMfenxComputeVerify");
  assert.equal(await verifier.verify(task, roots, beacon, samples, proof), true);
  assert.equal(await verifier.verify(task, roots, ethers.ZeroHash, samples, proof), false);
  const none = await reason(() => verifier.verify(task, [], beacon, samples, proof));
  assert.equal(none, "not one root a round");
});

await check("6: a product, in a call and in a transaction whose gas was estimated", async () => {
  const { m, k, p, a, b, c, gas } = vectors.matrix;
  assert.equal(await matrices.multiply(m, k, p, a, b), c);
  const populated = await matrices.multiply.populateTransaction(m, k, p, a, b);
  const receipt = await (await alice.sendTransaction(populated)).wait();
  assert.equal(receipt.status, 1);
  const free = await provider.estimateGas({ from: alice.address, to: alice.address, data: populated.data });
  assert.ok(receipt.gasUsed >= BigInt(gas) + 21_000n, `${receipt.gasUsed} and ${free}`);
  const trace = await provider.send("debug_traceTransaction", [receipt.hash, { tracer: "callTracer" }]);
  assert.equal(trace.to, address(6));
  assert.equal(trace.output, matrices.interface.encodeFunctionResult("multiply", [c]));
});

await check("all of them through cast", async () => {
  const { run: cast } = foundry("cast");
  const call = (number, ...parameters) =>
    cast("call", "--rpc-url", httpUrl, address(number), ...parameters);
  const [{ input, hash }] = vectors.blake3.slice(-1);
  assert.equal(await call(1, "--data", input), hash);
  const verify = "verify(bytes32,bytes,bytes)";
  const { key, signature, message } = vectors.ed25519;
  assert.equal(await call(2, `${verify}(bool)`, key, signature, message), "true");
  const { vrf, compute, matrix } = vectors;
  const verified = await call(3, `${verify}(bool,bytes)`, vrf.key, vrf.proof, vrf.alpha);
  assert.deepEqual(verified.split("\n"), ["true", vrf.beta]);
  const head = await provider.getBlockNumber();
  const { seed, beta } = await beacons.beacon(head - 1);
  const beacon = await call(4, "beacon(uint256)(bytes32,bytes)", head - 1);
  assert.deepEqual(beacon.split("\n"), [seed, beta]);
  const { task, roots, samples, proof } = compute;
  const holds = await call(
    5, "verify((bytes32,uint32,uint32,uint32,uint32),bytes32[],bytes32,uint32,bytes)(bool)",
    `(${task.join(",")})`, `[${roots.join(",")}]`, compute.beacon, samples, proof,
  );
  assert.equal(holds, "true");
  const { m, k, p, a, b, c } = matrix;
  assert.equal(await call(6, "multiply(uint32,uint32,uint32,bytes,bytes)(bytes)", m, k, p, a, b), c);
});

end();
