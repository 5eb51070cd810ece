import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Offer, OfferedModel } from "../../backends/contract.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { readConfigFile } from "./config-pbtxt.ts";
import { OfferedModels } from "./offered-models.ts";

const PERIOD_MS = 15_000;
const model = (name: string, more: Partial<OfferedModel> = {}): OfferedModel => ({
  name,
  maxBatchSize: 8,
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
  outputs: [{ name: "y", datatype: "BYTES", shape: [1] }],
  ...more,
});

let local: string;
const started: OfferedModels[] = [];
beforeEach(async () => {
  local = await mkdtemp(join(tmpdir(), "beamgate-local-"));
});
afterEach(async () => {
  for (const offered of started.splice(0)) await offered.stop();
  await rm(local, { recursive: true, force: true });
});

/** A backend that offers what the test says, and how often a change was told. */
async function offering(offer: Offer | Error | undefined) {
  const clock = new VirtualClock();
  const state = { offer, changes: 0, warnings: [] as string[] };
  const offered = new OfferedModels({
    sources: [
      {
        kind: "remote",
        backend: "remote",
        async discover() {
          if (state.offer instanceof Error) throw state.offer;
          return state.offer;
        },
      },
    ],
    roots: [local],
    periodMs: PERIOD_MS,
    async changed() {
      state.changes += 1;
    },
    clock,
    log: { debug() {}, info() {}, error() {}, warn: (text) => void state.warnings.push(text) },
  });
  started.push(offered);
  await offered.start();
  const [root = ""] = offered.roots;
  const names = async () => (await readdir(root)).sort();
  /** Until the look that is due was taken. */
  const look = async () => {
    await clock.advance(PERIOD_MS);
    await expect.poll(() => clock.pending).toBe(1);
  };
  return { state, offered, root, names, look, clock };
}

const all = (...models: OfferedModel[]): Offer => ({ models, complete: true });

describe("models that a backend offers", () => {
  it("are found at once when a server has come", async () => {
    const { state, offered, names, clock } = await offering(all());
    state.offer = all(model("jets"));
    offered.hurry();
    await clock.advance(0);
    await expect.poll(() => state.changes).toBe(1);
    expect(await names()).toEqual(["jets"]);
    await expect.poll(() => clock.pending).toBe(1);
    state.offer = all();
    await clock.advance(PERIOD_MS - 1);
    expect(state.changes).toBe(1);
  });

  it("are written down as a repository of this user's own", async () => {
    const { root, names } = await offering(all(model("jets"), model("flat", { maxBatchSize: 0 })));
    expect(await names()).toEqual(["flat", "jets"]);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    expect(await readdir(join(root, "jets"))).toEqual(["1", "config.pbtxt"]);
    expect(await readConfigFile(join(root, "jets", "config.pbtxt"))).toEqual({
      name: "jets",
      backend: "remote",
      max_batch_size: 8,
      input: [{ name: "x", data_type: "TYPE_FP32", dims: ["-1", "4"] }],
      output: [{ name: "y", data_type: "TYPE_STRING", dims: ["1"] }],
      dynamic_batching: {},
    });
    const flat = await readConfigFile(join(root, "flat", "config.pbtxt"));
    expect(flat["dynamic_batching"]).toBeUndefined();
  });

  it("come, change and go with what is offered; each is told once", async () => {
    const { state, root, names, look } = await offering(all(model("a")));
    await look();
    expect(state.changes).toBe(0);
    state.offer = all(model("a", { maxBatchSize: 16 }), model("b"));
    await look();
    expect(state.changes).toBe(1);
    expect(await names()).toEqual(["a", "b"]);
    expect(await readFile(join(root, "a", "config.pbtxt"), "utf8")).toContain("max_batch_size: 16");
    state.offer = all(model("b"));
    await look();
    expect(await names()).toEqual(["b"]);
    expect(state.changes).toBe(2);
  });

  it("stay while not all devices answer", async () => {
    const { state, names, look } = await offering(all(model("a")));
    state.offer = { models: [], complete: false };
    await look();
    state.offer = new Error("nobody answers");
    await look();
    await look();
    expect(await names()).toEqual(["a"]);
    expect(state.warnings).toEqual(["backend remote offers no models: nobody answers"]);
  });

  it("come when the devices do", async () => {
    const { state, names, look } = await offering(new Error("nobody answers"));
    expect(await names()).toEqual([]);
    state.offer = all(model("late"));
    await look();
    expect(await names()).toEqual(["late"]);
    expect(state.changes).toBe(1);
  });

  it("are left out where the repository has one of the name, also later", async () => {
    await mkdir(join(local, "mine", "1"), { recursive: true });
    const { state, names, look } = await offering(all(model("mine"), model("theirs")));
    expect(await names()).toEqual(["theirs"]);
    await mkdir(join(local, "theirs", "1"), { recursive: true });
    await writeFile(join(local, "theirs", "config.pbtxt"), "");
    await look();
    expect(await names()).toEqual([]);
    expect(state.warnings).toEqual([
      "model 'mine' that backend remote offers is left out: the repository has one of this name",
      "model 'theirs' that backend remote offers is left out: the repository has one of this name",
    ]);
  });

  it.each(["../out", "a/b", "..", "", ".git", "nul\0"])("%j is no name for one", async (name) => {
    const { names, state } = await offering(all(model(name), model("good")));
    expect(await names()).toEqual(["good"]);
    expect(state.warnings).toHaveLength(1);
  });

  it("are not asked for where the options do not", async () => {
    const { names, look, state } = await offering(undefined);
    await look();
    expect(await names()).toEqual([]);
    expect(state.changes).toBe(0);
  });

  it("leave nothing behind", async () => {
    const { offered, root } = await offering(all(model("a")));
    await offered.stop();
    await expect(stat(root)).rejects.toThrow("ENOENT");
  });
});
