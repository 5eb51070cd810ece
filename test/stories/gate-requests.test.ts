/** Models whose rows are no plain rows through the gate, on the CPU: what a request is to them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNpz } from "../../src/npz/read-npz.ts";
import { packageRoot } from "../../src/package-root.ts";
import { addArtifact } from "../../src/registry/catalog/artifact-transitions.ts";
import type { CatalogArtifact } from "../../src/registry/catalog/types.ts";
import { parseConfig } from "../../src/registry/config-pbtxt.ts";
import { type GateRig, gateRig } from "../support/gate-rig.ts";

const LIMIT_MS = 180_000;
const ROWS = 40;

let rig: GateRig;

beforeAll(async () => {
  rig = await gateRig([], ROWS);
}, LIMIT_MS);
afterAll(() => rig.close());

/** One of the example models as the reference of its own version, with generated inputs. */
async function prove(name: string) {
  const folder = join(packageRoot, "models", name);
  const text = readFileSync(join(folder, "config.pbtxt"), "utf8");
  const { name: _, ...config } = parseConfig(text, "config.pbtxt");
  const digest = await rig.put(join(folder, "1", "model.onnx"));
  const artifact: CatalogArtifact = {
    ...{ digest, variant: "cpu", vendor: "cpu", backend: "arm-cpu", platform: "any" },
    ...{ format: "onnx", file: "model.onnx", sizeBytes: 1, numericClass: "float32" },
    ...{ facts: {}, checks: [], state: "validated", registeredBy: "test" },
    registeredAt: "2026-11-28T00:00:00Z",
  };
  const equivalence = { class: { kind: "bit-exact" } } as const;
  const model = addArtifact(undefined, { name, version: "1", config, equivalence, artifact });
  const version = model.versions["1"];
  if (version === undefined) throw new Error("no version");
  const { signal } = new AbortController();
  const proof = await rig.gate.prove(model, version, artifact, undefined, () => {}, signal);
  const read = async (blob: string) => {
    const file = await openNpz(rig.path(blob));
    try {
      const names = file.arrays.map((array) => array.name);
      const shapes = new Map(file.arrays.map((array) => [array.name, array.shape]));
      for await (const { data } of file.chunks(names, ROWS)) return { shapes, data };
      throw new Error("no rows");
    } finally {
      file.close();
    }
  };
  const { golden, verdict } = proof;
  return { verdict, inputs: await read(golden.inputs), outputs: await read(golden.outputs) };
}

const floats = (bytes: Uint8Array | undefined) =>
  new Float32Array(Uint8Array.from(bytes ?? []).buffer);

describe("a model that gets the rows of all requests end to end", () => {
  it("is asked for one row a request: each has its own answer", {
    timeout: LIMIT_MS,
  }, async () => {
    const { verdict, inputs, outputs } = await prove("ragged_mean");
    expect(verdict.reason).toBeUndefined();
    expect(outputs.shapes.get("mean")).toEqual([ROWS, 1]);
    const hits = floats(inputs.data.get("hits"));
    const width = hits.length / ROWS;
    const means = floats(outputs.data.get("mean"));
    for (let row = 0; row < ROWS; row += 1) {
      const sum = hits.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
      expect(means[row]).toBeCloseTo(sum / width, 4);
    }
  });

  it("shares batches all the same, and is refused if a row depends on them", {
    timeout: LIMIT_MS,
  }, async () => {
    const { verdict } = await prove("ragged_mean");
    const arrangements = verdict.batchInvariance.cases.map(({ arrangement }) => arrangement);
    expect(new Set(arrangements)).toEqual(new Set(["elsewhere", "alone", "padded", "batch"]));
  });

  it("gets back what is parted by the shapes of its input", { timeout: LIMIT_MS }, async () => {
    const { verdict, inputs, outputs } = await prove("ragged_io");
    expect(verdict.reason).toBeUndefined();
    expect(outputs.shapes.get("OUTPUT0")).toEqual(inputs.shapes.get("INPUT0"));
    expect(outputs.data.get("OUTPUT0")).toEqual(inputs.data.get("INPUT0"));
  });
});

describe("a model of sequences", () => {
  it.each(["simple_sequence", "simple_dyna_sequence", "simple_string_dyna_sequence"])(
    "is asked for sequences of one request, all with the same id: %s",
    { timeout: LIMIT_MS },
    async (name) => {
      const { verdict } = await prove(name);
      expect(verdict.reason).toBeUndefined();
      expect(verdict).toMatchObject({ passed: true, batchInvariance: { invariant: true } });
    },
  );
});
