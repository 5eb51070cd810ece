/** What the gate said of an artifact, from where it is kept. */
import { readFile } from "node:fs/promises";
import { StatusError } from "../../errors.ts";
import type { Blobs } from "../../store/store.ts";
import type { Digest, SignedVerdict } from "./types.ts";

/** More is no verdict: worst rows and histograms are bounded. */
const MOST_BYTES = 64 * 2 ** 20;

/** @throws StatusError NOT_FOUND also for what is something else */
export async function readVerdict(
  blobs: Pick<Blobs, "size" | "path">,
  digest: Digest,
): Promise<SignedVerdict> {
  const sizeBytes = await blobs.size(digest);
  if (sizeBytes === undefined || sizeBytes > MOST_BYTES) {
    throw new StatusError("NOT_FOUND", `there is no verdict ${digest}`);
  }
  const read = parsed(await readFile(blobs.path(digest), "utf8"));
  if (read?.verdict?.verdict === 1) return read as SignedVerdict;
  throw new StatusError("NOT_FOUND", `${digest} is a file of the registry, but no verdict`);
}

function parsed(text: string): Partial<SignedVerdict> | undefined {
  try {
    return JSON.parse(text) as Partial<SignedVerdict>;
  } catch {
    return undefined;
  }
}
