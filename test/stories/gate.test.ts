/** The jet tagger through the gate: the CPU's graph is the reference, boards are compared with it. */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArtifactManifest } from "../../backends/contract.ts";
import { generateTaggerSample } from "../../models/make/data/jet-observables.ts";
import { Random } from "../../models/make/random.ts";
import { writeNpz } from "../../src/npz/write-npz.ts";
import { packageRoot } from "../../src/package-root.ts";
import type { Equivalence } from "../../src/policy/equivalence/types.ts";
import { addArtifact } from "../../src/registry/catalog/artifact-transitions.ts";
import type { CatalogArtifact, CatalogModel, Vendor } from "../../src/registry/catalog/types.ts";
import { parseConfig } from "../../src/registry/config-pbtxt.ts";
import type { GivenGolden, Proof } from "../../src/registry/gate/gate.ts";
import { type GateRig, gateRig } from "../support/gate-rig.ts";

const LIMIT_MS = 120_000;
const ROWS = 600;
const JET = join(packageRoot, "models", "jet_tagger");
const NEAR: Equivalence = { class: { kind: "abs-rel", abs: 0.02, rel: 0 } };
const emulated = { emulated: { boards: 1 } };

let rig: GateRig;
let folder: string;
let model: CatalogModel;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-gate-story-"));
  rig = await gateRig([
    { kind: "xilinx-u50", options: emulated },
    { kind: "intel-fpga", options: emulated },
  ]);
  const cpu = await artifact("cpu", join(JET, "1", "model.onnx"));
  const { name: _, ...config } = parseConfig(
    readFileSync(join(JET, "config.pbtxt"), "utf8"),
    "config.pbtxt",
  );
  const labels = await rig.put(join(JET, "labels.txt"));
  const files = { "labels.txt": labels };
  const about = { name: "jets", version: "1", config, equivalence: NEAR, files };
  model = addArtifact(undefined, { ...about, artifact: cpu });
  const jets = join(folder, "jets.npz");
  const { inputs } = generateTaggerSample(new Random(7), ROWS);
  const chunks = [new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength)];
  await writeNpz(jets, [{ name: "input", datatype: "FP32", shape: [ROWS, 16], chunks }]);
  const first = await prove(cpu, { inputs: await rig.put(jets) });
  if (!first.verdict.passed) throw new Error(first.verdict.reason);
  const { golden, reference } = first;
  const version = model.versions["1"];
  if (version === undefined || reference === undefined) throw new Error("no version");
  model = { ...model, versions: { "1": { ...version, golden, reference } } };
}, LIMIT_MS);
afterAll(async () => {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
});

async function artifact(
  vendor: Vendor,
  path: string,
  manifest?: ArtifactManifest,
): Promise<CatalogArtifact> {
  const digest = await rig.put(path);
  return {
    digest,
    variant: vendor,
    vendor,
    backend: manifest?.backend ?? "arm-cpu",
    platform: manifest?.artifact.platform ?? "any",
    format: manifest?.artifact.format ?? "onnx",
    file: manifest?.artifact.file ?? "model.onnx",
    sizeBytes: 1,
    numericClass: manifest?.numericClass ?? "float32",
    ...(manifest && { manifest: { ...manifest, artifact: { ...manifest.artifact, digest } } }),
    facts: {},
    checks: [],
    state: "validated",
    registeredBy: "test",
    registeredAt: "2026-11-28T00:00:00Z",
  };
}

/** The artifact of a board, with other bytes where `change` says so. */
function board(vendor: "xilinx" | "intel", change = (bytes: Buffer) => bytes) {
  const from = join(JET, "1", vendor === "xilinx" ? "u50" : "intel");
  const manifest = JSON.parse(
    readFileSync(join(from, "manifest.json"), "utf8"),
  ) as ArtifactManifest;
  const path = join(folder, `${vendor}-${Math.random()}`);
  writeFileSync(path, change(readFileSync(join(from, manifest.artifact.file))));
  return artifact(vendor, path, manifest);
}

