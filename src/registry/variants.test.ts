import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import type { Logger } from "../logger.ts";
import type { InspectingModule } from "./modules.ts";
import { prepareModel } from "./prepare.ts";

const tensor = (name: string) => ({ name, datatype: "FP32", shape: [-1, 4] }) as const;
const facts = { platform: "any", inputs: [tensor("x")], outputs: [tensor("y")], batchable: true };

const cpu: InspectingModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime"],
  formats: { onnx: "model.onnx" },
  inspect: async () => facts,
};
const boards: InspectingModule = {
  kind: "xilinx-u50",
  platforms: ["xilinx-u50"],
  formats: { xclbin: "model.xclbin" },
  inspect: async ({ path }) => {
    if (path.includes("broken")) throw new BackendError("artifact", "it is cut off");
    return { platform: "u50" };
  },
};

const manifest = {
  manifest: 1,
  backend: "xilinx-u50",
  vendor: "xilinx",
  artifact: { file: "net.xclbin", format: "xclbin", platform: "u50" },
  numericClass: "ap_fixed<16,6>",
  inputs: [{ name: "x", datatype: "FP32", shape: [4] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [4] }],
};
const config = (more = "") => `
backend: "onnxruntime" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 } ${more}`;

let folder: string;
let said: string[];
const log = Object.fromEntries(
  ["debug", "info", "warn", "error"].map((level) => [
    level,
    (text: string) => void said.push(`${level}: ${text}`),
  ]),
) as unknown as Logger;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "beamgate-variants-")), "jets");
  await mkdir(join(folder, "1"), { recursive: true });
  await writeFile(join(folder, "config.pbtxt"), config());
  await writeFile(join(folder, "1", "model.onnx"), "onnx");
  said = [];
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

async function add(name: string, written: object | string = manifest, bytes = "image") {
  const place = join(folder, "1", name);
  await mkdir(place);
  const text = typeof written === "string" ? written : JSON.stringify(written);
  await writeFile(join(place, "manifest.json"), text);
  await writeFile(join(place, "net.xclbin"), bytes);
}

async function prepare(modules = [cpu, boards]) {
  const [version] = await prepareModel(folder, { modules, autoComplete: true, log });
  if (version === undefined || "error" in version) throw version?.error ?? new Error("no version");
  return version.definition;
}

const sha = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("the variants of a model version", () => {
  it("are read beside its own artifact, each with its digest, manifest and class", async () => {
    await add("u50");
    const { variants, artifact } = await prepare();
    expect(artifact.path).toBe(join(folder, "1", "model.onnx"));
    expect(variants).toMatchObject([
      {
        name: "u50",
        backendKind: "xilinx-u50",
        numericClass: "ap_fixed<16,6>",
        artifact: { digest: sha("image"), format: "xclbin", platform: "u50", manifest },
      },
      {
        name: "arm-cpu",
        backendKind: "arm-cpu",
        numericClass: "float32",
        artifact: { digest: sha("onnx") },
      },
    ]);
  });

  it("come in the order that the configuration prefers, which also names the class of its own", async () => {
    await add("a");
    await add("b");
    await writeFile(
      join(folder, "config.pbtxt"),
      config(`parameters { key: "variant_preference" value { string_value: "arm-cpu, b" } }
        parameters { key: "numeric_class" value { string_value: "exact" } }`),
    );
    const { variants = [] } = await prepare();
    expect(variants.map(({ name }) => name)).toEqual(["arm-cpu", "b", "a"]);
    expect(variants[0]?.numericClass).toBe("exact");
  });

  it("serve without an artifact of the version's own", async () => {
    await rm(join(folder, "1", "model.onnx"));
    await writeFile(join(folder, "config.pbtxt"), config().replace("onnxruntime", "xilinx-u50"));
    await add("u50");
    const { variants, backendKind } = await prepare();
    expect([variants?.map(({ name }) => name), backendKind]).toEqual([["u50"], "xilinx-u50"]);
  });

  it("whose backend is not switched on are left out, and nobody is alarmed", async () => {
    await add("u50");
    expect((await prepare([cpu])).variants?.map(({ name }) => name)).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(/^info: variant 'u50'.*'xilinx-u50' is not/)]);
  });

  it.each([
    ["no JSON", "{", /manifest\.json' cannot be read/],
    ["another number", { ...manifest, manifest: 2 }, /manifest: Invalid input: expected 1/],
    ["an unknown key", { ...manifest, colour: "red" }, /Unrecognized key: "colour"/],
    [
      "a file elsewhere",
      { ...manifest, artifact: { ...manifest.artifact, file: "../model.onnx" } },
      /artifact\.file: expected the name of a file beside the manifest/,
    ],
    [
      "a file that is not there",
      { ...manifest, artifact: { ...manifest.artifact, file: "none" } },
      /there is no file/,
    ],
    [
      "another digest",
      { ...manifest, artifact: { ...manifest.artifact, digest: sha("other") } },
      /has digest sha256:.*the file is damaged/,
    ],
    [
      "a format that the backend does not take",
      { ...manifest, artifact: { ...manifest.artifact, format: "aocx" } },
      /takes no aocx; it takes xclbin/,
    ],
    ["another input", { ...manifest, inputs: [{ ...manifest.inputs[0], name: "z" }] }, /input 'x'/],
    [
      "another datatype",
      { ...manifest, outputs: [{ ...manifest.outputs[0], datatype: "INT8" }] },
      /output 'y' is FP32 in the model, INT8 in the manifest/,
    ],
    [
      "another shape",
      { ...manifest, inputs: [{ ...manifest.inputs[0], shape: [5] }] },
      /input 'x' has shape \[4\] in the model, \[5\] in the manifest/,
    ],
    [
      "one tensor more",
      { ...manifest, outputs: [...manifest.outputs, { ...manifest.outputs[0], name: "w" }] },
      /the model has no output 'w'/,
    ],
    [
      "a kernel that leaves a tensor out",
      {
        ...manifest,
        kernel: {
          name: "k",
          computeUnits: [],
          arguments: [{ index: 0, role: "input", tensor: "x" }],
        },
      },
      /no argument of kernel k passes tensor 'y'/,
    ],
    [
      "banks for other units",
      {
        ...manifest,
        kernel: {
          name: "k",
          computeUnits: ["k_1", "k_2"],
          arguments: [
            { index: 0, role: "input", tensor: "x", banks: [0] },
            { index: 1, role: "output", tensor: "y" },
          ],
        },
      },
      /names 1 banks for 2 units/,
    ],
  ])("with %s are left out with the reason, and the others serve", async (_, written, reason) => {
    await add("bad", written);
    await add("good");
    const { variants } = await prepare();
    expect(variants?.map(({ name }) => name)).toEqual(["good", "arm-cpu"]);
    expect(said).toEqual([
      expect.stringMatching(/^warn: variant 'bad' of model 'jets' is left out/),
    ]);
    expect(said[0]).toMatch(reason);
  });

  it("whose artifact is broken are left out with what its reader says", async () => {
    await add("broken");
    expect((await prepare()).variants?.map(({ name }) => name)).toBeUndefined();
    expect(said[0]).toMatch(/it is cut off/);
  });

  it("of a model with sequences are left out", async () => {
    await add("u50");
    await writeFile(join(folder, "config.pbtxt"), config("sequence_batching { }"));
    expect((await prepare()).variants).toBeUndefined();
    expect(said.some((line) => line.includes("models with sequences"))).toBe(true);
  });
});
