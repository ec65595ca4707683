// What every client script shares: the node's address, the well-known accounts, and a list of
// checks that are all tried and all named, so that one failure does not hide the next.

/** The mnemonic whose ten accounts `mfenx dev` funds. Never use it for anything of value. */
export const MNEMONIC = "test test test test test test test test test test test junk";

export const CHAIN_ID = 177155;

export const httpUrl = process.argv[2] ?? process.env.MFENX_HTTP ?? "http://127.0.0.1:8545";
export const wsUrl = process.argv[3] ?? process.env.MFENX_WS ?? httpUrl.replace(/^http/, "ws");

const DEADLINE_MS = 180_000;

/** A list of checks under one name; `end` prints the count and ends the process. */
export function session(name) {
  let passed = 0;
  let failed = 0;
  const timer = setTimeout(() => {
    console.log(`${name}: no end after ${DEADLINE_MS} ms`);
    process.exit(1);
  }, DEADLINE_MS);
  timer.unref();

  return {
    async check(what, body) {
      try {
        const result = await body();
        passed += 1;
        console.log(`ok      ${name}: ${what}`);
        return result;
      } catch (error) {
        failed += 1;
        console.log(`FAILED  ${name}: ${what}\n${error?.stack ?? error}`);
        return undefined;
      }
    },
    end() {
      console.log(`${name}: ${passed} passed, ${failed} failed`);
      process.exit(failed === 0 && passed > 0 ? 0 : 1);
    },
  };
}

/** Resolves to what `subscribe(resolve)` delivers, or fails after `milliseconds`. */
export function within(milliseconds, what, subscribe) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what}: nothing after ${milliseconds} ms`)),
      milliseconds,
    );
    subscribe((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** POSTs `body` as it stands and returns the parsed answer; HTTP 200 is part of the contract. */
export async function post(body) {
  const response = await fetch(httpUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.status !== 200) {
    throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  }
  return response.json();
}
