// Compiles the system contracts and writes their artifacts, or compares them with the ones that
// stand in the repository. `scripts/contracts` calls it.
//
//   node build.mjs --compiler DIR [--write]      DIR is where npm installed solc

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { compiler: { type: "string" }, write: { type: "boolean", default: false } },
});
const solc = createRequire(join(options.compiler, "package.json"))("solc");

// The order of the optimizer's steps, which makes Compute 500 bytes shorter than the compiler's own.
const STEPS = "dhfoDgvulfnTUtnIf[xa[r]EscLMcCTUtTOntnfDIulLculVcul [j]Tpeulxa[rul]xa[r]cLgvifCTUca[r]LSsTFOtfDnca[r]"
  + "Iulc]jmul[jul] VcTOcul jmul:fDnTOcmu";
const DETAILS = { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: STEPS } };

// Each contract, whether it is compiled through the intermediate language, how often its code is
// thought to run, which trades gas for length, and what else the optimizer is told. Compute would not
// fit into EIP-170's limit otherwise; the code of Authorities is part of chains that exist.
const CONTRACTS = {
  Authorities: { viaIR: false, optimizer: { runs: 200 } },
  Compute: { viaIR: true, optimizer: { runs: 60, details: DETAILS } },
};

// Nothing of the machine or of the sources' comments goes into the code: it has to come out the
// same, byte for byte, wherever it is compiled.
const settings = ({ viaIR, optimizer }) => ({
  evmVersion: "osaka",
  optimizer: { enabled: true, ...optimizer },
  viaIR,
  metadata: { bytecodeHash: "none", appendCBOR: false },
});

function compile(name) {
  const content = (path) => readFileSync(join(here, path), "utf8");
  const selection = ["abi", "evm.deployedBytecode.object", "storageLayout"];
  const input = {
    language: "Solidity",
    sources: { [`${name}.sol`]: { content: content(`${name}.sol`) } },
    settings: { ...settings(CONTRACTS[name]), outputSelection: { "*": { "*": selection } } },
  };
  const find = (path) => ({ contents: content(path) });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const complaints = (output.errors ?? []).filter(({ severity }) => severity !== "info");
  if (complaints.length > 0) {
    console.error(complaints.map(({ formattedMessage }) => formattedMessage).join("\n"));
    process.exit(1);
  }
  return output.contracts[`${name}.sol`][name];
}

/** Where each variable stands; the rest of solc's layout has numbers that depend on other sources. */
function layout({ storage, types }) {
  return storage.map(({ label, slot, offset, type }) => ({ label, slot, offset, type: types[type].label }));
}

function artifact(name, { abi, evm, storageLayout }) {
  const text = {
    contract: name,
    compiler: { version: solc.version(), settings: settings(CONTRACTS[name]) },
    abi,
    storageLayout: layout(storageLayout),
    runtimeBytecode: `0x${evm.deployedBytecode.object}`,
  };
  return `${JSON.stringify(text, null, 2)}\n`;
}

let different = 0;
function settle(path, text) {
  if (options.write) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    different += 1;
    console.error(`${path} is not what its source compiles to: run scripts/contracts --write`);
  }
}

for (const name of Object.keys(CONTRACTS)) {
  const output = compile(name);
  const artifacts = join(here, "artifacts");
  settle(join(artifacts, `${name}.json`), artifact(name, output));
  settle(join(artifacts, `${name}.abi.json`), `${JSON.stringify(output.abi, null, 2)}\n`);
  const bytes = output.evm.deployedBytecode.object.length / 2;
  console.log(`${name}: ${bytes} bytes of code by solc ${solc.version()}`);
}
process.exit(different > 0 ? 1 : 0);
