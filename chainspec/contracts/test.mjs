// Runs the system contracts' tests with forge, in a project of its own beside the compiler.
//
//   node test.mjs --compiler DIR [--seed N] [-- forge's options]     DIR is where npm installed both

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  options: { compiler: { type: "string" }, seed: { type: "string" } },
  allowPositionals: true,
});

const project = join(options.compiler, "forge");
for (const directory of ["artifacts", "examples", "interfaces", "test"]) {
  rmSync(join(project, directory), { recursive: true, force: true });
  cpSync(join(here, directory), join(project, directory), { recursive: true });
}
cpSync(join(here, "test", "foundry.toml"), join(project, "foundry.toml"));
mkdirSync(join(project, "home"), { recursive: true });
for (const chain of ["dev", "mfenx"]) {
  const { alloc } = JSON.parse(readFileSync(join(here, "..", `${chain}.json`), "utf8"));
  writeFileSync(join(project, `${chain}.alloc.json`), JSON.stringify(alloc));
}

// forge starts a native compiler: `--version`, or `--standard-json` with the input on its input.
const compiler = join(project, "solc.mjs");
writeFileSync(compiler, `#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const solc = createRequire(import.meta.url)("solc");
if (process.argv.includes("--version")) console.log(\`solc\\nVersion: \${solc.version()}\`);
else console.log(solc.compile(readFileSync(0, "utf8")));
`, { mode: 0o755 });

const seed = options.seed ?? `0x${randomBytes(8).toString("hex")}`;
console.log(`forge's seed: ${seed} (repeat it with scripts/contracts --test --seed ${seed})`);
const forge = join(options.compiler, "node_modules", "@foundry-rs", "forge-linux-amd64", "bin", "forge");
const home = join(project, "home");
// An empty home keeps a developer's own Foundry configuration out of the tests.
const env = { ...process.env, HOME: home, FOUNDRY_DIR: home };
const parameters = ["test", "--use", compiler, "--fuzz-seed", seed, ...positionals];
const { status, error } = spawnSync(forge, parameters, { cwd: project, env, stdio: "inherit" });
if (error) console.error(`forge cannot be started: ${error.message}`);
process.exit(status ?? 1);
