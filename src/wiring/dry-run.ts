/** A registration's checks without a gateway: no device is known, no model is registered, no signature can count. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckResult, Registration } from "../registry/catalog/types.ts";
import { candidateOf } from "../registry/registration/candidate-of.ts";
import { runChecks } from "../registry/registration/run-checks.ts";
import { Trust } from "../registry/trust/trust.ts";
import { vendorRules } from "../registry/vendors/vendor-rules.ts";
import { artifactReaders, backendModules } from "./backend-modules.ts";

/** @param paths where the bytes of each digest lie */
export async function dryRunLocally(
  registration: Partial<Registration>,
  paths: ReadonlyMap<string, string>,
): Promise<readonly CheckResult[]> {
  const path = (digest: string) => paths.get(digest) ?? "";
  const blobs = {
    has: async (digest: string) => paths.has(digest),
    path,
    size: async (digest: string) => (await stat(path(digest))).size,
  };
  const folder = await mkdtemp(join(tmpdir(), "beamgate-dry-run-"));
  try {
    const candidate = await candidateOf(registration, undefined, blobs, false);
    const { results } = await runChecks(candidate, {
      rules: vendorRules(),
      readers: artifactReaders,
      modules: await backendModules([]),
      devices: () => [],
      trust: new Trust(undefined),
      maxArtifactBytes: Number.MAX_SAFE_INTEGER,
      workFolder: async () => folder,
    });
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
