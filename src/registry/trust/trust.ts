/** Whose signatures count, as the trust file says at the moment. */
import { stat } from "node:fs/promises";
import { StatusError } from "../../errors.ts";
import type { Digest, Vendor } from "../catalog/types.ts";
import { isSignatureOf } from "./artifact-signature.ts";
import { readTrustFile, type TrustedKey } from "./trust-file.ts";

export interface SignedArtifact {
  readonly digest: Digest;
  readonly vendor: Vendor;
  readonly signature: { readonly keyId: string; readonly value: string };
}

export class Trust {
  readonly #path: string | undefined;
  readonly #now: () => number;
  #read: { readonly mark: string; readonly keys: ReadonlyMap<string, TrustedKey> } | undefined;

  /**
   * @param path of the trust file; undefined: no key is trusted
   * @param now ms since 1970
   */
  constructor(path: string | undefined, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /** False: there is no trust file, so no signature can count. */
  get configured(): boolean {
    return this.#path !== undefined;
  }

  /** All of them, for whoever wants to know. @throws StatusError FAILED_PRECONDITION for a file that cannot be used */
  async trusted(): Promise<readonly TrustedKey[]> {
    return [...(await this.#keys()).values()];
  }

  /**
   * The key by which it is signed.
   * @throws StatusError UNAUTHENTICATED for a key that is unknown or a signature that is wrong;
   *   PERMISSION_DENIED for a key that is not for this vendor, or not for this time;
   *   FAILED_PRECONDITION for a trust file that cannot be used
   */
  async verify({ digest, vendor, signature }: SignedArtifact): Promise<TrustedKey> {
    const { keyId, value } = signature;
    const keys = await this.#keys();
    const key = keys.get(keyId);
    if (key === undefined) {
      const known = [...keys.keys()].slice(0, 8).map((id) => `'${id}'`);
      const list = known.length === 0 ? "there is none" : `known are ${known.join(", ")}`;
      throw new StatusError("UNAUTHENTICATED", `key '${keyId}' is unknown: ${list}`);
    }
    const now = this.#now();
    if (key.notAfter !== undefined && now > key.notAfter) {
      throw denied(`key '${keyId}' has expired at ${iso(key.notAfter)}`);
    }
    if (key.notBefore !== undefined && now < key.notBefore) {
      throw denied(`key '${keyId}' is not valid before ${iso(key.notBefore)}`);
    }
    if (!key.vendors.includes(vendor)) {
      throw denied(`key '${keyId}' is for ${key.vendors.join(", ")}, not for ${vendor}`);
    }
    if (isSignatureOf(value, digest, vendor, key.publicKey)) return key;
    throw new StatusError(
      "UNAUTHENTICATED",
      `the signature is not one by key '${keyId}' for ${digest} and ${vendor}: other bytes, another ` +
        "vendor, or another key was signed with",
    );
  }

  /** Read again when the file is another one. Key files beside it are read with it only. */
  async #keys(): Promise<ReadonlyMap<string, TrustedKey>> {
    const path = this.#path;
    if (path === undefined) return new Map();
    const facts = await stat(path).catch(() => undefined);
    const mark = facts && `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
    if (mark !== undefined && this.#read?.mark === mark) return this.#read.keys;
    const keys = await readTrustFile(path);
    this.#read = mark === undefined ? undefined : { mark, keys };
    return keys;
  }
}

const iso = (ms: number) => new Date(ms).toISOString();

function denied(message: string): StatusError {
  return new StatusError("PERMISSION_DENIED", message);
}
