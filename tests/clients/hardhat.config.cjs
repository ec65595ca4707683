// A project as `hardhat init` makes it, with the network of the node under test.

const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
require("@nomicfoundation/hardhat-ethers");

const solc = require("solc");
const VERSION = solc.version().split("+")[0];

// Hardhat would download a compiler; this is the one of these packages.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  version: VERSION,
  longVersion: solc.version(),
  compilerPath: require.resolve("solc/soljson.js"),
  isSolcJs: true,
}));

// Hardhat writes beside its configuration unless it is told a place.
const out = process.env.MFENX_HARDHAT_OUT;
const output = out ? { artifacts: `${out}/artifacts`, cache: `${out}/cache` } : {};

module.exports = {
  solidity: VERSION,
  paths: { sources: "contracts", tests: "hardhat", ...output },
  networks: {
    mfenx: {
      url: process.env.MFENX_HTTP ?? "http://127.0.0.1:8545",
      chainId: 177155,
      accounts: { mnemonic: "test test test test test test test test test test test junk" },
    },
  },
};
