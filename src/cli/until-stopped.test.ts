import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import { untilStopped } from "./until-stopped.ts";

const BUILT = pathToFileURL(join(packageRoot, "dist/src/cli/until-stopped.js")).href;

/** A process of its own that runs `run` under the watch and exits as it is told. */
function program(run: string): Promise<{ code: number | null; out: string }> {
  const source = `
    import { untilStopped } from ${JSON.stringify(BUILT)};
    const say = (message, fields) => console.log(message, fields?.error?.message ?? "");
    const log = { debug: say, info: say, warn: say, error: say };
    const server = { run: async () => { setInterval(() => {}, 1000); ${run} }, stop: async () => {} };
    process.exit((await untilStopped(async () => server, 1000, log)).exitCode);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source]);
  let out = "";
  let killed = false;
  child.stdout.on("data", (chunk) => {
    out += chunk;
    // Once: a second signal would end it at once.
    if (!killed && out.includes("kill me")) killed = child.kill("SIGTERM");
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out })));
}

describe("an error that nobody catches", () => {
  it.each([
    ["thrown in an event handler", 'setTimeout(() => { throw new Error("boom"); })'],
    ["rejected without a handler", 'void Promise.reject(new Error("boom"));'],
  ])("%s is logged and ends the process with 1", async (_how, run) => {
    const { code, out } = await program(run);
    expect(out).toContain("unforeseen error: ending boom");
    expect(code).toBe(1);
  });
});

describe("a real SIGTERM", () => {
  it("ends the process with 0", async () => {
    const { code, out } = await program('console.log("kill me")');
    expect(out).toContain("SIGTERM: finishing requests in flight for up to 1 s");
    expect(code).toBe(0);
  });
});

describe("a stop that takes longer than it may", () => {
  afterEach(() => vi.useRealTimers());

  it("is ended by force with 1, some seconds after the grace", async () => {
    vi.useFakeTimers();
    const server = { run: async () => {}, stop: () => new Promise<void>(() => {}) };
    let ended = false;
    const ending = untilStopped(async () => server, 30_000, silent).finally(() => {
      ended = true;
    });
    process.emit("SIGTERM", "SIGTERM");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await ending).toEqual({ exitCode: 1 });
  });
});
