import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { Control } from "../drivers/control/control.ts";
import { doActions } from "./actions.ts";
import type { Action } from "./run-spec.ts";
import type { Target } from "./target.ts";

const ADDRESS = { host: "127.0.0.1", port: 1 };
const times = { warmupMs: 0, durationMs: 1000 };

function targetThat(load: (model: string) => Promise<void>, more: Partial<Target> = {}): Target {
  const identity = { headers: [{ name: "x-api-key", value: "k" }] };
  const control = { load } as Partial<Control> as Control;
  return {
    ...{ address: ADDRESS, identity, control, controlAs: () => control, binary: false, url: "" },
    server: { name: "", version: "", extensions: [] },
    ...more,
  };
}

function carriedOut(
  actions: readonly Action[],
  target: Target,
  signal = new AbortController().signal,
) {
  return doActions(actions, times, target, { progress: () => {}, say: () => {}, signal })();
}

const load = (atMs: number): Action => ({ kind: "load", what: "m", atMs });

describe("what a scenario does to the server", () => {
  it("is done, and told", async () => {
    const loaded: string[] = [];
    const target = targetThat(async (model) => void loaded.push(model));
    expect(await carriedOut([load(5)], target)).toEqual(["load of m at 0.005 s"]);
    expect(loaded).toEqual(["m"]);
  });

  it("is told with the server's words where it refuses", async () => {
    const target = targetThat(() => Promise.reject(new Error("not in this mode")));
    expect(await carriedOut([load(0)], target)).toEqual([
      "load of m at 0 s: not done, the run went on without it: not in this mode",
    ]);
  });

  it("is left out where the measurement ends before, or is interrupted", async () => {
    const target = targetThat(() => Promise.reject(new Error("was asked")));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    expect(await carriedOut([load(1000), load(900)], target, stop.signal)).toEqual([
      "load of m at 1 s: left out, the measurement ends at 1 s",
      "load of m at 0.9 s: left out, the run was interrupted",
    ]);
  });

  it("asks for a drain as whom the run is", async () => {
    const asked: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      asked.push(request);
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const target = targetThat(async () => {}, { httpAddress: { host: "127.0.0.1", port } });
      const told = await carriedOut([{ kind: "drain", what: "u50:0", atMs: 0 }], target);
      expect(told).toEqual(["drain of u50:0 at 0 s"]);
      expect(asked[0]?.url).toBe("/v2/beamgate/devices/u50%3A0/drain");
      expect(asked[0]?.headers["x-api-key"]).toBe("k");
    } finally {
      server.close();
    }
  });
});
