/** What clients load and unload by name, against a loader that loads nothing. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import { silent } from "../logger.ts";
import type { ControlParameter } from "./control.ts";
import type { InspectingModule } from "./modules.ts";
import { ModelRepository, type RepositoryOptions } from "./repository.ts";
import type { ModelDefinition } from "./types.ts";

/** Takes any folder or file for a model of one tensor. */
const fake: InspectingModule = {
  kind: "fake",
  platforms: ["fake"],
  formats: { fake: "model.fake" },
  async inspect({ path }) {
    await stat(path);
    const tensor = { datatype: "FP32", shape: [-1, 4] } as const;
    return {
      platform: "any",
      inputs: [{ ...tensor, name: "x" }],
      outputs: [{ ...tensor, name: "y" }],
      batchable: true,
    };
  },
};

interface Loaded {
  readonly definition: ModelDefinition;
  state: "loaded" | "draining" | "unloaded";
}

class FakeLoader {
  readonly loads: Loaded[] = [];
  readonly failing = new Map<string, StatusError>();
  readonly troubles = new Map<string, string>();
  /** Models whose last requests take their time. */
  readonly busy = new Map<string, Promise<void>>();
  running = new Set<string>();
  hold: Promise<void> | undefined;

  async load(definition: ModelDefinition): Promise<Loaded> {
    if (this.running.has(definition.name)) throw new Error(`${definition.name} is loading already`);
    this.running.add(definition.name);
    await (this.hold ?? new Promise((resolve) => setImmediate(resolve)));
    this.running.delete(definition.name);
    const reason = this.failing.get(definition.name);
    if (reason !== undefined) throw reason;
    const loaded: Loaded = { definition, state: "loaded" };
    this.loads.push(loaded);
    return loaded;
  }

  async unload(loaded: Loaded): Promise<void> {
    if (loaded.state !== "loaded") throw new Error("unloaded twice");
    loaded.state = "draining";
    await this.busy.get(loaded.definition.name);
    loaded.state = "unloaded";
  }

  trouble({ definition }: Loaded): string | undefined {
    return this.troubles.get(definition.name);
  }
}

let root: string;
let loader: FakeLoader;
let running: ModelRepository<Loaded>[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-explicit-"));
  loader = new FakeLoader();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((repository) => repository.stop()));
  await rm(root, { recursive: true, force: true });
});

async function file(path: string, content = ""): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function started(options: Partial<RepositoryOptions<Loaded>> = {}) {
  const repository = new ModelRepository<Loaded>({
    roots: [root],
    controlMode: "explicit",
    pollSecs: 15,
    loadModels: [],
    autoComplete: true,
    exitOnError: false,
    maxParallelLoads: 4,
    modules: [fake],
    loader,
    clock: systemClock,
    log: silent,
    ...options,
  });
  running.push(repository);
  await repository.start();
  return repository;
}

const text = (value: string): ControlParameter => ({ type: "string", value });
const bytes = (value: string): ControlParameter => ({ type: "bytes", value: Buffer.from(value) });
const parameters = (all: Readonly<Record<string, ControlParameter>> = {}) =>
  new Map(Object.entries(all));
const states = (repository: ModelRepository<Loaded>) =>
  repository
    .index(false)
    .map(({ name, version, state, reason }) =>
      [name, version, state, reason].filter((word) => word !== "").join(" "),
    );
const batchSize = (repository: ModelRepository<Loaded>, model: string) =>
  repository.resolve(model, "").definition.signature.maxBatchSize;

/** Error of a call as `CODE text`. */
async function refusal(call: Promise<void>): Promise<string> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof StatusError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return "OK";
}

