import { type Check, failed, missing, passed, skipped } from "../check.ts";
import { readBytes } from "../read-bytes.ts";
import { refused } from "../refusal.ts";

/** Kernels, their units, arguments and memory banks are those that the manifest names. */
export const kernelCheck: Check = {
  name: "kernel",
  needs: ["container", "manifest", "vendor"],
  async run(context) {
    const { candidate, found } = context;
    const { format = "", manifest, formatRule } = found;
    if (manifest === undefined) {
      if (formatRule?.needsManifest !== true)
        return skipped(`nothing was told about kernels of ${format}`);
      const remedy = "give its manifest.json: which argument of which kernel is which tensor";
      return missing(context, "manifest", remedy);
    }
    if (!KERNELS.includes(format)) {
      if (manifest.kernel === undefined) return skipped(`${format} has no kernels that are called`);
      return failed(
        `the manifest describes a kernel, ${format} has none that is called`,
        'take "kernel" out of manifest.json, or hand in the artifact it was written for',
      );
    }
    try {
      const { digest: _, ...artifact } = manifest.artifact;
      const neutral = { ...manifest, artifact: { ...artifact, platform: "any" } };
      await readBytes(context, { manifest: neutral });
    } catch (thrown) {
      return refused(thrown, candidate, "correct manifest.json");
    }
    const { name = "", computeUnits = [], arguments: all = [] } = manifest.kernel ?? {};
    const units = Math.max(1, computeUnits.length);
    return passed(
      `${name} with ${all.length} arguments and ${units} compute units, as it is wired`,
    );
  },
};

const KERNELS: readonly string[] = ["xclbin", "awsxclbin", "aocx", "aocr", "cl"];
