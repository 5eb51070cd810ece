import { staysInside } from "../../paths.ts";
import type { BundleMember } from "../bundle.ts";
import { type Check, type CheckContext, failed, passed, skipped } from "../check.ts";

/** More than any honest file is packed: zeros pack to a thousandth, and nothing else comes near. */
const MAX_RATIO = 200;

/** Whoever unpacks a bundle gets plain files in a folder, and not more than it looks like. */
export const archiveCheck: Check = {
  name: "archive",
  needs: ["container"],
  run(context) {
    const { format, facts } = context.found;
    if (format !== "bundle") return skipped("it is no archive");
    const members = (facts?.details?.["members"] ?? []) as readonly BundleMember[];
    const problem = problemOf(members, context);
    if (problem === undefined) return passed(`${members.length} members, each a plain path inside`);
    return failed(problem, "pack plain files with relative paths, without links or passwords");
  },
};

function problemOf(
  members: readonly BundleMember[],
  { checkers: { maxArtifactBytes } }: CheckContext,
): string | undefined {
  const seen = new Set<string>();
  let total = 0;
  for (const { path, kind, encrypted, sizeBytes, packedBytes } of members) {
    const shown = JSON.stringify(path.slice(0, 200));
    if (kind === "link" || kind === "other")
      return `${shown} is a ${kind === "link" ? "link" : "device"}`;
    if (!staysInside(path)) return `${shown} leads out of the archive`;
    if (Buffer.byteLength(path) > 1024) return `${shown} is a path of more than 1024 bytes`;
    if (encrypted) return `${shown} is encrypted`;
    // File systems of some who unpack it do not tell upper from lower case.
    const folded = path.normalize("NFC").toLowerCase().replace(/\/$/, "");
    if (seen.has(folded)) return `${shown} is there twice`;
    seen.add(folded);
    total += sizeBytes;
    if (total > maxArtifactBytes) return `it unpacks to more than ${maxArtifactBytes} bytes`;
    if (sizeBytes > 1024 * 1024 && sizeBytes > packedBytes * MAX_RATIO) {
      return `${shown} unpacks to ${sizeBytes} bytes of ${packedBytes}`;
    }
  }
  return members.some(({ kind }) => kind === "file") ? undefined : "there is no file in it";
}
