import { type Check, failed, passed, skipped } from "../check.ts";

/** The bytes are those that were meant. */
export const digestCheck: Check = {
  name: "digest",
  needs: [],
  run({ candidate: { digest }, found }) {
    const expected = found.manifest?.artifact.digest;
    if (digest === undefined) return skipped("nobody hashed the bytes");
    if (expected === undefined) return passed(`${digest}; nothing says which it should be`);
    if (expected === digest) return passed(`${digest}, as the manifest says`);
    return failed(
      `the bytes have ${digest}, the manifest says ${expected}`,
      "the file is damaged, or was replaced without its digest: copy it again, or build both again",
    );
  },
};
