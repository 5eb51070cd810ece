/** What blobs and uploads share: names, sizes, and what is said of wrong bytes. */
import type { Stats } from "node:fs";
import { type FileHandle, stat } from "node:fs/promises";
import { StatusError } from "../../errors.ts";

export const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** @throws StatusError INVALID_ARGUMENT for what is no digest */
export function hexOf(digest: string): string {
  const [, hex] = DIGEST.exec(digest) ?? [];
  if (hex !== undefined) return hex;
  const expected = "expected sha256:<64 hexadecimal digits in lower case>";
  throw new StatusError("INVALID_ARGUMENT", `'${digest.slice(0, 100)}' is no digest: ${expected}`);
}

export function tooLarge(maxBytes: number): StatusError {
  const remedy = "registry.maxArtifactBytes of the gateway allows more";
  return new StatusError("INVALID_ARGUMENT", `it has more than ${maxBytes} bytes; ${remedy}`);
}

export function otherBytes(digest: string, expected: string): StatusError {
  const text = `the bytes have digest ${digest}, announced was ${expected}; send them again`;
  return new StatusError("INVALID_ARGUMENT", text);
}

export async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.byteLength - done);
    done += bytesWritten;
  }
}

export function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}
