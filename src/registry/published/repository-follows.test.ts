import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../clock.ts";
import { silent } from "../../logger.ts";
import type { Alias } from "../catalog/types.ts";
import type { InspectingModule } from "../modules.ts";
import { ModelRepository } from "../repository.ts";
import type { ModelDefinition } from "../types.ts";
import type { RegisteredModel } from "./registered-model.ts";
import { artifactsOf } from "./served-artifacts.ts";

const tensor = { datatype: "FP32", shape: [-1, 4] } as const;
const onnx: InspectingModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime_onnx", "onnxruntime"],
  formats: { onnx: "model.onnx" },
  async inspect() {
    const tensors = { inputs: [{ ...tensor, name: "x" }], outputs: [{ ...tensor, name: "y" }] };
    return { platform: "any", ...tensors, batchable: true };
  },
};

interface Loaded {
  readonly definition: ModelDefinition;
  unloaded: boolean;
}

let root: string;
let stop: (() => Promise<void>) | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-registered-"));
});
afterEach(async () => {
  await stop?.();
  await rm(root, { recursive: true, force: true });
});

/** A repository without roots of its own, in front of a registry that a test fills. */
async function serving(controlMode: "none" | "poll" | "explicit" = "none") {
  const models = new Map<string, RegisteredModel>();
  const loads: Loaded[] = [];
  const retargeted: string[] = [];
  /** Digests whose load fails. */
  const failing = new Set<string>();
  /** Waited for by loads and by drains. */
  const holds: { load?: Promise<void>; drain?: Promise<void> } = {};
  const roots = join(root, "models");
  await mkdir(roots, { recursive: true });
  const repository = new ModelRepository<Loaded>({
    roots: [roots],
    controlMode,
    pollSecs: 1000,
    loadModels: [],
    autoComplete: true,
    exitOnError: true,
    maxParallelLoads: 4,
    modules: [onnx],
    registered: { names: () => models.keys(), find: (name) => models.get(name) },
    loader: {
      async load(definition) {
        await holds.load;
        const bad = artifactsOf(definition).find(({ artifact }) => failing.has(artifact.digest));
        if (bad) throw new Error(`${bad.name} does not load`);
        const loaded = { definition, unloaded: false };
        loads.push(loaded);
        return loaded;
      },
      async unload(loaded) {
        await holds.drain;
        loaded.unloaded = true;
      },
      trouble: () => undefined,
      retargeted: (model) => void retargeted.push(model),
    },
    clock: systemClock,
    log: silent,
  });
  stop = () => repository.stop();
  /** @param versions digests of each */
  const register = async (
    versions: Readonly<Record<string, readonly string[]>>,
    aliases: Readonly<Record<string, Alias>> = {},
  ) => {
    const made = await Promise.all(
      Object.entries(versions).map(([version, digests]) => versionOf(version, digests)),
    );
    models.set("jets", { versions: made, aliases });
  };
  const follow = () => repository.followRegistered(["jets"]);
  const latest = () => repository.resolve("jets", "").definition.version;
  return { repository, models, loads, retargeted, failing, holds, register, follow, latest, roots };
}

async function versionOf(version: string, digests: readonly string[]) {
  const folder = join(root, `${version}-${digests.join("-")}`, "jets");
  await mkdir(join(folder, version), { recursive: true });
  const config = 'backend: "onnxruntime" max_batch_size: 8 dynamic_batching {}';
  await writeFile(join(folder, "config.pbtxt"), config);
  const artifacts = digests.map((digest) => ({
    name: digest,
    backendKind: "arm-cpu",
    vendor: "cpu",
    numericClass: "float32",
    artifact: { digest, path: join(folder, version, digest), format: "onnx", platform: "any" },
  }));
  return { version, folder, artifacts, absent: [] };
}

function held() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const to = (version: string): Record<string, Alias> => ({ production: { version } });

describe("requests without a version", () => {
  it("follow production, not the newest, and the newest where there is no production", async () => {
    const { repository, register, follow, latest } = await serving();
    await register({ "1": ["a"], "2": ["b"] }, to("1"));
    await repository.start();
    expect(latest()).toBe("1");
    expect(repository.resolve("jets", "production").definition.version).toBe("1");
    await register({ "1": ["a"], "2": ["b"] });
    await follow();
    expect(latest()).toBe("2");
    expect(() => repository.resolve("jets", "production")).toThrow(/version string 'production'/);
  });

  it("stay with the old version until the new one serves, and are never without", async () => {
    const { repository, register, follow, latest, holds, retargeted } = await serving();
    await register({ "1": ["a"] }, to("1"));
    await repository.start();
    const { promise, resolve } = held();
    holds.load = promise;
    // Promoted and retired in one step.
    await register({ "2": ["b"] }, to("2"));
    retargeted.length = 0;
    const followed = follow();
    await new Promise((done) => setTimeout(done, 50));
    expect([latest(), repository.alias("jets", "production")]).toEqual(["1", "1"]);
    resolve();
    await followed;
    expect([latest(), repository.serving("jets", "1")]).toEqual(["2", undefined]);
    expect(retargeted).toContain("jets");
  });

  it("are refused where production has nothing that serves, whatever else does", async () => {
    const { repository, register, failing } = await serving();
    failing.add("b");
    await register({ "1": ["a"], "2": ["b"] }, to("2"));
    await repository.start();
    expect(() => repository.resolve("jets", "")).toThrow(/'jets' version 2 is not at ready state/);
    expect(repository.isReady("jets", "")).toBe(false);
    expect(repository.resolve("jets", "1").definition.version).toBe("1");
  });
});

