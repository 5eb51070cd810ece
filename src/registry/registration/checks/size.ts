import { type Check, failed, passed } from "../check.ts";

/** There are bytes, and not more than this gateway keeps. */
export const sizeCheck: Check = {
  name: "size",
  needs: [],
  run({ candidate: { sizeBytes }, checkers: { maxArtifactBytes } }) {
    if (sizeBytes === 0) return failed("the file is empty", "hand in the whole file");
    if (sizeBytes <= maxArtifactBytes) return passed(`${sizeBytes} bytes`);
    return failed(
      `${sizeBytes} bytes, expected at most ${maxArtifactBytes}`,
      "hand in a smaller one, or raise registry.maxArtifactBytes",
    );
  },
};
