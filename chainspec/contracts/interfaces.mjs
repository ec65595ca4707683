// Compiles the interfaces, the library and the mocks of the precompiles, and writes the ABIs of the
// interfaces or compares them with the ones that stand in the repository. `scripts/contracts` calls
// it. The code of the mocks is for whoever compiles them; none of it is part of a chain.
//
//   node interfaces.mjs --compiler DIR [--write]      DIR is where npm installed solc

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { compiler: { type: "string" }, write: { type: "boolean", default: false } },
});
const solc = createRequire(join(options.compiler, "package.json"))("solc");

const INTERFACES = "interfaces/IMfenxPrecompiles.sol";
const FILES = [INTERFACES, "interfaces/MfenxPrecompiles.sol", "mocks/MfenxPrecompileMocks.sol"];

const content = (path) => readFileSync(join(here, path), "utf8");
const input = {
  language: "Solidity",
  sources: Object.fromEntries(FILES.map((path) => [path, { content: content(path) }])),
  settings: { outputSelection: { "*": { "*": ["abi"] } } },
};
const { contracts, errors = [] } = JSON.parse(solc.compile(JSON.stringify(input)));
const complaints = errors.filter(({ severity }) => severity !== "info");
if (complaints.length > 0) {
  console.error(complaints.map(({ formattedMessage }) => formattedMessage).join("\n"));
  process.exit(1);
}

let different = 0;
for (const [name, { abi }] of Object.entries(contracts[INTERFACES])) {
  const path = join(here, "artifacts", `${name}.abi.json`);
  const text = `${JSON.stringify(abi, null, 2)}\n`;
  if (options.write) {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    different += 1;
    console.error(`${path} is not what its source compiles to: run scripts/contracts --write`);
  }
}
process.exit(different > 0 ? 1 : 0);
