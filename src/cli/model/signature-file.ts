/** Signatures of artifacts in files, as `model sign` writes them, and keys in PEM files. */

import { toStatusError } from "../../errors.ts";
import type { Vendor } from "../../registry/catalog/types.ts";
import { signArtifact } from "../../registry/trust/artifact-signature.ts";
import { CliError, Exit } from "../io.ts";
import { readSmallFile } from "./read-file.ts";

export interface Signature {
  readonly keyId: string;
  /** base64 */
  readonly value: string;
}

/**
 * JSON of `model sign`, or the base64 alone as openssl makes it.
 * @param keyId needed for the latter
 */
export async function readSignature(path: string, keyId: string | undefined): Promise<Signature> {
  const text = (await readSmallFile(path, "--signature")).trim();
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    if (keyId !== undefined) return { keyId, value: text };
    throw new CliError(Exit.usage, `--signature ${path}: say whose it is, --key-id`);
  }
  let read: Partial<Record<keyof Signature, unknown>> = {};
  try {
    read = (JSON.parse(text) ?? {}) as typeof read;
  } catch {
    // told below
  }
  if (typeof read.keyId === "string" && typeof read.value === "string") {
    return { keyId: keyId ?? read.keyId, value: read.value };
  }
  const expected = "expected the JSON of 'beamgate model sign -o json', or base64";
  throw new CliError(Exit.usage, `--signature ${path}: ${expected}`);
}

/** @param key file with an Ed25519 private key, PEM */
export async function signWithFile(
  key: string,
  keyId: string,
  digest: string,
  vendor: Vendor,
): Promise<Signature> {
  const pem = await readSmallFile(key, "the private key");
  try {
    return { keyId, value: signArtifact(pem, digest, vendor) };
  } catch (cause) {
    throw new CliError(Exit.usage, `'${key}': ${toStatusError(cause).message}`, { cause });
  }
}
