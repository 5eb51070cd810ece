/** Artifacts and models of the catalog for tests; a case says what it is about. */
import { createHash } from "node:crypto";
import {
  addArtifact,
  setReady,
  setState,
} from "../../src/registry/catalog/artifact-transitions.ts";
import type { CatalogArtifact, CatalogModel, Digest } from "../../src/registry/catalog/types.ts";

export const AT = "2026-03-01T12:00:00.000Z";

export function digestFor(text: string): Digest {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

export function someArtifact(given: Partial<CatalogArtifact> = {}): CatalogArtifact {
  const vendor = given.vendor ?? "cpu";
  return {
    digest: digestFor(`${vendor} ${given.platform ?? ""}`),
    variant: vendor,
    vendor,
    backend: "onnxruntime",
    platform: vendor,
    format: "onnx",
    file: "model.onnx",
    sizeBytes: 1000,
    numericClass: "fp32",
    facts: {},
    checks: [],
    state: "uploaded",
    registeredBy: "ada",
    registeredAt: AT,
    ...given,
  };
}

/** With the artifact in the state that it says, reached by the way that leads there. */
export function withArtifact(
  model: CatalogModel | undefined,
  version: string,
  given: Partial<CatalogArtifact> = {},
  name = "tagger",
): CatalogModel {
  const { state = "ready", ...artifact } = given;
  const added = someArtifact(artifact);
  let next = addArtifact(model, {
    name,
    version,
    config: { max_batch_size: 8 },
    equivalence: { class: { kind: "bit-exact" } },
    artifact: added,
  });
  const ref = { version, digest: added.digest };
  for (const step of WAYS[state]) {
    next =
      step === "ready"
        ? setReady(next, ref, { at: AT, by: "ada" })
        : setState(next, { ...ref, state: step });
  }
  return next;
}

const WAYS = {
  uploaded: [],
  validated: ["validated"],
  verified: ["validated", "verified"],
  ready: ["validated", "verified", "ready"],
  retired: ["validated", "retired"],
  refused: ["refused"],
} as const;

/** A model with one version a name, each with one artifact that is ready. */
export function modelWith(...versions: readonly string[]): CatalogModel {
  let model: CatalogModel | undefined;
  for (const version of versions) {
    model = withArtifact(model, version, { digest: digestFor(`cpu ${version}`) });
  }
  if (model === undefined) throw new Error("a model has a version at least");
  return model;
}
