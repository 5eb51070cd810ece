import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TensorSpec } from "../backends/contract.ts";
import { CONFIG_TYPE } from "../src/inference/datatypes.ts";
import { packageRoot } from "../src/package-root.ts";
import { readConfigFile } from "../src/registry/config-pbtxt.ts";
import { fieldsOf } from "../src/registry/model-config.ts";
import { controlInputs, stateTensors } from "../src/registry/sequence-definition.ts";
import type { ElementType } from "./make/onnx/onnx-graph.ts";
import { type OpenModel, openOnnx } from "./make/onnx/run-onnx.ts";
import { Random } from "./make/random.ts";
import { floatsOf, type NamedTensor, type NamedTensors } from "./make/recipe.ts";
import { recipes } from "./make/recipes/index.ts";
import { particleJets } from "./make/recipes/particle-jets.ts";
import { trackClassifier } from "./make/recipes/track-classifier.ts";
import { evaluate } from "./make/reference/evaluate.ts";
import { type Port, readOnnx, type Values } from "./make/reference/read-onnx.ts";

const root = join(packageRoot, "models");
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "make")
  .map(({ name }) => name);
const artifact = (model: string) => join(root, model, "1", "model.onnx");

interface ConfigTensor {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly string[];
  readonly label_filename?: string;
  readonly reshape?: { readonly shape?: readonly string[] };
  readonly allow_ragged_batch?: boolean;
}

interface Config {
  readonly name: string;
  readonly max_batch_size?: number;
  readonly input: readonly ConfigTensor[];
  readonly output: readonly ConfigTensor[];
  readonly batch_input?: readonly {
    readonly target_name: readonly string[];
    readonly data_type: string;
  }[];
  readonly batch_output?: readonly { readonly target_name: readonly string[] }[];
}

const readConfig = async (model: string) =>
  (await readConfigFile(join(root, model, "config.pbtxt"))) as unknown as Config;

/** What the artifact has: a client's tensors, and those of the sequence batcher. */
async function tensorsOf(model: string): Promise<Pick<Config, "input" | "output">> {
  const { input, output } = await readConfig(model);
  const fields = fieldsOf(await readConfigFile(join(root, model, "config.pbtxt")));
  const states = stateTensors(fields);
  const described = ({ name, datatype, shape }: TensorSpec) => ({
    name,
    data_type: CONFIG_TYPE[datatype],
    dims: shape.map(String),
  });
  const controls = controlInputs(fields).map(({ spec }) => spec);
  return {
    input: [...input, ...[...controls, ...states.inputs].map(described)],
    output: [...output, ...states.outputs.map(described)],
  };
}

describe("the repository", () => {
  it("has a recipe for every ONNX file, and a file for every recipe", () => {
    const withFile = folders.filter((folder) => existsSync(artifact(folder)));
    expect(withFile.sort()).toEqual(recipes.map(({ name }) => name).sort());
  });

  it("stays small: no file above 1 MB, all together below 3 MB", () => {
    const sizes = recipes.map(({ name }) => statSync(artifact(name)).size);
    expect(Math.max(...sizes)).toBeLessThan(1e6);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3e6);
  });

  it.each(folders)("%s has a configuration of its own name and a version folder", async (model) => {
    expect((await readConfig(model)).name).toBe(model);
    expect(readdirSync(join(root, model, "1")).length).toBeGreaterThan(0);
  });

  it.each(folders)("%s has as many labels as its labelled output has classes", async (model) => {
    for (const { label_filename: file, dims } of (await readConfig(model)).output) {
      if (file === undefined || file === "") continue;
      const labels = readFileSync(join(root, model, file), "utf8")
        .trim()
        .split("\n");
      expect(labels.length).toBe(Number(dims[0]));
    }
  });

  it.each(folders)("%s is in the README, with the figures of its figures.json", (model) => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    expect(readme).toContain(`\`${model}\``);
    const figures = storedFigures(model)?.figures ?? {};
    for (const value of Object.values(figures)) expect(readme).toContain(String(value));
  });
});

describe.each(recipes)("$name", (recipe) => {
  const file = readFileSync(artifact(recipe.name));
  let model: OpenModel;
  beforeAll(async () => {
    model = await openOnnx(file);
  });
  afterAll(() => model.close());

  it("has the tensors that its configuration names", async () => {
    const { inputs, outputs } = portsOf(
      await readConfig(recipe.name),
      await tensorsOf(recipe.name),
    );
    const onnx = readOnnx(file);
    expect(model.inputNames).toEqual(inputs.map(({ name }) => name));
    expect(model.outputNames).toEqual(outputs.map(({ name }) => name));
    expect(onnx.inputs.map(portFacts)).toEqual(inputs);
    expect(onnx.outputs.map(portFacts)).toEqual(outputs);
  });

  it("gives a row the same answer alone and in a batch", async () => {
    const config = await readConfig(recipe.name);
    if ((config.max_batch_size ?? 0) === 0) return;
    if (config.input.some((tensor) => tensor.allow_ragged_batch)) return; // has no rows, see below
    const inputs = recipe.sample(new Random(11), 4);
    const together = await model.run(inputs);
    for (let row = 0; row < 4; row++) {
      const alone = await model.run(mapValues(inputs, (one) => rowOf(one, row)));
      for (const [name, output] of Object.entries(alone)) {
        const batchRow = rowOf(together[name] as NamedTensor, row);
        if (output.type !== "FP32") expect(output.data).toEqual(batchRow.data);
        else expectClose(toValues(output).data, toValues(batchRow).data);
      }
    }
  });
});

