#!/usr/bin/env node
// The solc of these packages, speaking as the native compiler does that forge starts: `--version`,
// or `--standard-json` with the input on standard input. forge would otherwise download one.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  // forge puts every source into the input: nothing is left to find on the disk.
  console.log(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error(`solc.mjs: no --standard-json in ${process.argv.slice(2).join(" ")}`);
  process.exit(2);
}
