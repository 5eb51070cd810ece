import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { type Clock, systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import type { InspectingModule } from "./modules.ts";
import { ModelRepository, type RepositoryOptions } from "./repository.ts";
import type { ModelDefinition } from "./types.ts";

/** Reads "rows" or "fixed" from the file instead of an ONNX graph. */
const onnx: InspectingModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime_onnx", "onnxruntime"],
  formats: { onnx: "model.onnx" },
  async inspect({ path }) {
    if (path.includes("broken")) throw new BackendError("artifact", "it is not an ONNX model");
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
  unloaded: boolean;
}

/** Stands for workers: remembers what was loaded, and fails or waits where it is told to. */
class FakeLoader {
  readonly loads: Loaded[] = [];
  readonly failing = new Map<string, string>();
  running = 0;
  most = 0;
  hold: Promise<void> | undefined;

  async load(definition: ModelDefinition): Promise<Loaded> {
    this.running++;
    this.most = Math.max(this.most, this.running);
    await (this.hold ?? new Promise((resolve) => setImmediate(resolve)));
    this.running--;
    const reason = this.failing.get(definition.name);
    if (reason !== undefined) throw new Error(reason);
    const loaded = { definition, unloaded: false };
    this.loads.push(loaded);
    return loaded;
  }

  async unload(loaded: Loaded): Promise<void> {
    loaded.unloaded = true;
  }

  /** By model name: what keeps a loaded model from serving now. */
  readonly troubles = new Map<string, string>();

  trouble({ definition }: Loaded): string | undefined {
    return this.troubles.get(definition.name);
  }
}

let root: string;
let loader: FakeLoader;
let running: ModelRepository<Loaded>[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-repository-"));
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

function open(options: Partial<RepositoryOptions<Loaded>> = {}): ModelRepository<Loaded> {
  const repository = new ModelRepository<Loaded>({
    roots: [root],
    controlMode: "none",
    pollSecs: 15,
    loadModels: [],
    autoComplete: true,
    exitOnError: false,
    maxParallelLoads: 4,
    modules: [onnx],
    loader,
    clock: systemClock,
    log: silent,
    ...options,
  });
  running.push(repository);
  return repository;
}

async function started(options: Partial<RepositoryOptions<Loaded>> = {}) {
  const repository = open(options);
  await repository.start();
  return repository;
}

const states = (repository: ModelRepository<Loaded>) =>
  repository.index(false).map(({ name, version, state }) => `${name} ${version} ${state}`);

describe("a model that was ready and whose worker cannot load it again", () => {
  it("is not ready, and the index says why, until it can", async () => {
    await file("jets/1/model.onnx");
    const repository = await started();
    loader.troubles.set("jets", "model.onnx is gone");
    expect(repository.index(true)).toEqual([]);
    expect(repository.index(false)).toEqual([
      { name: "jets", version: "1", state: "UNAVAILABLE", reason: "model.onnx is gone" },
    ]);
    expect([repository.isReady("jets", ""), repository.isReady("jets", "1")]).toEqual([
      false,
      false,
    ]);
    expect(repository.allReady()).toBe(false);
    loader.troubles.clear();
    expect([repository.isReady("jets", "1"), repository.allReady()]).toEqual([true, true]);
  });
});

describe("a repository in Triton's layout", () => {
  it("serves the newest version of each model unless the policy says otherwise", async () => {
    for (const version of ["1", "2", "10"]) {
      await file(`newest/${version}/model.onnx`);
      await file(`all/${version}/model.onnx`);
      await file(`two/${version}/model.onnx`);
      await file(`some/${version}/model.onnx`);
    }
    await file("all/config.pbtxt", "version_policy { all { } }");
    await file("two/config.pbtxt", "version_policy { latest { num_versions: 2 } }");
    await file("some/config.pbtxt", "version_policy { specific { versions: [ 1, 10, 77 ] } }");
    const repository = await started();
    expect(states(repository).sort()).toEqual([
      "all 1 READY",
      "all 10 READY",
      "all 2 READY",
      "newest 10 READY",
      "some 1 READY",
      "some 10 READY",
      "two 10 READY",
      "two 2 READY",
    ]);
    expect(repository.resolve("all", "").definition.version).toBe("10");
    expect(repository.resolve("all", "2").definition.version).toBe("2");
    expect(repository.metadata("all", "1")).toEqual({
      name: "all",
      versions: ["1", "2", "10"],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1, 4] }],
    });
  });

  it("ignores folders that are no versions, files, and hidden folders", async () => {
    await file("m/1/model.onnx");
    for (const name of ["01", "007", "x", "1abc", "-1", "configs", "99999999999999999999"]) {
      await file(`m/${name}/model.onnx`);
    }
    await file(".git/HEAD");
    await file("README.md");
    expect(states(await started())).toEqual(["m 1 READY"]);
  });

  it("takes names as they occur, follows links, and writes nothing", async () => {
    const name = "particlenet_AK8_MD-2prong.v2";
    await file("elsewhere/1/model.onnx");
    await mkdir(join(root, "links"));
    await symlink(join(root, "elsewhere"), join(root, "links", name));
    await symlink(join(root, "nowhere"), join(root, "links", "dangling"));
    await chmod(join(root, "links"), 0o555);
    const before = await readdir(root, { recursive: true });
    const repository = await started({ roots: [join(root, "links")] });
    expect(states(repository)).toEqual([`${name} 1 READY`]);
    expect(await readdir(root, { recursive: true })).toEqual(before);
    await chmod(join(root, "links"), 0o755);
  });

  it("reads configs/<name>.pbtxt where it was asked for and exists", async () => {
    await file("a/1/model.onnx");
    await file("a/config.pbtxt", "max_batch_size: 2");
    await file("a/configs/farm.pbtxt", "max_batch_size: 64");
    await file("b/1/model.onnx");
    await file("b/config.pbtxt", "max_batch_size: 3");
    const repository = await started({ configName: "farm" });
    expect(repository.resolve("a", "").definition.signature.maxBatchSize).toBe(64);
    expect(repository.resolve("b", "").definition.signature.maxBatchSize).toBe(3);
  });

  it("refuses a model that two roots have, and serves the others", async () => {
    await file("one/twice/1/model.onnx");
    await file("two/twice/1/model.onnx");
    await file("two/once/1/model.onnx");
    const repository = await started({ roots: [join(root, "one"), join(root, "two")] });
    expect(states(repository).sort()).toEqual(["once 1 READY", "twice  UNAVAILABLE"]);
    const entry = repository.index(false).find(({ name }) => name === "twice");
    expect(entry?.reason).toContain(
      "failed to poll model 'twice': not unique across all model repositories",
    );
    expect(() => repository.resolve("twice", "")).toThrow(
      "Request for unknown model: 'twice' has no available versions",
    );
  });

  it("rejects a root that is no folder", async () => {
    await expect(started({ roots: [join(root, "missing")] })).rejects.toThrow(
      /failed to poll model repository '.*missing': the repository path is not a valid directory/,
    );
  });
});

