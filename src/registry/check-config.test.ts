import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectOnnx } from "../../backends/common/onnxruntime/artifact.ts";
import { packageRoot } from "../package-root.ts";
import { checkConfig } from "./check-config.ts";
import { parseConfig } from "./config-pbtxt.ts";
import { fieldsOf, withFields } from "./model-config.ts";
import type { InspectingModule } from "./modules.ts";
import type { ModelConfigObject } from "./types.ts";

const modules: readonly InspectingModule[] = [
  {
    kind: "arm-cpu",
    platforms: ["onnxruntime_onnx", "onnxruntime"],
    formats: { onnx: "model.onnx" },
    inspect: ({ path }) => inspectOnnx(path),
  },
  {
    kind: "echo",
    platforms: ["echo"],
    formats: {},
    inspect: async () => ({ platform: "any" }),
  },
];

const shared = join(packageRoot, "..", "shared");
const list = (...path: string[]) => readdir(join(shared, ...path)).catch((): string[] => []);
const autofill = await list("configs", "autofill", "onnx");
const invalidOnnx = (await list("configs", "invalid", "onnx")).map((name) => join("onnx", name));
const invalidCommon = (await list("configs", "invalid", "common")).map((n) => join("common", n));
const invalid = [...invalidOnnx, ...invalidCommon];
const hep = await list("configs", "hep");
const repository = await list("models", "triton_repo");

/** Triton keeps tensors in no order; on a machine without GPUs the group differs. */
function comparable(config: ModelConfigObject): ModelConfigObject {
  const { input = [], output = [], instance_group: groups = [] } = fieldsOf(config);
  const byName = (a: { name?: string }, b: { name?: string }) =>
    (a.name ?? "") < (b.name ?? "") ? -1 : 1;
  return withFields(config, {
    input: [...input].sort(byName),
    output: [...output].sort(byName),
    instance_group: groups.map(({ name = "", kind, count = 0 }) =>
      kind === "KIND_GPU" ? { name, kind: "KIND_CPU", count: 1 } : { name, kind: kind ?? 0, count },
    ),
  });
}

describe.skipIf(autofill.length === 0)("configurations that Triton completes (../shared)", () => {
  it.each(autofill)("%s: completed to the same result", async (name) => {
    const folder = join(shared, "configs", "autofill", "onnx", name);
    const expected = parseConfig(await readFile(join(folder, "expected"), "utf8"), "expected");
    const { config = {}, problems } = await checkConfig(folder, modules);
    expect(problems).toEqual([]);
    expect(comparable(config)).toEqual(comparable(expected));
  });
});

/** Triton's tests look for the text with grep: brackets are escaped, parentheses stand for themselves. */
function basicRegExp(text: string): RegExp {
  return new RegExp(
    text.replace(/\\?[(){}|+?]/g, (found) => (found.length > 1 ? found.slice(1) : `\\${found}`)),
  );
}

describe.skipIf(invalid.length === 0)("configurations that Triton refuses (../shared)", () => {
  it.each(invalid)("%s: refused with Triton's text and the place", async (name) => {
    const folder = join(shared, "configs", "invalid", name);
    const expected = (await readFile(join(folder, "expected"), "utf8")).trim();
    const { problems } = await checkConfig(folder, modules);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(basicRegExp(expected));
    expect(problems[0]).toContain(folder);
  });
});

describe.skipIf(hep.length === 0)("files of configurations in the wild (../shared)", () => {
  it.each(["hep", "triton"])("%s: every file passes on its own", async (folder) => {
    const files = (await list("configs", folder)).filter((name) => name.endsWith(".pbtxt"));
    for (const name of files) {
      const checked = await checkConfig(join(shared, "configs", folder, name), modules);
      expect(checked.problems, name).toEqual([]);
    }
  });
});

describe.skipIf(repository.length === 0)("real model folders (../shared)", () => {
  it.each(repository)("%s: serves", async (name) => {
    const { config, problems } = await checkConfig(
      join(shared, "models", "triton_repo", name),
      modules,
    );
    expect(problems).toEqual([]);
    // Whatever was completed, nothing of the file got lost.
    const path = join(shared, "models", "triton_repo", name, "config.pbtxt");
    const { dynamic_batching, instance_group, ...rest } = fieldsOf(
      parseConfig(await readFile(path, "utf8"), path),
    );
    expect(config).toMatchObject(rest);
    expect(fieldsOf(config ?? {}).dynamic_batching).toMatchObject(dynamic_batching ?? {});
  });
});

