import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import type { InspectingModule } from "./modules.ts";
import { ModelRepository, type RepositoryOptions } from "./repository.ts";
import type { ModelDefinition } from "./types.ts";

/** A backend without artifacts: the configuration says everything. */
const identity: InspectingModule = {
  kind: "identity",
  platforms: ["identity"],
  formats: {},
  inspect: async () => ({ platform: "any" }),
};

interface Loaded {
  readonly definition: ModelDefinition;
}

/** What was loaded and unloaded, in order. */
let events: string[];
let failing: Set<string>;
/** What an unload waits for. */
let lastRequests: Promise<void> | undefined;
let root: string;
let running: ModelRepository<Loaded>[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-ensembles-"));
  events = [];
  failing = new Set();
  lastRequests = undefined;
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((repository) => repository.stop()));
  await rm(root, { recursive: true, force: true });
});

async function start(options: Partial<RepositoryOptions<Loaded>> = {}) {
  const repository = new ModelRepository<Loaded>({
    roots: [root],
    controlMode: "none",
    pollSecs: 15,
    loadModels: [],
    autoComplete: true,
    exitOnError: false,
    maxParallelLoads: 4,
    modules: [identity],
    loader: {
      async load(definition) {
        if (failing.has(definition.name)) throw new Error("no memory left");
        events.push(`load ${definition.name}`);
        return { definition };
      },
      async unload({ definition }) {
        await lastRequests;
        events.push(`unload ${definition.name}`);
      },
      trouble: () => undefined,
    },
    clock: systemClock,
    log: silent,
    ...options,
  });
  running.push(repository);
  await repository.start();
  return repository;
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const tensor = (name: string, dims = "4") =>
  `{ name: "${name}" data_type: TYPE_FP32 dims: [${dims}] }`;

async function plain(name: string, { dims = "4", versions = [1], more = "" } = {}): Promise<void> {
  await write(
    `${name}/config.pbtxt`,
    `backend: "identity" max_batch_size: 8 version_policy { all {} }
     input [ ${tensor("x", dims)} ] output [ ${tensor("y", dims)} ] ${more}`,
  );
  for (const version of versions)
    await mkdir(join(root, name, String(version)), { recursive: true });
}

/** A chain of models, each taking the tensor of the one before; `model:2` asks for a version. */
async function ensemble(name: string, models: readonly string[], more = ""): Promise<void> {
  const steps = models.map((wanted, i) => {
    const [model, version = "-1"] = wanted.split(":");
    const from = i === 0 ? "x" : `t${i}`;
    const to = i === models.length - 1 ? "y" : `t${i + 1}`;
    return `{ model_name: "${model}" model_version: ${version}
      input_map { key: "x" value: "${from}" } output_map { key: "y" value: "${to}" } }`;
  });
  await write(
    `${name}/config.pbtxt`,
    `platform: "ensemble" max_batch_size: 8 input [ ${tensor("x")} ] output [ ${tensor("y")} ]
     ensemble_scheduling { step [ ${steps.join(", ")} ] } ${more}`,
  );
  await mkdir(join(root, name, "1"), { recursive: true });
}

const reasonOf = (repository: ModelRepository<Loaded>, name: string) =>
  repository.index(false).find((entry) => entry.name === name)?.reason;
const ready = (repository: ModelRepository<Loaded>) =>
  repository
    .index(true)
    .map(({ name }) => name)
    .sort();

describe("an ensemble", () => {
  it("is loaded after its steps, also where these are ensembles", async () => {
    await ensemble("a_outer", ["b_inner", "c_model"]);
    await ensemble("b_inner", ["c_model", "d_model"]);
    await plain("c_model");
    await plain("d_model");
    const repository = await start();
    expect(ready(repository)).toEqual(["a_outer", "b_inner", "c_model", "d_model"]);
    expect(events.indexOf("load b_inner")).toBeGreaterThan(1);
    expect(events.indexOf("load a_outer")).toBe(3);
    expect(repository.allReady()).toBe(true);
  });

  it("has a plan and no artifact of its own", async () => {
    await plain("model");
    await ensemble("chain", ["model", "model:1"]);
    const { definition } = (await start()).resolve("chain", "");
    expect(definition.ensemble?.steps.map(({ model, version }) => [model, version])).toEqual([
      ["model", ""],
      ["model", "1"],
    ]);
    expect(definition.instances).toBe(0);
    expect(definition.config).toMatchObject({ platform: "ensemble", model_transaction_policy: {} });
    expect(definition.config).not.toHaveProperty("instance_group");
  });

  it("is decoupled where a step is, whatever its own configuration says", async () => {
    await plain("once");
    await plain("often", { more: "model_transaction_policy { decoupled: true }" });
    await ensemble("quiet", ["once"], "model_transaction_policy { decoupled: true }");
    await ensemble("loud", ["often", "once"]);
    const repository = await start({ modules: [{ ...identity, kind: "echo" }] });
    expect(repository.resolve("quiet", "").definition.signature.decoupled).toBe(false);
    expect(repository.resolve("loud", "").definition.signature.decoupled).toBe(true);
    expect(repository.config("loud", "")).toMatchObject({
      model_transaction_policy: { decoupled: true },
    });
  });

  it("takes the class names of its steps", async () => {
    await write("model/labels.txt", "quark\ngluon\ntau\ntop\n");
    await plain("model");
    await write(
      "model/config.pbtxt",
      `backend: "identity" max_batch_size: 8 input [ ${tensor("x")} ]
       output [ { name: "y" data_type: TYPE_FP32 dims: [4] label_filename: "labels.txt" } ]`,
    );
    await ensemble("chain", ["model"]);
    const { definition } = (await start()).resolve("chain", "");
    expect(definition.labels?.get("y")).toEqual(["quark", "gluon", "tau", "top"]);
  });

  it("needs a version folder, as every model does", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    await rm(join(root, "chain", "1"), { recursive: true });
    expect(reasonOf(await start(), "chain")).toMatch(/at least one version must be available/);
  });
});