describe("a definition", () => {
  it("batches by what the file says, not by what was filled in", async () => {
    await file("plain/1/model.onnx");
    await file("chosen/1/model.onnx");
    await file(
      "chosen/config.pbtxt",
      `max_batch_size: 64
       dynamic_batching {
         preferred_batch_size: [ 32, 8, 32 ] max_queue_delay_microseconds: 1500 priority_levels: 2
         default_priority_level: 2 default_queue_policy { max_queue_size: 5 }
         priority_queue_policy { key: 1 value { timeout_action: DELAY default_timeout_microseconds: 7 } }
       }
       instance_group { count: 3 kind: KIND_CPU } instance_group { count: 1 kind: KIND_GPU }
       parameters { key: "intra_op_thread_count" value { string_value: "2" } }
       parameters { key: "reproducible" value { string_value: "true" } }`,
    );
    const repository = await started();
    const plain = repository.resolve("plain", "").definition;
    expect(plain.config).toMatchObject({
      max_batch_size: 4,
      dynamic_batching: { preferred_batch_size: [4] },
    });
    expect(plain.rules).toMatchObject({ dynamic: true, preferredRows: [], maxDelayMs: 0 });
    expect(plain).toMatchObject({ instances: 1, threads: undefined, backendKind: "arm-cpu" });
    const chosen = repository.resolve("chosen", "").definition;
    expect(chosen).toMatchObject({ instances: 4, threads: 2 });
    expect(chosen.signature.reproducible).toBe(true);
    expect(chosen.rules).toMatchObject({
      preferredRows: [8, 32],
      maxDelayMs: 1.5,
      priorityLevels: 2,
      defaultPriority: 2,
      defaultPolicy: { maxQueueSize: 5, timeoutAction: "REJECT" },
    });
    expect(chosen.rules.policies.get(1)).toMatchObject({
      timeoutAction: "DELAY",
      defaultTimeoutUs: 7,
    });
  });

  it("carries the class names of its outputs", async () => {
    await file("m/1/model.onnx");
    await file(
      "m/config.pbtxt",
      `output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "labels.txt" }`,
    );
    await file("m/labels.txt", "b\r\nc\nlight\n");
    const { labels } = (await started()).resolve("m", "").definition;
    expect(labels?.get("y")).toEqual(["b", "c", "light"]);
  });

  it("needs a file that says everything where completion is off", async () => {
    await file("bare/1/model.onnx");
    await file("half/1/model.onnx");
    await file("half/config.pbtxt", 'platform: "onnxruntime_onnx"');
    const repository = await started({ autoComplete: false });
    const reasons = repository.index(false).map(({ name, reason }) => `${name}: ${reason}`);
    expect(reasons.sort()).toEqual([
      expect.stringMatching(/^bare: failed to open text file for read .*bare\/config\.pbtxt/),
      "half: model half has no input: specify at least one 'input'",
    ]);
  });
});