describe("what is retired", () => {
  it("has left when its last request was answered", async () => {
    const { repository, register, follow, holds, loads } = await serving();
    await register({ "1": ["a"], "2": ["b"] }, to("2"));
    await repository.start();
    const { promise, resolve } = held();
    holds.drain = promise;
    await register({ "2": ["b"] }, to("2"));
    await follow();
    expect(() => repository.resolve("jets", "1")).toThrow(/not at ready state/);
    let released = false;
    const release = repository.released("jets", "1").then(() => (released = true));
    await new Promise((done) => setTimeout(done, 20));
    expect(released).toBe(false);
    resolve();
    await release;
    expect(loads.find(({ definition }) => definition.version === "1")?.unloaded).toBe(true);
  });

  it("leaves also where the artifacts beside it do not load alone", async () => {
    const { repository, register, follow, failing } = await serving();
    await register({ "1": ["a", "b"], "2": ["c"] });
    await repository.start();
    failing.add("a");
    await register({ "1": ["a"], "2": ["c"] });
    await follow();
    expect(repository.serving("jets", "1")).toBeUndefined();
    expect(repository.state("jets", "1")).toMatchObject({ reason: "a does not load" });
  });

  it("is another's business where what is left does not change: the version serves on", async () => {
    const { repository, register, follow, failing } = await serving();
    await register({ "1": ["a"] });
    await repository.start();
    failing.add("b");
    await register({ "1": ["a", "b"] });
    await follow();
    const served = repository.serving("jets", "1")?.definition.variants ?? [];
    expect(served.map(({ name }) => name)).toEqual(["a"]);
  });

  it("may come back", async () => {
    const { repository, models, register, follow, latest } = await serving();
    await register({ "1": ["a"] });
    await repository.start();
    models.delete("jets");
    await follow();
    await repository.released("jets");
    await expect.poll(() => repository.index(false)).toEqual([]);
    await register({ "1": ["a"] });
    await follow();
    expect(latest()).toBe("1");
  });
});

describe("a registered model", () => {
  it.each(["none", "poll", "explicit"] as const)(
    "serves in control mode %s without being asked for",
    async (mode) => {
      const { repository, register, latest } = await serving(mode);
      await register({ "1": ["a"] });
      await repository.start();
      expect(latest()).toBe("1");
      await repository.poll();
      expect(latest()).toBe("1");
    },
  );

  it("is neither loaded nor unloaded by name", async () => {
    const { repository, register } = await serving("explicit");
    await register({ "1": ["a"] });
    await repository.start();
    const refused = /model 'jets' is registered: what of it serves is changed by/;
    await expect(repository.unloadModel("jets", new Map())).rejects.toThrow(refused);
    await expect(repository.loadModel("jets", new Map())).rejects.toThrow(refused);
  });

  it("is tried again when it failed, and left alone when it did not", async () => {
    const { repository, register, follow, failing, loads, latest } = await serving();
    failing.add("a");
    await register({ "1": ["a"] });
    await repository.start();
    failing.clear();
    await follow();
    expect([latest(), loads.length]).toEqual(["1", 1]);
    await follow();
    expect(loads).toHaveLength(1);
  });

  it("that fails keeps nobody from starting, nor from being ready while production serves", async () => {
    const { repository, register, follow, failing } = await serving();
    failing.add("b");
    await register({ "1": ["a"], "2": ["b"] }, to("1"));
    await repository.start();
    expect(repository.allReady()).toBe(true);
    await register({ "2": ["b"] }, to("2"));
    await follow();
    expect(repository.allReady()).toBe(false);
  });

  it("gives way to a folder of its name that comes into a root", async () => {
    const { repository, register, roots, latest } = await serving("poll");
    await register({ "3": ["a"] });
    await repository.start();
    await mkdir(join(roots, "jets", "1"), { recursive: true });
    await writeFile(join(roots, "jets", "1", "model.onnx"), "");
    await repository.poll();
    expect(latest()).toBe("1");
    await repository.followRegistered(["jets"]);
    expect(latest()).toBe("1");
  });
});