// The reference knows numbers; INT8 and strings have tests of their own below.
describe.each(recipes.filter(({ name }) => !["simple_int8", "simple_string"].includes(name)))(
  "the graph of $name",
  ({ name, sample }) => {
    it("computes in ONNX Runtime what it says", async () => {
      const file = readFileSync(artifact(name));
      const inputs = sample(new Random(7), name === "met_regression" ? 1 : 5);
      const outputs = await runOnce(name, inputs);
      const expected = evaluate(readOnnx(file), mapValues(inputs, toValues));
      for (const [output, found] of Object.entries(outputs)) {
        expect(found.shape).toEqual(expected.get(output)?.shape);
        expectClose(toValues(found).data, expected.get(output)?.data ?? []);
      }
    });
  },
);

describe.each(recipes.filter(({ measure }) => measure !== undefined))(
  "the training of $name",
  ({ name, measure }) => {
    it("is as good on fresh data as its figures say", { timeout: 120_000 }, async () => {
      const stored = storedFigures(name)?.figures ?? {};
      const size = name === "met_regression" ? 150 : 2000;
      const run = (inputs: NamedTensors) => runOnce(name, inputs);
      const fresh = (await measure?.(run, new Random(314), size)) ?? {};
      expect(Object.keys(fresh)).toEqual(Object.keys(stored));
      for (const [figure, value] of Object.entries(fresh)) {
        const wanted = stored[figure] ?? Number.NaN;
        if (figure.startsWith("resolution")) expect(value).toBeLessThan(wanted * 1.2);
        else expect(value).toBeGreaterThan(wanted - 0.04);
      }
    });
  },
);

describe("the figures", () => {
  const figure = (model: string, name: string) => storedFigures(model)?.figures[name] ?? Number.NaN;

  it("show networks that beat the method without a network", () => {
    expect(figure("calo_energy", "resolution_2_to_10_gev")).toBeLessThan(
      figure("calo_energy", "resolution_2_to_10_gev_window_sum"),
    );
    expect(figure("met_regression", "resolution_gev")).toBeLessThan(
      figure("met_regression", "resolution_gev_puppi_sum"),
    );
  });

  it("show networks that tell their classes apart", () => {
    expect(figure("jet_tagger", "accuracy")).toBeGreaterThan(0.7); // 0.2 by guessing
    expect(figure("particle_jets", "accuracy")).toBeGreaterThan(0.6); // 0.125 by guessing
    expect(figure("l1_anomaly", "auc_resonance")).toBeGreaterThan(0.85); // 0.5 by guessing
    expect(figure("track_classifier", "auc")).toBeGreaterThan(0.9);
    expect(figure("edge_filter", "auc")).toBeGreaterThan(0.9);
    expect(figure("graph_edges", "auc")).toBeGreaterThan(0.9);
  });
});

describe("making a model twice", () => {
  it("gives the same bytes, training included", { timeout: 180_000 }, () => {
    expect(Buffer.compare(trackClassifier.build(), trackClassifier.build())).toBe(0);
  });

  it.each(recipes.filter(({ measure }) => measure === undefined))(
    "gives the bytes that lie in the repository: $name",
    ({ name, build }) => {
      expect(Buffer.compare(build(), readFileSync(artifact(name)))).toBe(0);
    },
  );
});

describe("jets of different lengths", () => {
  it("get the same answer however many zeros follow", async () => {
    const [bare, padded] = await Promise.all(
      [0, 60].map((extra) =>
        runOnce("particle_jets", particleJets.padded(new Random(5), 6, extra)),
      ),
    );
    expectClose(
      toValues(padded?.["softmax"] as NamedTensor).data,
      toValues(bare?.["softmax"] as NamedTensor).data,
    );
  });
});

describe("events of different lengths, end to end", () => {
  it("get the mean that each has alone, to the last bit", async () => {
    const events = [[1e4, 1, 3], [], [0.1], [0.1, 0.2, 0.4]].map((hits) => Float32Array.from(hits));
    const int32 = (...data: number[]): NamedTensor => ({
      type: "INT32",
      data: Int32Array.from(data),
      shape: [data.length],
    });
    const meansOf = async (...together: Float32Array[]) => {
      const hits = Float32Array.from(together.flatMap((event) => [...event]));
      const counts = together.map(({ length }) => length);
      const ends = counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b));
      const outputs = await runOnce("ragged_mean", {
        hits: { type: "FP32", data: hits, shape: [hits.length] },
        hit_count: int32(...counts),
        hit_end: int32(...ends),
      });
      return [...floatsOf(outputs, "mean")];
    };
    const together = await meansOf(...events);
    for (const [i, event] of events.entries()) expect(await meansOf(event)).toEqual([together[i]]);
    expect(together[1]).toBe(0);
    expect(together[3]).toBeCloseTo(0.7 / 3, 6);
  });
});

