// What the scripts of Foundry's programs share: where they are and how they are run.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * A function that runs `program` and returns its standard output; it rejects with the standard
 * error in the message. `scratch` is its working directory and its home.
 */
export function foundry(program) {
  // The program itself, which is published for each platform: the package that chooses among them
  // brings a launcher that ends with 0 also when the program failed.
  const path = fileURLToPath(import.meta.resolve(`@foundry-rs/${program}-linux-amd64/bin/${program}`));
  const scratch = mkdtempSync(join(tmpdir(), `mfenx-${program}-`));
  // An empty home keeps a developer's own Foundry configuration out of the test.
  const environment = { ...process.env, HOME: scratch, FOUNDRY_DIR: scratch, NO_COLOR: "1" };
  process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
  async function run(...parameters) {
    const options = { env: environment, cwd: scratch, timeout: 120_000, maxBuffer: 2 ** 26 };
    return (await execute(path, parameters.map(String), options)).stdout.trim();
  }
  return { run, scratch };
}