describe("an ensemble that cannot serve says why", () => {
  it.each([
    [
      "no such model",
      ["nobody", "model"],
      /contains models that are not available or ambiguous: nobody/,
    ],
    [
      "itself",
      ["broken"],
      /circular dependency between ensembles: broken -> ... -> broken -> broken/,
    ],
    [
      "a version that is not there",
      ["model:3"],
      /'broken' depends on 'model' whose required version 3 is not loaded/,
    ],
    [
      "other shapes",
      ["model", "other"],
      /tensor t1: inconsistent shape: \[-1,4\] is inferred from model model while \[-1,5\] is inferred from model other/,
    ],
  ])("a step that is %s", async (_, steps, reason) => {
    await plain("model");
    await plain("other", { dims: "5" });
    await ensemble("broken", steps);
    const repository = await start();
    expect(reasonOf(repository, "broken")).toMatch(reason);
    expect(ready(repository)).toEqual(["model", "other"]);
    expect(repository.allReady()).toBe(false);
  });

  it("a step that failed", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    await ensemble("outer", ["chain"]);
    failing.add("model");
    const repository = await start();
    expect(reasonOf(repository, "chain")).toBe(
      "ensemble 'chain' depends on 'model' which has no loaded version. Model 'model' loading failed with error: no memory left",
    );
    expect(reasonOf(repository, "outer")).toMatch(
      /^ensemble 'outer' depends on 'chain' which is not valid. Model 'chain' failed with error: ensemble 'chain' depends/,
    );
  });

  it("inputs from two decoupled models", async () => {
    await plain("often", { more: "model_transaction_policy { decoupled: true }" });
    await write(
      "join/config.pbtxt",
      `backend: "identity" max_batch_size: 8 input [ ${tensor("a")}, ${tensor("b")} ] output [ ${tensor("y")} ]`,
    );
    await mkdir(join(root, "join", "1"));
    const often = (to: string) =>
      `{ model_name: "often" input_map { key: "x" value: "x" } output_map { key: "y" value: "${to}" } }`;
    await write(
      "mix/config.pbtxt",
      `platform: "ensemble" max_batch_size: 8 input [ ${tensor("x")} ] output [ ${tensor("y")} ]
       ensemble_scheduling { step [ ${often("a")}, ${often("b")}, { model_name: "join"
         input_map [ { key: "a" value: "a" }, { key: "b" value: "b" } ] output_map { key: "y" value: "y" } } ] }`,
    );
    await mkdir(join(root, "mix", "1"));
    const repository = await start({ modules: [{ ...identity, kind: "echo" }] });
    expect(reasonOf(repository, "mix")).toBe(
      "in ensemble mix, step of model 'join' receives inputs originated from different decoupled models",
    );
  });
});

