import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestFor, withArtifact } from "../../test/support/catalog-model.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aSignature } from "../../test/support/requests.ts";
import { writeNpz } from "../npz/write-npz.ts";
import type { Equivalence } from "../policy/equivalence/types.ts";
import type { CatalogModel } from "../registry/catalog/types.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import { spotCheck } from "./spot-check.ts";

const ROWS = 20;
const EXACT: Equivalence = { class: { kind: "bit-exact" } };
const digest = digestFor("the artifact");
const definition = {
  name: "jets",
  version: "1",
  signature: aSignature(),
  parameters: {},
} as unknown as ModelDefinition;
const variant = { name: "cpu", artifact: { digest } } as unknown as VariantDefinition;
const folder = mkdtempSync(join(tmpdir(), "beamgate-spot-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of the golden outputs, the row with another number than the input has; -1: none. */
const WRONG = { right: -1, wrong: 3, late: 17 };

beforeAll(async () => {
  const inputs = Uint8Array.from({ length: 2 * ROWS }, (_, at) => at);
  const array = { datatype: "UINT8", shape: [ROWS, 2] } as const;
  await writeNpz(join(folder, "inputs"), [{ ...array, name: "x", chunks: [inputs] }]);
  for (const [name, row] of Object.entries(WRONG)) {
    const outputs = inputs.map((value, at) => (Math.floor(at / 2) === row ? 255 : value));
    await writeNpz(join(folder, name), [{ ...array, name: "y", chunks: [outputs] }]);
  }
});

/** An instance that gives back what it gets, looked at with these golden outputs. */
async function look(
  outputs: keyof typeof WRONG,
  equivalence = EXACT,
  known: (model: CatalogModel) => CatalogModel | undefined = (model) => model,
  of = definition,
): Promise<number> {
  const model = withArtifact(undefined, "1", { digest }, "jets");
  const version = model.versions["1"];
  if (version === undefined) throw new Error("no version");
  const golden = { inputs: "inputs", outputs, rows: ROWS, source: "given" } as const;
  const versions = { "1": { ...version, equivalence, golden } };
  const instance = new FakeInstance("a");
  const parts = {
    find: () => known({ ...model, versions }),
    blobPath: (blob: string) => join(folder, blob),
    now: () => 0,
  };
  let runs = 0;
  const looking = spotCheck(parts)(of, variant, instance).finally(() => clearInterval(timer));
  const timer = setInterval(() => {
    for (const run of [...instance.runs]) {
      runs += 1;
      run.finish();
    }
  }, 1);
  await looking;
  expect(instance.rooms).toBe(0);
  return runs;
}

describe("an instance of a registered artifact", () => {
  it("may serve where it computes the golden rows", async () => {
    expect(await look("right")).toBe(1);
  });

  it("may not where a row is another, which is named with the device", async () => {
    await expect(look("wrong")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/^device cpu:0 does not compute .*row 3: 6, expected 255$/),
    });
  });

  it("is looked at with the first sixteen rows, in one batch", async () => {
    expect(await look("late")).toBe(1);
  });

  it("is asked for one row a request where rows lie end to end in the model", async () => {
    const [x] = aSignature().inputs;
    if (x === undefined) throw new Error("no input");
    const made = { from: "batch", kind: "BATCH_ELEMENT_COUNT", source: 0 } as const;
    const spec = { name: "count", datatype: "INT32", shape: [1] } as const;
    const signature = aSignature({ made: [{ ...made, spec }] });
    expect(await look("right", EXACT, undefined, { ...definition, signature })).toBe(16);
  });

  it("is judged by its class", async () => {
    expect(await look("wrong", { class: { kind: "abs-rel", abs: 250, rel: 0 } })).toBe(1);
  });

  it("is left to the gate where few rows say nothing", async () => {
    const physics = { kind: "physics", output: "y", threshold: 9, minAgreement: 1 } as const;
    expect(await look("wrong", { class: physics })).toBe(0);
  });

  it("is not looked at once the registry does not know it any more", async () => {
    expect(await look("wrong", EXACT, () => undefined)).toBe(0);
  });
});
