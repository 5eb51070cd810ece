import { parseManifest } from "../../manifest.ts";
import { type Check, passed, skipped } from "../check.ts";
import { refused } from "../refusal.ts";

/** What was written about the artifact is a manifest. What it says is compared by the checks behind it. */
export const manifestCheck: Check = {
  name: "manifest",
  needs: [],
  run({ candidate, found }) {
    const { manifest: written } = candidate;
    if (written === undefined) return skipped("no manifest was given");
    try {
      found.manifest = parseManifest(written, "manifest.json");
    } catch (thrown) {
      return refused(thrown, candidate, "correct manifest.json");
    }
    const { backend, artifact } = found.manifest;
    return passed(`for backend ${backend} and platform ${artifact.platform}`);
  },
};
