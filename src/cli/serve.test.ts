import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.ts";
import type { Gateway } from "../gateway.ts";
import { createLog } from "../telemetry/log.ts";
import { serve } from "./serve.ts";

let folder: string;
let logFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-serve-"));
  logFile = join(folder, "log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const rows = [
  { model: "jets", version: "1", state: "READY", reason: "", instances: 2, batchInvariant: false },
];

/** `serve` with a gateway that does what the test says. */
function start(acts: Partial<Gateway> = {}, flags: Readonly<Record<string, string>> = {}) {
  const { config } = loadConfig({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])),
    env: {},
  });
  const log = createLog({ ...config.log, file: logFile });
  const said: string[] = [];
  const io = { out() {}, err: (text: string) => void said.push(text), env: {}, colour: false };
  const gateway: Gateway = {
    start: async () => ({ grpcPort: 41, httpPort: 42, metricsPort: undefined }),
    stop: async () => {},
    describe: () => rows,
    over: new Promise<string>(() => {}),
    ...acts,
  };
  const ended = serve(config, log, async () => gateway, io);
  return { ended, log, written: () => readFileSync(logFile, "utf8"), err: () => said.join("") };
}

const signal = (name: "SIGTERM" | "SIGINT") => process.emit(name, name);
const listeners = () =>
  ["SIGTERM", "SIGINT", "uncaughtException"].map((name) => process.listenerCount(name));

describe("a gateway that starts", () => {
  it("is announced with its models and Triton's lines, with the real ports", async () => {
    const before = listeners();
    const { ended, written } = start();
    await vi.waitFor(() => expect(written()).toContain("Started HTTPService"), { timeout: 20_000 });
    const lines = written().split("\n");
    expect(lines).toContain("Started GRPCInferenceService at 127.0.0.1:41");
    expect(lines).toContain("Started HTTPService at 127.0.0.1:42");
    expect(written()).not.toContain("Metrics Service"); // it is switched off
    expect(written()).toMatch(/^jets +1 +READY +2 +no$/m);
    signal("SIGTERM");
    expect(await ended).toBe(0);
    expect(listeners()).toEqual(before);
  });

  it("is announced in JSON where the log is", async () => {
    const { ended, written } = start({}, { "log-format": "json", "log-info": "false" });
    await vi.waitFor(() => expect(written()).toContain("Started HTTPService"), { timeout: 20_000 });
    const [model, grpc] = written()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(model).toMatchObject({ msg: "model", model: "jets", state: "READY" });
    expect(grpc).toMatchObject({ msg: "Started GRPCInferenceService at 127.0.0.1:41", port: 41 });
    signal("SIGINT");
    expect(await ended).toBe(0);
  });
});

describe("a gateway whose time is over", () => {
  it("is stopped as by a signal, and ends with 0", async () => {
    let stops = 0;
    const { ended, written } = start({
      over: Promise.resolve("the batch job ends in 30 s"),
      stop: async () => {
        stops++;
      },
    });
    expect(await ended).toBe(0);
    expect(stops).toBe(1);
    expect(written()).toContain("the batch job ends in 30 s: finishing requests in flight");
  });
});

describe("a gateway that cannot start", () => {
  it("ends with 1 and the reason on standard error and in the log file", async () => {
    const { ended, written, err } = start(
      { start: () => Promise.reject(new Error("127.0.0.1:8001: Address already in use")) },
      { "log-file": "/somewhere" },
    );
    expect(await ended).toBe(1);
    expect(err()).toBe("error: 127.0.0.1:8001: Address already in use\n");
    expect(written()).toContain("Address already in use");
  });
});

describe("a signal", () => {
  it("stops a gateway that is still starting, without calling that a failure", async () => {
    let callOff = (_reason: Error) => {};
    const { ended, err } = start({
      start: () => new Promise((_resolve, reject) => (callOff = reject)),
      stop: async () => callOff(new Error("stopped before it had started")),
    });
    await new Promise((resolve) => setImmediate(resolve));
    signal("SIGTERM");
    expect(await ended).toBe(0);
    expect(err()).toBe("");
  });

  it("the second time ends at once, whatever is in flight", async () => {
    let stops = 0;
    const { ended, written } = start({
      stop: () => {
        stops++;
        return new Promise(() => {});
      },
    });
    await vi.waitFor(() => expect(written()).toContain("Started"), { timeout: 20_000 });
    signal("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    signal("SIGTERM");
    expect(await ended).toBe(143);
    expect(stops).toBe(1);
    expect(written()).toContain("ending at once");
  });

  it("ends with 1 when the stop fails", async () => {
    const { ended, written } = start({ stop: () => Promise.reject(new Error("stuck")) });
    await vi.waitFor(() => expect(written()).toContain("Started"), { timeout: 20_000 });
    signal("SIGTERM");
    expect(await ended).toBe(1);
    expect(written()).toContain("failed to stop");
  });
});
