import { checkAgainstArtifact } from "../../check-artifact.ts";
import { fieldsOf } from "../../model-config.ts";
import { checkVariant } from "../../variants.ts";
import { type Check, type CheckContext, failed, type Outcome, passed, skipped } from "../check.ts";
import { configurationOrReason } from "../configuration.ts";
import { freeBatchAxis } from "../free-batch-axis.ts";
import { readBytes } from "../read-bytes.ts";
import { refused } from "../refusal.ts";
import type { SettledConfig } from "../settle-config.ts";

const REMEDY =
  "export the artifact with the tensors of the version, or register it as another version";

/** Clients can send and get the same tensors, whichever artifact of the version answers. */
export const tensorsCheck: Check = {
  name: "tensors",
  needs: ["container", "manifest", "vendor", "kernel"],
  async run(context) {
    const { found, candidate } = context;
    const { facts, manifest, format } = found;
    if (manifest !== undefined && format === "xmodel") {
      try {
        const { digest: _, ...artifact } = manifest.artifact;
        await readBytes(context, {
          manifest: { ...manifest, artifact: { ...artifact, platform: "any" } },
        });
      } catch (thrown) {
        return refused(thrown, candidate, "correct manifest.json");
      }
    }
    if (facts?.inputs === undefined && manifest === undefined) {
      return skipped("neither artifact nor manifest says what the tensors are");
    }
    const settled = configurationOrReason(context);
    if (typeof settled === "string") return skipped(settled);
    try {
      return compare(context, settled);
    } catch (thrown) {
      return refused(thrown, candidate, REMEDY);
    }
  },
};

function compare(
  { candidate, found }: CheckContext,
  { config, signature }: SettledConfig,
): Outcome {
  const { facts, manifest, format = "" } = found;
  if (signature === undefined) return skipped("there is no configuration to compare with");
  const fields = fieldsOf(config);
  if (facts?.inputs !== undefined) {
    const batched = (fields.max_batch_size ?? 0) > 0;
    checkAgainstArtifact(fields, batched ? freeBatchAxis(facts) : facts);
  }
  if (manifest !== undefined) {
    const artifact = { digest: "", path: candidate.path, format, platform: "any", manifest };
    const { backend: backendKind, numericClass } = manifest;
    checkVariant({ name: "candidate", backendKind, artifact, numericClass }, signature);
    if (signature.maxBatchSize === 0 && found.formatRule?.backend !== undefined) {
      return failed(
        "the version has no batch axis (max_batch_size: 0), boards take rows",
        "set max_batch_size in config.pbtxt, in a new version",
      );
    }
  }
  const names = [...signature.inputs, ...signature.outputs].map(({ name }) => name).join(", ");
  const reference = candidate.existing?.reference;
  const same = reference === undefined ? "" : `, as the reference ${reference} has them`;
  return passed(`${names}${same}`);
}
