import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import { surviveMutants } from "../../../test/support/survive-mutants.ts";
import { inspectOnnx } from "./artifact.ts";

describe("1000 mutants of a model of ours", () => {
  const files: [string, number][] = [
    ["jet_tagger", 50_001],
    ["running_sum", 60_001],
  ];
  it.each(files)(
    "%s: refused as artifacts, or read, each within 100 ms",
    { timeout: 120_000 },
    async (model, seed) => {
      const tally = await surviveMutants({
        bytes: readFileSync(join(packageRoot, "models", model, "1", "model.onnx")),
        seed,
        mutants: 1000,
        limitMs: 100,
        inspect: inspectOnnx,
      });
      expect(tally.failures).toEqual([]);
      expect(tally.refused).toBeGreaterThan(200);
      expect(tally.read).toBeGreaterThan(20);
      expect(tally.grownMiB).toBeLessThan(400);
    },
  );
});
