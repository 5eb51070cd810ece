/** The gate over so many rows of the jet tagger on the CPU: `gate-run.js ROWS`. Prints rows/s and the peak of its own memory. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { packageRoot } from "../../../src/package-root.ts";
import { addArtifact } from "../../../src/registry/catalog/artifact-transitions.ts";
import type { CatalogArtifact } from "../../../src/registry/catalog/types.ts";
import { parseConfig } from "../../../src/registry/config-pbtxt.ts";
import { gateRig } from "../../support/gate-rig.ts";
import { print } from "./print.ts";

const rows = Number(argv[2]);
const jet = join(packageRoot, "models", "jet_tagger");
const folder = await mkdtemp(join(tmpdir(), "beamgate-gate-bench-"));
const rig = await gateRig([], rows);
try {
  const digest = await rig.put(join(jet, "1", "model.onnx"));
  const labels = await rig.put(join(jet, "labels.txt"));
  const config = parseConfig(readFileSync(join(jet, "config.pbtxt"), "utf8"), "config.pbtxt");
  const artifact: CatalogArtifact = {
    ...{ digest, variant: "cpu", vendor: "cpu" as const, backend: "arm-cpu", platform: "any" },
    ...{ format: "onnx", file: "model.onnx", sizeBytes: 1, numericClass: "float32" },
    ...{ facts: {}, checks: [], state: "validated" as const, registeredBy: "", registeredAt: "" },
  };
  const equivalence = { class: { kind: "abs-rel", abs: 1e-5, rel: 1e-5 } } as const;
  const files = { "labels.txt": labels };
  const about = { name: "jet_tagger", version: "1", config, equivalence, files };
  const model = addArtifact(undefined, { ...about, artifact });
  const version = model.versions["1"];
  if (version === undefined) throw new Error("no version");
  const begin = performance.now();
  const { verdict } = await rig.gate.prove(
    ...([model, version, artifact, undefined, () => {}, new AbortController().signal] as const),
  );
  if (!verdict.passed) throw new Error(verdict.reason);
  print({
    rows: verdict.rows,
    rowsPerSecond: (1000 * verdict.rows) / verdict.tookMs,
    withReferenceS: (performance.now() - begin) / 1000,
    peakMb: process.resourceUsage().maxRSS / 1024,
  });
} finally {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
}
exit(0);
