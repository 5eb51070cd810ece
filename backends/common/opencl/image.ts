/** The bytes of an image, read and checked before a vendor's library sees them. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Artifact, BackendError } from "../../contract.ts";

/** The largest card's full image is below 200 MB. */
const MOST_IMAGE_BYTES = 512 * 1024 * 1024;

/**
 * Reads the artifact's file once, so that what was checked is what is loaded.
 * @throws BackendError `artifact` where it cannot be read, is empty or too large, or has another digest than
 *   when it was inspected, or than the manifest says
 */
export async function readImage(artifact: Artifact, mostBytes = MOST_IMAGE_BYTES): Promise<Buffer> {
  const bytes = await readBounded(artifact.path, mostBytes);
  const stated = artifact.manifest?.artifact.digest;
  if (artifact.digest === "" && stated === undefined) return bytes;
  const digest = digestOf(bytes);
  for (const [who, expected] of [
    ["the manifest says", stated ?? digest],
    ["it was inspected with", artifact.digest || digest],
  ] as const) {
    if (expected === digest) continue;
    throw new BackendError(
      "artifact",
      `${artifact.path}: its digest is ${digest}, ${who} ${expected}`,
    );
  }
  return bytes;
}

/** Content address, as manifests and artifacts name it. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function readBounded(path: string, mostBytes: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      return await readWhole(file, mostBytes);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError("artifact", `${path}: ${reason}`, { cause });
  }
}

async function readWhole(file: FileHandle, mostBytes: number): Promise<Buffer> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error("is not a file");
  if (stat.size === 0) throw new Error("is empty");
  if (stat.size > mostBytes) throw new Error(`has ${stat.size} bytes; at most ${mostBytes}`);
  const bytes = Buffer.alloc(stat.size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) throw new Error("became shorter while it was read");
    length += bytesRead;
  }
  return bytes;
}