describe("a load by name", () => {
  it("makes the model serve, and an unload ends it", async () => {
    await file("m/1/model.fake");
    await file("other/1/model.fake");
    const repository = await started();
    expect(states(repository)).toEqual(["m", "other"]);
    await repository.loadModel("m", parameters());
    expect(states(repository)).toEqual(["m 1 READY", "other"]);
    expect(repository.resolve("m", "").definition.version).toBe("1");
    expect(repository.allReady()).toBe(true);
    await repository.unloadModel("m", parameters());
    expect(states(repository)).toEqual(["m 1 UNAVAILABLE unloaded", "other"]);
    expect(repository.isReady("m", "")).toBe(false);
    expect(repository.allReady()).toBe(true);
    await repository.loadModel("m", parameters());
    expect(states(repository)).toEqual(["m 1 READY", "other"]);
  });

  it("finds a model that came after the start", async () => {
    const repository = await started();
    await file("late/1/model.fake");
    await repository.loadModel("late", parameters());
    expect(states(repository)).toEqual(["late 1 READY"]);
  });

  it("does nothing where nothing changed, and loads what did", async () => {
    await file("m/1/model.fake");
    const repository = await started();
    await repository.loadModel("m", parameters());
    await repository.loadModel("m", parameters());
    expect(loader.loads).toHaveLength(1);
    await file("m/config.pbtxt", "max_batch_size: 9");
    await repository.loadModel("m", parameters());
    expect(batchSize(repository, "m")).toBe(9);
    expect(loader.loads.map(({ state }) => state)).toEqual(["unloaded", "loaded"]);
  });

  it("loads again what failed before or cannot serve now", async () => {
    await file("m/1/model.fake");
    const repository = await started();
    loader.failing.set("m", new StatusError("INTERNAL", "no memory"));
    await refusal(repository.loadModel("m", parameters()));
    expect(states(repository)).toEqual(["m 1 UNAVAILABLE no memory"]);
    loader.failing.clear();
    await repository.loadModel("m", parameters());
    expect(states(repository)).toEqual(["m 1 READY"]);
    loader.troubles.set("m", "its worker is gone");
    await repository.loadModel("m", parameters());
    expect(loader.loads).toHaveLength(2);
  });

  it("is forgotten with its failure by an unload", async () => {
    await file("m/1/model.fake");
    const repository = await started();
    loader.failing.set("m", new StatusError("INTERNAL", "no memory"));
    await refusal(repository.loadModel("m", parameters()));
    expect(repository.allReady()).toBe(false);
    await repository.unloadModel("m", parameters());
    expect(states(repository)).toEqual(["m 1 UNAVAILABLE unloaded"]);
    expect(repository.allReady()).toBe(true);
  });

  it("keeps what serves until the new one is ready, and when the new one fails", async () => {
    await file("m/1/model.fake");
    const repository = await started();
    await repository.loadModel("m", parameters());
    const old = repository.resolve("m", "").loaded;
    let go = () => {};
    loader.hold = new Promise((resolve) => {
      go = resolve;
    });
    await file("m/2/model.fake");
    const load = repository.loadModel("m", parameters());
    await expect.poll(() => loader.running.size).toBe(1);
    expect(repository.resolve("m", "").loaded).toBe(old);
    loader.failing.set("m", new StatusError("INTERNAL", "it does not fit"));
    go();
    expect(await refusal(load)).toBe(
      "INVALID_ARGUMENT load failed for model 'm': version 2 is at UNAVAILABLE state: Internal: it does not fit;\n",
    );
    expect(states(repository)).toEqual(["m 1 READY", "m 2 UNAVAILABLE it does not fit"]);
    expect(repository.resolve("m", "").loaded).toBe(old);
    expect(old.state).toBe("loaded");
  });
});

describe("an override", () => {
  it("is the whole configuration, until the next load without one", async () => {
    await file(
      "m/config.pbtxt",
      'max_batch_size: 3 parameters { key: "a" value { string_value: "b" } }',
    );
    await file("m/1/model.fake");
    const repository = await started();
    const config = text('{"max_batch_size":"16"}');
    await repository.loadModel("m", parameters({ config }));
    expect(batchSize(repository, "m")).toBe(16);
    expect(repository.resolve("m", "").definition.parameters).toEqual({});
    await repository.loadModel("m", parameters({ config }));
    expect(loader.loads).toHaveLength(2);
    await repository.loadModel("m", parameters());
    expect(batchSize(repository, "m")).toBe(3);
    expect(loader.loads.map(({ state }) => state)).toEqual(["unloaded", "unloaded", "loaded"]);
  });

  it("with files makes a model of them alone, outside the repository", async () => {
    await file("m/3/model.fake");
    const repository = await started();
    await repository.loadModel("m", parameters());
    const before = await readdir(root, { recursive: true });
    const config = text('{"backend":"fake","max_batch_size":2}');
    const files = { "file:1/model.fake": bytes("weights"), "file:labels/a.txt": bytes("b") };
    await repository.loadModel("m", parameters({ config, ...files }));
    await expect.poll(() => states(repository)).toEqual(["m 1 READY", "m 3 UNAVAILABLE unloaded"]);
    const { path } = repository.resolve("m", "").definition.artifact;
    const home = dirname(dirname(dirname(dirname(path))));
    expect(dirname(home)).toBe(tmpdir());
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    await repository.loadModel("m", parameters());
    await expect.poll(() => states(repository)).toEqual(["m 1 UNAVAILABLE unloaded", "m 3 READY"]);
    await expect(stat(path)).rejects.toThrow("ENOENT");
    expect(await readdir(root, { recursive: true })).toEqual(before);
    await repository.stop();
    await expect(stat(home)).rejects.toThrow("ENOENT");
  });

  it("may bring a model that no repository has, which leaves no trace", async () => {
    const repository = await started();
    const all = { config: text('{"backend":"fake"}'), "file:1/model.fake": bytes("") };
    await repository.loadModel("mine", parameters(all));
    expect(states(repository)).toEqual(["mine 1 READY"]);
    await repository.unloadModel("mine", parameters());
    expect(states(repository)).toEqual([]);
    const bad = { ...all, config: text('{"backend":"nobody"}') };
    expect(await refusal(repository.loadModel("mine", parameters(bad)))).toMatch(/^INTERNAL/);
    expect(states(repository)).toEqual([]);
  });
});