function prove(one: CatalogArtifact, given?: GivenGolden): Promise<Proof> {
  const version = model.versions["1"];
  if (version === undefined) throw new Error("no version");
  const { signal } = new AbortController();
  return rig.gate.prove(model, version, one, given, () => {}, signal);
}

/** One weight of three digits that begins with 1 begins with 9. */
function wrongWeight(image: Buffer): Buffer {
  const weights = image.indexOf('"weights_raw":[');
  const at =
    image
      .toString("latin1")
      .slice(weights)
      .search(/(?<=[,[-])1\d\d(?=,)/) + weights;
  image.write("9", at, "latin1");
  return image;
}

/** The 42nd of every 97 rows of a batch gets another answer. */
function placeDependent(source: Buffer): Buffer {
  const text = source.toString();
  const changed = text.replace(
    "(short)lane[l]",
    "(short)(lane[l] + ((row + l) % 97 == 41 ? 900 : 0))",
  );
  if (changed === text) throw new Error("the kernel was not changed");
  return Buffer.from(changed);
}

describe("the reference", () => {
  it("made the golden outputs, and is what it computes in any batch, within its class", () => {
    expect(model.versions["1"]?.golden).toMatchObject({ rows: ROWS, source: "given" });
  });
});

describe.for([
  ["xilinx", "xilinx-u50", "libxrt1 and ocl-icd-libopencl1"],
  ["intel", "intel-fpga", "pocl-opencl-icd and ocl-icd-libopencl1"],
] as const)(
  "an emulated board of %s (skipped where its packages are not installed)",
  ([vendor, kind]) => {
    it("is within 0.02 of the reference, and the same bits in any company", {
      timeout: LIMIT_MS,
    }, async (context) => {
      if (!rig.kinds.has(kind)) return context.skip();
      const { verdict } = await prove(await board(vendor));
      expect(verdict.reason).toBeUndefined();
      expect(verdict).toMatchObject({
        passed: true,
        device: { vendor, emulated: true },
        batchInvariance: { invariant: true },
      });
      expect(verdict.outputs[0]?.maxAbs).toBeGreaterThan(0);
      expect(verdict.outputs[0]?.maxAbs).toBeLessThan(0.02);
    });
  },
);

describe("generated golden inputs", () => {
  it("show that a board is only right for numbers of its world", {
    timeout: LIMIT_MS,
  }, async (context) => {
    if (!rig.kinds.has("intel-fpga")) return context.skip();
    const version = model.versions["1"];
    if (version === undefined) throw new Error("no version");
    const { golden: _, reference: __, ...fresh } = version;
    const [cpu] = version.artifacts;
    if (cpu === undefined) throw new Error("no artifact");
    const { signal } = new AbortController();
    const made = await rig.gate.prove(model, fresh, cpu, undefined, () => {}, signal);
    expect(made.golden).toMatchObject({ source: "generated", rows: ROWS });
    expect(made.verdict).toMatchObject({ passed: true, reference: cpu.digest });
    const wild = { ...version, golden: made.golden };
    const { verdict } = await rig.gate.prove(
      model,
      wild,
      await board("intel"),
      undefined,
      () => {},
      signal,
    );
    expect(verdict).toMatchObject({ passed: false, failedCheck: "numeric-equivalence" });
  });
});

describe("one wrong weight in a bitstream", () => {
  it("is found, with the rows", { timeout: LIMIT_MS }, async (context) => {
    if (!rig.kinds.has("xilinx-u50")) return context.skip();
    const { verdict } = await prove(await board("xilinx", wrongWeight));
    expect(verdict).toMatchObject({ passed: false, failedCheck: "numeric-equivalence" });
    expect(verdict.outputs[0]?.worst.length).toBeGreaterThan(0);
  });
});

describe("a kernel that looks at the place in the batch", () => {
  it("is found as that", { timeout: LIMIT_MS }, async (context) => {
    if (!rig.kinds.has("intel-fpga")) return context.skip();
    const { verdict } = await prove(await board("intel", placeDependent));
    expect(verdict).toMatchObject({ passed: false, failedCheck: "batch-invariance" });
  });
});
