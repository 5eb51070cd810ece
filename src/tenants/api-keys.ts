/**
 * API keys: 256 random bits, of which only the SHA-256 is kept. That many bits cannot be guessed, so a
 * slow hash would protect nothing and cost every call.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StatusError, toStatusError } from "../errors.ts";

const KEY = /^bgk_[A-Za-z0-9_-]{43}$/;
const LINE = /^sha256:([0-9a-f]{64})(?:\s+.*)?$/;

export function newApiKey(): { readonly key: string; readonly line: string } {
  const key = `bgk_${randomBytes(32).toString("base64url")}`;
  return { key, line: `sha256:${hashOf(key)}` };
}

/** undefined: it is none. Looking a hash up tells by its time of the hash, and nothing of the key. */
export function hashOfKey(written: string): string | undefined {
  return KEY.test(written) ? hashOf(written) : undefined;
}

/**
 * Hashes of every key that counts: while one is replaced there are two. Lines `sha256:<hex> comment`.
 * @throws StatusError FAILED_PRECONDITION naming file and line
 */
export async function readKeyFile(path: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw wrong(path, toStatusError(cause).message, cause);
  }
  return text.split("\n").flatMap((line, at) => {
    const written = line.trim();
    if (written === "" || written.startsWith("#")) return [];
    const [, hash] = LINE.exec(written) ?? [];
    if (hash !== undefined) return [hash];
    const expected = "expected sha256:<64 hex digits>, as 'beamgate key new' prints it";
    throw wrong(path, `line ${at + 1}: ${expected}`);
  });
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function wrong(path: string, reason: string, cause?: unknown): StatusError {
  const text = `the key file '${path}' cannot be used: ${reason}`;
  return new StatusError("FAILED_PRECONDITION", text, { cause });
}
