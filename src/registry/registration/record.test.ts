import { describe, expect, it } from "vitest";
import type { CatalogArtifact, CatalogModel, Underway } from "../catalog/types.ts";
import { begun, parked, type Ref, takenOver, validated, verified } from "./record.ts";

const digest = (character: string) => `sha256:${character.repeat(64)}`;
const ref = (character: string, vendor: Ref["vendor"] = "cpu"): Ref => ({
  version: "1",
  digest: digest(character),
  vendor,
});

const underway = (token: string): Underway => ({
  owner: { pid: 1, started: "0", place: "here", host: "host", token },
  since: "2026-01-01T00:00:00.000Z",
  registration: { name: "m", version: "1", vendor: "cpu", artifact: digest("a"), file: "m.onnx" },
});

function artifact({ digest: of, vendor }: Ref, changes: Partial<CatalogArtifact> = {}) {
  return {
    ...{ digest: of, variant: vendor, vendor, backend: "b", platform: "any", format: "onnx" },
    ...{ file: "m.onnx", sizeBytes: 1, numericClass: "float32", facts: {}, checks: [] },
    ...{ registeredBy: "alice", registeredAt: "2026-01-01T00:00:00.000Z" },
    state: "uploaded" as const,
    underway: underway("mine"),
    ...changes,
  };
}

const tensors = (rows: number) => ({
  max_batch_size: rows,
  input: [{ name: "x" }],
  output: [{ name: "y" }],
});

const EXACT = { class: { kind: "bit-exact" } } as const;
const golden = (character: string) => ({
  ...{ inputs: digest(character), outputs: digest(character) },
  ...{ rows: 1, source: "given" as const },
});

function passed(model: CatalogModel | undefined, of: Ref, rows = 8): CatalogModel {
  const uploaded = begun(model, "m", "1", artifact(of));
  return validated(uploaded, of, {
    artifact: artifact(of, { state: "validated" }),
    ...{ config: tensors(rows), equivalence: EXACT, files: {}, reference: "no" },
  });
}

describe("the record of a registration", () => {
  it("obeys whoever has it underway, and nobody else", () => {
    const one = ref("a");
    const model = takenOver(passed(undefined, one), one, underway("theirs"));
    expect(() => parked(model, one, underway("mine"), "late")).toThrow(
      /was taken over by somebody/,
    );
    const done = parked(model, one, underway("theirs"), "no board");
    expect(done.versions["1"]?.artifacts[0]).toMatchObject({ reason: "no board" });
    expect(() => parked(done, one, underway("theirs"), "again")).toThrow(/taken over/);
  });

  it("takes the configuration of the first that passes, and refuses another that comes meanwhile", () => {
    const model = passed(undefined, ref("a"));
    expect(model.versions["1"]?.config).toMatchObject({ max_batch_size: 8 });
    expect(() => passed(model, ref("b", "nvidia"), 16)).toThrow(
      /got another configuration meanwhile/,
    );
    expect(passed(model, ref("b", "nvidia")).versions["1"]?.artifacts).toHaveLength(2);
  });

  it("lets golden files be replaced while nothing is judged by others", () => {
    const one = ref("a");
    const proof = { change: {}, reference: undefined };
    const mine = underway("mine");
    const first = verified(passed(undefined, one), one, mine, { ...proof, golden: golden("1") });
    const retired = {
      ...first,
      versions: {
        "1": { ...first.versions["1"], artifacts: [artifact(one, { state: "retired" })] },
      },
    } as CatalogModel;
    const next = passed(retired, ref("b"));
    const replaced = verified(next, ref("b"), mine, { ...proof, golden: golden("2") });
    expect(replaced.versions["1"]?.golden).toEqual(golden("2"));
    expect(() =>
      verified(passed(replaced, ref("c", "arm")), ref("c", "arm"), mine, {
        ...proof,
        golden: golden("3"),
      }),
    ).toThrow(/is verified by other golden vectors/);
  });
});
