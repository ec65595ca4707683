// A contract's own tests, as its developers write them, on the node instead of Hardhat's.

const assert = require("node:assert/strict");
const { ethers, network } = require("hardhat");

describe("Counter", function () {
  this.timeout(60_000);
  let owner;
  let other;
  let counter;

  before(async () => {
    [owner, other] = (await ethers.getSigners()).slice(6, 8);
    counter = await ethers.deployContract("Counter", [40n], { signer: owner, value: 7n });
    await counter.waitForDeployment();
  });

  it("runs on the network of the command line", async () => {
    assert.equal(network.name, "mfenx");
    assert.equal((await ethers.provider.getNetwork()).chainId, 177155n);
    assert.equal((await ethers.getSigners()).length, 20);
  });

  it("is deployed with its value", async () => {
    assert.equal(await counter.number(), 40n);
    assert.equal(await ethers.provider.getBalance(await counter.getAddress()), 7n);
  });

  it("changes by a call and says so", async () => {
    const receipt = await (await counter.increment()).wait();
    assert.equal(receipt.status, 1);
    assert.equal(await counter.number(), 41n);
    const [event] = await counter.queryFilter("Changed", receipt.blockNumber);
    assert.deepEqual([...event.args], [owner.address, 41n]);
  });

  it("counts each caller", async () => {
    await (await counter.connect(other).set(3n)).wait();
    assert.equal(await counter.changes(other), 1n);
  });

  it("reverts with its custom error", async () => {
    await assert.rejects(counter.set(101n), (error) => {
      const { name, args } = counter.interface.parseError(error.data);
      assert.deepEqual([name, ...args], ["TooLarge", 101n, 100n]);
      return true;
    });
    // Hardhat passes the node's error on as it is: code 3 and the data.
    await assert.rejects(counter.set.staticCall(101n), { code: 3 });
  });

  it("reverts in a receipt when the gas is given", async () => {
    const sent = await counter.set(101n, { gasLimit: 100_000n });
    await assert.rejects(sent.wait(), { code: "CALL_EXCEPTION" });
    const receipt = await ethers.provider.getTransactionReceipt(sent.hash);
    assert.equal(receipt.status, 0);
  });
});