describe("when the models change", () => {
  it("an ensemble begins to serve once its step does", async () => {
    await ensemble("chain", ["model"]);
    const repository = await start();
    expect(ready(repository)).toEqual([]);
    await plain("model");
    await repository.poll();
    expect(ready(repository)).toEqual(["chain", "model"]);
  });

  it("goes out of service with its step, and so do the ensembles around it", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    await ensemble("outer", ["chain"]);
    const repository = await start();
    await rm(join(root, "model"), { recursive: true });
    await repository.poll();
    expect(ready(repository)).toEqual([]);
    expect(reasonOf(repository, "chain")).toMatch(/not available or ambiguous: model/);
    expect(reasonOf(repository, "outer")).toMatch(/depends on 'chain' which is not valid/);
    await expect.poll(() => events.toSorted()).toContain("unload outer");
  });

  it("goes on with another version of its step, unless it named the one that went", async () => {
    await plain("model", { versions: [1, 2] });
    await ensemble("newest", ["model"]);
    await ensemble("second", ["model:2"]);
    const repository = await start();
    await rm(join(root, "model", "2"), { recursive: true });
    await repository.poll();
    expect(ready(repository)).toEqual(["model", "newest"]);
    expect(reasonOf(repository, "second")).toMatch(/whose required version 2 is not loaded/);
  });

  it("is refused when its step changes its shape, and serves again when it changes back", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    const repository = await start();
    await plain("model", { dims: "5" });
    await repository.poll();
    expect(ready(repository)).toEqual(["model"]);
    expect(reasonOf(repository, "chain")).toMatch(/inconsistent shape/);
    await plain("model");
    await repository.poll();
    expect(ready(repository)).toEqual(["chain", "model"]);
  });

  it("serves by its old plan while the new one is wrong", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    const repository = await start();
    await ensemble("chain", ["model", "nobody"]);
    await repository.poll();
    expect(ready(repository)).toEqual(["chain", "model"]);
    await write("chain/config.pbtxt", 'platform: "ensemble"');
    await repository.poll();
    expect(ready(repository)).toEqual(["chain", "model"]);
    await rm(join(root, "model"), { recursive: true });
    await repository.poll();
    expect(ready(repository)).toEqual([]);
  });

  it("is not loaded again by a look that finds nothing new", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    const repository = await start();
    events = [];
    let changes = 0;
    repository.onChange(() => changes++);
    await repository.poll();
    expect([events, changes]).toEqual([[], 0]);
  });
});

describe("in explicit mode", () => {
  it("an ensemble that is asked for brings its steps along", async () => {
    await plain("model");
    await plain("other");
    await ensemble("inner", ["model"]);
    await ensemble("outer", ["inner"]);
    const repository = await start({ controlMode: "explicit", loadModels: ["outer"] });
    expect(ready(repository)).toEqual(["inner", "model", "outer"]);
    await repository.unloadModel("model", new Map());
    expect(ready(repository)).toEqual([]);
    expect(reasonOf(repository, "inner")).toBe("unloaded");
    await repository.loadModel("outer", new Map());
    expect(ready(repository)).toEqual(["inner", "model", "outer"]);
  });

  it("goes with its step by the same reason, whether or not the step's last requests are answered", async () => {
    await plain("model");
    await ensemble("chain", ["model"]);
    const repository = await start({ controlMode: "explicit", loadModels: ["chain"] });
    let answered = () => {};
    lastRequests = new Promise((resolve) => {
      answered = resolve;
    });
    const unloading = repository.unloadModel("model", new Map());
    await expect.poll(() => ready(repository)).toEqual([]);
    answered();
    await unloading;
    await expect.poll(() => reasonOf(repository, "chain")).toBe("unloaded");
  });

  it("a load of one that does not fit its steps fails with the reason", async () => {
    await plain("model", { dims: "5" });
    await ensemble("chain", ["model"]);
    const repository = await start({ controlMode: "explicit" });
    await expect(repository.loadModel("chain", new Map())).rejects.toThrow(/inconsistent shape/);
    await plain("model");
    await repository.loadModel("chain", new Map());
    expect(ready(repository)).toEqual(["chain", "model"]);
    await repository.unloadModel(
      "chain",
      new Map([["unload_dependents", { type: "bool", value: true }]]),
    );
    expect(ready(repository)).toEqual([]);
  });
});

const shared = join(packageRoot, "..", "shared", "configs", "invalid", "ensemble");
const refusedByTriton = await readdir(shared).catch((): string[] => []);

describe.skipIf(refusedByTriton.length === 0)("ensembles that Triton refuses (../shared)", () => {
  it.each(refusedByTriton)("%s: with its text", async (name) => {
    const folder = join(shared, name);
    const names = await readdir(folder);
    const isModel = names.includes("config.pbtxt");
    const expected: string[] = [];
    for (const file of names.filter((one) => one.startsWith("expected"))) {
      expected.push((await readFile(join(folder, file), "utf8")).trim());
    }
    const models = names.filter((one) => !one.includes(".") && !one.startsWith("expected"));
    for (const model of isModel ? [name] : models) {
      await cp(isModel ? folder : join(folder, model), join(root, model), { recursive: true });
      await mkdir(join(root, model, "1"), { recursive: true });
    }
    const repository = await start();
    const patterns = expected.map((text) => new RegExp(text.replaceAll("'", "'")));
    const reason = reasonOf(repository, name) ?? "";
    expect(
      patterns.some((pattern) => pattern.test(reason)),
      `${reason}\n${expected}`,
    ).toBe(true);
    expect(ready(repository)).not.toContain(name);
  });
});
