// Compiles contracts/Token.sol with solc-js and keeps the artifact beside the installed packages,
// under a name made from the sources, so that it is compiled once per change.
//
// `node artifact.mjs` prints the artifact's path, for clients that are not JavaScript.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

function artifactPath(source) {
  const lock = readFileSync(join(here, "package-lock.json"));
  const digest = createHash("sha256").update(source).update(lock).digest("hex").slice(0, 16);
  return join(here, "node_modules", ".cache", "mfenx", `Token-${digest}.json`);
}

function compile(source) {
  const solc = require("solc");
  const input = {
    language: "Solidity",
    sources: { "Token.sol": { content: source } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { Token: ["abi", "evm.bytecode.object"] } },
    },
  };
  const readImport = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  }
  const { abi, evm } = output.contracts["Token.sol"].Token;
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}

function build() {
  const source = readFileSync(join(here, "contracts", "Token.sol"), "utf8");
  const path = artifactPath(source);
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(compile(source)));
    renameSync(unfinished, path);
  }
  return path;
}

/** `{ abi, bytecode }` of the test token. */
export function tokenArtifact() {
  return JSON.parse(readFileSync(build(), "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(build());
}
