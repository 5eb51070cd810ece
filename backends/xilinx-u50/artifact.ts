/** Reads artifacts for AMD/Xilinx cards without a card and without a vendor's library. */
import { type Artifact, type ArtifactFacts, BackendError } from "../contract.ts";
import { inspectXclbin } from "./xclbin/inspect-xclbin.ts";
import { inspectXmodel } from "./xmodel/inspect-xmodel.ts";

/**
 * Formats `xclbin` (and `awsxclbin`, its form on AWS F1) and `xmodel` (a model
 * for the DPU of Vitis AI, which runs on an xclbin of that DPU).
 * @throws BackendError `artifact` when it is none of them, broken, made for another
 *   platform than `artifact.platform`, or at odds with `artifact.manifest`
 */
export async function inspectXilinx(artifact: Artifact): Promise<ArtifactFacts> {
  switch (artifact.format) {
    case "xclbin":
    case "awsxclbin":
      return inspectXclbin(artifact);
    case "xmodel":
      return inspectXmodel(artifact);
    default:
      throw new BackendError(
        "artifact",
        `format '${artifact.format}', expected xclbin, awsxclbin or xmodel; ` +
          "correct the format in manifest.json",
      );
  }
}
