/** What the artifacts of a version are compared with, pure. */
import { StatusError } from "../../errors.ts";
import { withVersion } from "./artifact-transitions.ts";
import { artifactOf, versionOf } from "./find.ts";
import type { CatalogModel, Digest, GoldenFiles } from "./types.ts";

/** @throws StatusError FAILED_PRECONDITION where an artifact was verified with other golden vectors */
export function setGolden(model: CatalogModel, version: string, golden: GoldenFiles): CatalogModel {
  const before = versionOf(model, version);
  const same = before.golden?.inputs === golden.inputs && before.golden.outputs === golden.outputs;
  const judged = before.artifacts.find(({ state }) => state === "verified" || state === "ready");
  if (before.golden !== undefined && !same && judged !== undefined) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `${judged.digest} of version ${version} of model '${model.name}' is ${judged.state} by other golden vectors ` +
        `(outputs ${before.golden.outputs}); register a new version, or retire what was verified first`,
    );
  }
  return withVersion(model, { ...before, golden });
}

/** The artifact whose outputs are the truth; undefined: they were given. */
export function setReference(
  model: CatalogModel,
  version: string,
  digest: Digest | undefined,
): CatalogModel {
  const { reference, ...before } = versionOf(model, version);
  if (reference === digest) return model;
  if (digest === undefined) return withVersion(model, before);
  artifactOf(model, { version, digest });
  return withVersion(model, { ...before, reference: digest });
}
