import { describe, expect, it } from "vitest";
import type { ArtifactManifest, ModelVariant } from "../../contract.ts";
import { checkVariant } from "./variant-check.ts";

const manifest: ArtifactManifest = {
  ...{ manifest: 1, backend: "b", vendor: "v", numericClass: "n" },
  artifact: { file: "f", format: "cl", platform: "p" },
  inputs: [{ name: "jets", datatype: "FP32", shape: [16] }],
  outputs: [
    { name: "score", datatype: "FP32", shape: [5] },
    { name: "latent", datatype: "FP32", shape: [3] },
  ],
};

function variant(rest: Partial<ModelVariant> = {}): ModelVariant {
  return {
    ...{ model: "m", version: "1", maxBatchSize: 8 },
    inputs: [{ name: "jets", datatype: "FP32", shape: [16] }],
    outputs: [{ name: "score", datatype: "FP32", shape: [5] }],
    artifact: { digest: "", path: "", format: "cl", platform: "p", manifest },
    ...rest,
  };
}

describe("a configured variant", () => {
  it("agrees where its tensors are the manifest's; outputs may be left out, axes open", () => {
    expect(() => checkVariant(variant(), manifest)).not.toThrow();
    const open = variant({ inputs: [{ name: "jets", datatype: "FP32", shape: [-1] }] });
    expect(() => checkVariant(open, manifest)).not.toThrow();
  });

  it.each([
    ["an input missing", { inputs: [] }, 'wants an input "jets" that is not configured'],
    [
      "another datatype",
      { inputs: [{ name: "jets", datatype: "FP64", shape: [16] }] },
      'input "jets": configured FP64 [16], the manifest has FP32 [16]',
    ],
    [
      "another shape",
      { outputs: [{ name: "score", datatype: "FP32", shape: [6] }] },
      'output "score": configured FP32 [6], the manifest has FP32 [5]',
    ],
    [
      "another rank",
      { outputs: [{ name: "score", datatype: "FP32", shape: [5, 1] }] },
      "configured FP32 [5, 1]",
    ],
    [
      "an unknown output",
      { outputs: [{ name: "mass", datatype: "FP32", shape: [5] }] },
      'no output "mass" in the manifest; it has "score", "latent"',
    ],
    [
      "a tensor without rows",
      { inputs: [{ name: "jets", datatype: "FP32", shape: [16], unbatched: true }] },
      "boards take rows only",
    ],
    ["several responses a request", { decoupled: true }, "one response a request"],
  ] satisfies [string, Partial<ModelVariant>, string][])(
    "with %s is refused",
    (_, rest, reason) => {
      const check = () => checkVariant(variant(rest), manifest);
      expect(check).toThrow(reason);
      expect(check).toThrow(expect.objectContaining({ fault: "artifact" }));
    },
  );
});