describe("a model with a checksum agent", () => {
  const config = (sum: string) =>
    `model_repository_agents { agents { name: "checksum"
       parameters { key: "MD5:1/model.onnx" value: "${sum}" } } }`;

  it("serves where the sum is right and is refused where it is not", async () => {
    const content = "weights";
    const sum = createHash("md5").update(content).digest("hex");
    await file("right/1/model.onnx", content);
    await file("right/config.pbtxt", config(sum));
    await file("wrong/1/model.onnx", `${content}!`);
    await file("wrong/config.pbtxt", config(sum));
    const repository = await started();
    expect(states(repository).sort()).toEqual(["right 1 READY", "wrong  UNAVAILABLE"]);
    const reason = repository.index(false).find(({ name }) => name === "wrong")?.reason;
    expect(reason).toMatch(/Mismatched MD5 hash for file '1\/model\.onnx', expected [0-9a-f]{32}/);
    // The agent's block comes back with the rest of the file.
    expect(repository.config("right", "")).toMatchObject({
      model_repository_agents: {
        agents: [{ name: "checksum", parameters: { "MD5:1/model.onnx": sum } }],
      },
    });
  });

  it("refuses a path outside the model's folder", async () => {
    await file("m/1/model.onnx");
    await file("m/config.pbtxt", config("0").replace("MD5:1/model.onnx", "MD5:../../etc/passwd"));
    const [entry] = (await started()).index(false);
    expect(entry?.reason).toMatch(/stays inside the model's folder/);
  });
});

describe("a broken model", () => {
  it("has its reason in the index and disturbs nobody", async () => {
    await file("good/1/model.onnx");
    await file("broken/1/model.onnx");
    await file("failing/1/model.onnx");
    await file("failing/2/model.onnx");
    await file("syntax/1/model.onnx");
    await file("syntax/config.pbtxt", "max_batch_size: many");
    await file("versionless/config.pbtxt", 'platform: "onnxruntime_onnx"');
    loader.failing.set("failing", "the smoke inference failed");
    const repository = await started();
    const index = repository.index(false).map((e) => [e.name, e.version, e.state, e.reason]);
    expect(index.sort()).toEqual([
      ["broken", "1", "UNAVAILABLE", "it is not an ONNX model"],
      ["failing", "2", "UNAVAILABLE", "the smoke inference failed"],
      ["good", "1", "READY", ""],
      ["syntax", "", "UNAVAILABLE", expect.stringMatching(/syntax\/config\.pbtxt:1: /)],
      [
        "versionless",
        "",
        "UNAVAILABLE",
        "at least one version must be available under the version policy of model 'versionless'",
      ],
    ]);
    expect(repository.index(true).map(({ name }) => name)).toEqual(["good"]);
    expect(repository.allReady()).toBe(false);
  });

  it("stops the start only where that was asked for", async () => {
    await file("broken/1/model.onnx");
    await expect(started({ exitOnError: true })).rejects.toThrow(
      "failed to load all models: broken 1: it is not an ONNX model",
    );
  });
});

describe("asking for a model", () => {
  it("is answered in Triton's words", async () => {
    await file("m/1/model.onnx");
    await file("broken/3/model.onnx");
    const repository = await started();
    const cases: [string, string, string, string][] = [
      ["nobody", "", "NOT_FOUND", "'nobody' is not found"],
      ["nobody", "1", "NOT_FOUND", "'nobody' is not found"],
      ["m", "9", "NOT_FOUND", "'m' version 9 is not found"],
      ["broken", "", "NOT_FOUND", "'broken' has no available versions"],
      ["broken", "3", "UNAVAILABLE", "'broken' version 3 is not at ready state"],
    ];
    for (const [name, version, code, text] of cases) {
      expect(() => repository.resolve(name, version)).toThrow(
        expect.objectContaining({ code, message: `Request for unknown model: ${text}` }),
      );
    }
    expect(() => repository.resolve("m", "x")).toThrow(/failed to get model version/);
    expect(repository.isReady("m", "")).toBe(true);
    expect(repository.isReady("m", "1")).toBe(true);
    expect(repository.isReady("m", "2")).toBe(false);
    expect(repository.isReady("broken", "3")).toBe(false);
    expect(repository.isReady("nobody", "")).toBe(false);
    expect(repository.served().map(({ definition }) => definition.name)).toEqual(["m"]);
  });
});

describe("explicit mode", () => {
  it("loads what was named and lists the rest without a state", async () => {
    await file("a/1/model.onnx");
    await file("b/1/model.onnx");
    const repository = await started({ controlMode: "explicit", loadModels: ["a", "gone"] });
    expect(states(repository).sort()).toEqual(["a 1 READY", "b  ", "gone  UNAVAILABLE"]);
    const all = await started({ controlMode: "explicit", loadModels: ["*"] });
    expect(states(all)).toEqual(["a 1 READY", "b 1 READY"]);
    expect(all.allReady()).toBe(true);
  });

  it.each([[["../etc"]], [[".."]], [["a/b"]], [["*", "a"]]])("refuses %j", async (loadModels) => {
    await expect(started({ controlMode: "explicit", loadModels })).rejects.toThrow(
      /path traversal|ONLY startup model/,
    );
  });
});

describe("loading many models", () => {
  it("never loads more at once than allowed", async () => {
    for (let i = 0; i < 30; i++) await file(`m${i}/1/model.onnx`);
    let go = () => {};
    loader.hold = new Promise((resolve) => {
      go = resolve;
    });
    const repository = open({ maxParallelLoads: 3 });
    const start = repository.start();
    // As many as allowed are at it, and the others wait for them, however slowly they get there.
    await expect.poll(() => loader.running, { timeout: 10_000 }).toBe(3);
    go();
    await start;
    expect(repository.index(true)).toHaveLength(30);
    expect(loader.most).toBe(3);
  });
});

describe("poll mode", () => {
  const poll = { controlMode: "poll" } as const;

  it("follows models that come, change and go", async () => {
    await file("stays/1/model.onnx");
    await file("goes/1/model.onnx");
    await file("changes/1/model.onnx", "old");
    const repository = await started(poll);
    const changes: string[] = [];
    repository.onChange((name) => changes.push(name));

    await repository.poll();
    expect(changes).toEqual([]);

    await file("comes/1/model.onnx");
    await file("changes/1/model.onnx", "newer");
    await rm(join(root, "goes"), { recursive: true });
    await repository.poll();
    expect(states(repository).sort()).toEqual([
      "changes 1 READY",
      "comes 1 READY",
      "stays 1 READY",
    ]);
    expect(new Set(changes)).toEqual(new Set(["comes", "changes", "goes"]));
    expect(() => repository.resolve("goes", "")).toThrow("'goes' is not found");
    const unloaded = loader.loads.filter((loaded) => loaded.unloaded);
    expect(unloaded.map(({ definition }) => definition.name).sort()).toEqual(["changes", "goes"]);
    expect(repository.resolve("changes", "").loaded.unloaded).toBe(false);
  });

  it("serves the old version until the new one is ready", async () => {
    await file("m/1/model.onnx");
    const repository = await started(poll);
    const old = repository.resolve("m", "").loaded;
    let go = () => {};
    loader.hold = new Promise((resolve) => {
      go = resolve;
    });
    await file("m/2/model.onnx");
    const polled = repository.poll();
    await expect.poll(() => loader.running).toBeGreaterThan(0);
    expect(repository.resolve("m", "").loaded).toBe(old);
    expect(old.unloaded).toBe(false);
    go();
    await polled;
    expect(repository.resolve("m", "").definition.version).toBe("2");
    expect(states(repository)).toEqual(["m 1 UNAVAILABLE", "m 2 READY"]);
    expect(repository.index(false)[0]?.reason).toBe("unloaded");
    expect(repository.allReady()).toBe(true);
    expect(old.unloaded).toBe(true);
  });

  it("leaves versions alone that did not change", async () => {
    await file("m/config.pbtxt", "version_policy { all { } }");
    await file("m/1/model.onnx");
    await file("m/2/model.onnx");
    const repository = await started(poll);
    await file("m/3/model.onnx");
    await file("m/2/model.onnx", "other weights");
    await repository.poll();
    expect(states(repository)).toEqual(["m 1 READY", "m 2 READY", "m 3 READY"]);
    const loads = loader.loads.map(({ definition }) => definition.version);
    expect(loads.sort()).toEqual(["1", "2", "2", "3"]);
  });

  it("goes on serving what it has when a change is broken, and says why in the log", async () => {
    await file("m/1/model.onnx");
    const error = vi.fn();
    const repository = await started({ ...poll, log: { ...silent, error } });
    await file("m/config.pbtxt", "max_batch_size: many");
    await repository.poll();
    expect(repository.isReady("m", "")).toBe(true);
    expect(error).toHaveBeenCalledWith(expect.stringContaining("config.pbtxt:1: "));
    // As Triton's index has it: what serves is READY, with no reason.
    expect(repository.index(false)[0]).toMatchObject({ state: "READY", reason: "" });
    await file("m/config.pbtxt", "max_batch_size: 5");
    await repository.poll();
    expect(repository.config("m", "")).toMatchObject({ max_batch_size: 5 });
  });

  it("goes on serving while the root is away", async () => {
    await file("repo/m/1/model.onnx");
    const repository = await started({ ...poll, roots: [join(root, "repo")] });
    await cp(join(root, "repo"), join(root, "moved"), { recursive: true });
    await rm(join(root, "repo"), { recursive: true });
    await repository.poll();
    expect(repository.isReady("m", "")).toBe(true);
  });

  it("looks again after the configured time, and not after it was stopped", async () => {
    await file("m/1/model.onnx");
    const waiting: { delayMs: number; fire: () => void }[] = [];
    const clock: Clock = {
      ...systemClock,
      after(delayMs, fire) {
        const entry = { delayMs, fire };
        waiting.push(entry);
        return () => void waiting.splice(waiting.indexOf(entry), 1);
      },
    };
    const repository = await started({ ...poll, clock });
    expect(waiting.map(({ delayMs }) => delayMs)).toEqual([15_000]);
    await file("n/1/model.onnx");
    waiting.pop()?.fire();
    await expect.poll(() => repository.isReady("n", "")).toBe(true);
    await expect.poll(() => waiting.length).toBe(1);
    await repository.stop();
    expect(waiting).toEqual([]);
  });
});

describe("stopping", () => {
  it("unloads everything and serves nothing afterwards", async () => {
    await file("a/1/model.onnx");
    await file("b/1/model.onnx");
    const repository = await started();
    await repository.stop();
    expect(loader.loads.every((loaded) => loaded.unloaded)).toBe(true);
    expect(() => repository.resolve("a", "1")).toThrow(/not at ready state/);
    expect(repository.index(true)).toEqual([]);
  });

  it("in the middle of a start leaves nothing loaded behind", async () => {
    for (let i = 0; i < 8; i++) await file(`m${i}/1/model.onnx`);
    let go = () => {};
    loader.hold = new Promise((resolve) => {
      go = resolve;
    });
    const repository = open({ maxParallelLoads: 2 });
    const start = repository.start();
    await expect.poll(() => loader.running).toBe(2);
    const stop = repository.stop();
    go();
    await Promise.all([start, stop]);
    expect(loader.loads.length).toBeLessThan(8);
    expect(loader.loads.every((loaded) => loaded.unloaded)).toBe(true);
  });
});