describe("an order that cannot be carried out is answered in Triton's words:", () => {
  const notPolled = (name: string) =>
    `INTERNAL failed to load '${name}', failed to poll from model repository`;
  const wrongName = (name: string) =>
    `INVALID_ARGUMENT invalid model name '${name}', model name must not contain path traversal characters`;
  const config = text('{"backend":"fake"}');
  const flag: ControlParameter = { type: "bool", value: true };
  const number: ControlParameter = { type: "int64", value: 1 };

  it.each<[string, string, Readonly<Record<string, ControlParameter>>, string]>([
    ["a model that is nowhere", "nobody", {}, notPolled("nobody")],
    ["a bad config.pbtxt", "syntax", {}, notPolled("syntax")],
    ["a model in two roots", "twice", {}, notPolled("twice")],
    ["no version", "empty", {}, "INTERNAL failed to load 'empty', no version is available"],
    ["bad JSON", "m", { config: text("{") }, notPolled("m")],
    ["an unknown field", "m", { config: text('{"max_batch":1}') }, notPolled("m")],
    ["another name", "m", { config: text('{"name":"n"}') }, notPolled("m")],
    [
      "config of another type",
      "m",
      { config: bytes("{}") },
      "INVALID_ARGUMENT invalid value type for load parameter 'config', expected string_param.",
    ],
    [
      "config without a value",
      "m",
      { config: { type: "unset" } },
      "INVALID_ARGUMENT invalid value type for load parameter 'config', expected string_param.",
    ],
    [
      "a file of another type",
      "m",
      { config, "file:1/model.onnx": text("") },
      "INVALID_ARGUMENT invalid value type for load parameter 'file:1/model.onnx', expected bytes_param.",
    ],
    ["files without config", "m", { "file:1/model.fake": bytes("") }, notPolled("m")],
    [
      "a long name without version",
      "m",
      { config, [`file:${"A".repeat(256)}`]: bytes("") },
      notPolled("m"),
    ],
    [
      "a name that is too long",
      "m",
      { config, [`file:1/${"A".repeat(256)}`]: bytes("") },
      notPolled("m"),
    ],
    ["a file above", "m", { config, "file:../1/model.fake": bytes("") }, notPolled("m")],
    ["an absolute file", "m", { config, "file:/1/model.fake": bytes("") }, notPolled("m")],
    ["an empty file name", "m", { config, "file:": bytes("") }, notPolled("m")],
    [
      "a folder and a file of one name",
      "m",
      { config, "file:1/a": bytes(""), "file:1/a/b": bytes("") },
      notPolled("m"),
    ],
    [
      "an unknown parameter",
      "m",
      { other: number },
      "INVALID_ARGUMENT unrecognized load parameter 'other'.",
    ],
    ["a name that leads out", "../m", {}, wrongName("../m")],
    ["a name that leads up", "..", {}, wrongName("..")],
  ])("load, %s", async (_, name, all, expected) => {
    await file("a/m/1/model.fake");
    await file("a/syntax/config.pbtxt", "max_batch_size: many");
    await file("a/empty/config.pbtxt", 'backend: "fake"');
    await file("a/twice/1/model.fake");
    await file("b/twice/1/model.fake");
    const repository = await started({ roots: [join(root, "a"), join(root, "b")] });
    expect(await refusal(repository.loadModel(name, parameters(all)))).toBe(expected);
    await repository.loadModel("m", parameters());
    expect(repository.isReady("m", "")).toBe(true);
  });

  it.each<[string, string, Readonly<Record<string, ControlParameter>>, string]>([
    ["an unknown model", "nobody", {}, "OK"],
    ["a model that is not loaded", "m", {}, "OK"],
    ["a parameter nobody knows", "m", { other: number }, "OK"],
    ["dependents", "m", { unload_dependents: flag }, "OK"],
    [
      "dependents of another type",
      "m",
      { unload_dependents: text("true") },
      "INVALID_ARGUMENT invalid value type for 'unload_dependents' parameter, expected bool_param.",
    ],
    ["a name that leads out", "a/b", {}, wrongName("a/b")],
  ])("unload, %s", async (_, name, all, expected) => {
    await file("m/1/model.fake");
    const repository = await started();
    expect(await refusal(repository.unloadModel(name, parameters(all)))).toBe(expected);
  });

  it.each(["none", "poll"] as const)("in mode %s", async (controlMode) => {
    await file("m/1/model.fake");
    const repository = await started({ controlMode });
    const refused = "UNAVAILABLE explicit model load / unload is not allowed if polling is enabled";
    expect(await refusal(repository.loadModel("m", parameters()))).toBe(refused);
    expect(await refusal(repository.unloadModel("m", parameters()))).toBe(refused);
    expect(repository.isReady("m", "")).toBe(true);
  });
});