describe("a folder or file of our own", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "beamgate-check-"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  async function model(name: string, config: string): Promise<string> {
    await mkdir(join(root, name, "1"), { recursive: true });
    await writeFile(join(root, name, "config.pbtxt"), config);
    return join(root, name);
  }
  const tensors = `
    input { name: "x" data_type: TYPE_FP32 dims: 4 }
    output { name: "y" data_type: TYPE_FP32 dims: 4 }`;
  const echo = (more: string) => `backend: "echo" max_batch_size: 8 ${tensors} ${more}`;

  it("passes a model of a backend without artifacts", async () => {
    const { config, problems } = await checkConfig(await model("echo1", echo("")), modules);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      name: "echo1",
      backend: "echo",
      instance_group: [{ name: "echo1", kind: "KIND_CPU", count: 1 }],
    });
  });

  it.each([
    ['name: "other"', /unexpected directory name 'refused' for model 'other'/],
    ["max_batch_size: -1", /'max_batch_size' must be non-negative value for refused/, ""],
    ["dynamic_batching { preferred_batch_size: 9 }", /preferred size must be <= max batch size/],
    ["dynamic_batching { preferred_batch_size: 0 }", /preferred size must be positive for refused/],
    ["dynamic_batching { priority_levels: 2 }", /default priority level must be in range \[1, 2\]/],
    [
      "dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { } } }",
      /priority queue policy must have priority level in range \[1, 2\]/,
    ],
    [
      "dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }",
      /Only one priority level is allowed/,
    ],
    [
      "dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5 } }",
      /can not have DELAY as timeout action/,
    ],
    ['model_operations { op_library_filename: "evil.so" }', /op_library_filename.*refused/],
    [
      'default_model_filename: "../../etc/passwd"',
      /default_model_filename '\.\.\/\.\.\/etc\/passwd'/,
    ],
    [
      'output { name: "z" data_type: TYPE_FP32 dims: 1 label_filename: "/etc/passwd" }',
      /label_filename/,
    ],
    [
      'output { name: "z" data_type: TYPE_FP32 dims: 1 label_filename: "none.txt" }',
      /cannot be read/,
    ],
    [
      'model_warmup { inputs { key: "x" value { input_data_file: "../x" } } }',
      /input_data_file '\.\.\/x'/,
    ],
    ['input { name: "z" dims: 1 }', /model input 'z' must specify 'data_type' for refused/],
    ['input { name: "z" data_type: TYPE_FP32 }', /model input 'z' must specify 'dims' for refused/],
    ['input { name: "z" data_type: TYPE_FP32 dims: 0 }', /dimension must be integer >= 1, or -1/],
    ['input { name: "x" data_type: TYPE_FP32 dims: 1 }', /'x' is specified more than once/],
    ['platform: "onnxruntime_onnx" backend: "python"', /multiple values/, ""],
    ["instance_group { count: -2 }", /negative count/],
    ["instance_group { count: 1000000000 }", /1000000000 instances, more than 1024 are a mistake/],
    ["instance_group { count: 600 } instance_group { count: 600 }", /have 1200 instances/],
    ["model_repository_agents { agents { name: 'relocation' } }", /unknown repository agent/],
    [
      'parameters { key: "reproducible" value { string_value: "maybe" } }',
      /expected true or false/,
    ],
    ['parameters { key: "intra_op_thread_count" value { string_value: "-3" } }', /from 0 to 1024/],
    [
      'input { name: "z" data_type: TYPE_FP32 dims: [2, 3] reshape { shape: 5 } }',
      /'z' has different size for dims and reshape/,
    ],
  ])("refuses %s", async (config, reason, base = undefined) => {
    const text = base === undefined ? echo(config) : `backend: "echo" ${tensors} ${config}`;
    const { problems } = await checkConfig(await model("refused", text), modules);
    expect(problems).toEqual([expect.stringMatching(reason)]);
  });

  it("names a backend that this gateway does not have, and those it has", async () => {
    const folder = await model("torch", `platform: "pytorch_libtorch" ${tensors}`);
    const { problems } = await checkConfig(folder, modules);
    expect(problems[0]).toMatch(/backend 'pytorch'.*onnxruntime_onnx, onnxruntime, echo/);
  });

  it("tells what is missing", async () => {
    const gone = await checkConfig(join(root, "nowhere"), modules);
    expect(gone.problems[0]).toMatch(/does not exist/);
    const onnx = await checkConfig(await model("onnx", 'backend: "onnxruntime"'), modules);
    expect(onnx.problems[0]).toMatch(/unable to find '.*onnx\/1\/model\.onnx' for model 'onnx'/);
  });

  it("shows the line of a syntax error", async () => {
    const folder = await model("syntax", 'name: "syntax"\nmax_batch_size: many\n');
    const { problems } = await checkConfig(join(folder, "config.pbtxt"), modules);
    expect(problems[0]).toContain(`${folder}/config.pbtxt:2: `);
  });
});