describe("the sum-and-difference models", () => {
  const first = [0, 1, -1, 7, -100, 100, 127, -128, 3, 4, 5, 6, 7, 8, 9, 10];
  const second = [0, 1, -1, -8, -20, 20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
  const add = (a: number, i: number) => a + (second[i] ?? 0);
  const subtract = (a: number, i: number) => a - (second[i] ?? 0);

  const ask = async (name: string, encode: (values: number[]) => NamedTensor["data"]) => {
    const type = ({ simple: "INT32", simple_int8: "INT8" }[name] ?? "BYTES") as ElementType;
    const tensor = (values: number[]): NamedTensor => ({
      type,
      shape: [1, 16],
      data: encode(values),
    });
    return runOnce(name, { INPUT0: tensor(first), INPUT1: tensor(second) });
  };

  it("simple adds INT32", async () => {
    const outputs = await ask("simple", (values) => Int32Array.from(values));
    expect(outputs["OUTPUT0"]?.data).toEqual(Int32Array.from(first, add));
    expect(outputs["OUTPUT1"]?.data).toEqual(Int32Array.from(first, subtract));
  });

  it("simple_int8 adds INT8 and wraps", async () => {
    const outputs = await ask("simple_int8", (values) => Int8Array.from(values));
    expect(outputs["OUTPUT0"]?.data).toEqual(Int8Array.from(first, add));
    expect(outputs["OUTPUT1"]?.data).toEqual(Int8Array.from(first, subtract));
  });

  it("simple_string adds numbers written in decimal, negative ones too", async () => {
    const outputs = await ask("simple_string", (values) => values.map(String));
    expect(outputs["OUTPUT0"]?.data).toEqual(first.map((a, i) => String(add(a, i))));
    expect(outputs["OUTPUT1"]?.data).toEqual(first.map((a, i) => String(subtract(a, i))));
  });
});

async function runOnce(name: string, inputs: NamedTensors) {
  const model = await openOnnx(readFileSync(artifact(name)));
  try {
    return await model.run(inputs);
  } finally {
    await model.close();
  }
}

function storedFigures(
  model: string,
): { readonly figures: Readonly<Record<string, number>> } | undefined {
  const path = join(root, model, "figures.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

const ELEMENT_TYPE_OF: Readonly<Record<string, number>> = {
  TYPE_FP32: 1,
  TYPE_INT8: 3,
  TYPE_INT32: 6,
  TYPE_INT64: 7,
  TYPE_STRING: 8,
  TYPE_UINT64: 13,
};

/** What the artifact must say about the tensors of the configuration. */
function portsOf(config: Config, { input, output }: Pick<Config, "input" | "output">) {
  const batched = (config.max_batch_size ?? 0) > 0;
  const flat = new Set(config.batch_output?.flatMap((output) => output.target_name));
  const port = ({ name, data_type, dims, reshape, allow_ragged_batch }: ConfigTensor): Port => {
    const elementType = ELEMENT_TYPE_OF[data_type] ?? 0;
    if (allow_ragged_batch || flat.has(name)) return { name, elementType, shape: [-1] };
    const shape = (reshape === undefined ? dims : (reshape.shape ?? [])).map(Number);
    return { name, elementType, shape: batched ? [-1, ...shape] : shape };
  };
  const made = (config.batch_input ?? []).flatMap(({ target_name: names, data_type }) =>
    names.map((name) => ({ name, elementType: ELEMENT_TYPE_OF[data_type] ?? 0, shape: [-1] })),
  );
  return { inputs: [...input.map(port), ...made], outputs: output.map(port) };
}

/** As a configuration says it: a tensor without axes has the dims [1]. */
function portFacts({ name, elementType, shape }: Port): Port {
  return { name, elementType, shape: shape.length === 0 ? [1] : shape };
}

function toValues({ shape, data }: NamedTensor): Values {
  return { shape, data: Array.from(data as ArrayLike<number | bigint>, Number) };
}

function mapValues<T>(
  tensors: NamedTensors,
  change: (tensor: NamedTensor) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, change(tensor)]),
  );
}

function rowOf({ type, shape, data }: NamedTensor, row: number): NamedTensor {
  const width = data.length / (shape[0] ?? 1);
  return { type, shape: [1, ...shape.slice(1)], data: data.slice(row * width, (row + 1) * width) };
}

/** |a - b| <= 1e-5 max |b|. */
function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = found.reduce((most, value, i) => {
    const away = Math.abs(value - (wanted[i] ?? Number.NaN));
    return away > most || Number.isNaN(away) ? away : most;
  }, 0);
  expect(worst).toBeLessThanOrEqual(1e-5 * scale);
}
