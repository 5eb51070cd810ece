/** Reads artifacts for Intel FPGA boards without a board and without a vendor's library. */
import { type Artifact, type ArtifactFacts, BackendError } from "../contract.ts";
import { inspectAocx } from "./aocx/inspect-aocx.ts";
import { inspectGbs } from "./gbs/inspect-gbs.ts";

/**
 * Formats `aocx` (an image for OpenCL), `aocr` (the same, linked but without an
 * image) and `gbs` (an image for a programmable acceleration card).
 * @throws BackendError `artifact` when it is none of them, broken, made for another
 *   platform than `artifact.platform`, or at odds with `artifact.manifest`
 */
export async function inspectIntel(artifact: Artifact): Promise<ArtifactFacts> {
  switch (artifact.format) {
    case "aocx":
    case "aocr":
      return inspectAocx(artifact);
    case "gbs":
      return inspectGbs(artifact);
    default:
      throw new BackendError(
        "artifact",
        `format '${artifact.format}', expected aocx, aocr or gbs; ` +
          "correct the format in manifest.json",
      );
  }
}
