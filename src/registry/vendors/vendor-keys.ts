/** Every vendor's registry signs its verdicts with a key of its own, made when it is needed first. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from "node:crypto";
import { readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StatusError } from "../../errors.ts";
import {
  asDiskError,
  isErrno,
  linkNew,
  makeFolder,
  syncFolder,
  writeDurably,
} from "../../store/files/durable.ts";
import type { Store } from "../../store/store.ts";
import type { SignedVerdict, Vendor, Verdict } from "../catalog/types.ts";
import { keyIdOf } from "./key-id.ts";
import { signWith } from "./verdict-signature.ts";

const KEY_FILE = "signing-key.pem";

export interface VendorKey {
  readonly id: string;
  /** SPKI PEM. */
  readonly publicKey: string;
}

interface LoadedKey extends VendorKey {
  readonly privateKey: KeyObject;
}

/** Private keys lie in the store, `vendors/<vendor>/signing-key.pem`, readable by its owner only. */
export class VendorKeys {
  readonly #store: Pick<Store, "folder">;
  readonly #keys = new Map<Vendor, Promise<LoadedKey>>();

  constructor(store: Pick<Store, "folder">) {
    this.#store = store;
  }

  /** For whoever checks verdicts elsewhere. */
  async publicKey(vendor: Vendor): Promise<VendorKey> {
    const { id, publicKey } = await this.#key(vendor);
    return { id, publicKey };
  }

  async signVerdict(vendor: Vendor, verdict: Verdict): Promise<SignedVerdict> {
    const { id, privateKey } = await this.#key(vendor);
    return signWith(privateKey, id, verdict);
  }

  #key(vendor: Vendor): Promise<LoadedKey> {
    const known = this.#keys.get(vendor);
    if (known !== undefined) return known;
    const loading = this.#load(vendor);
    this.#keys.set(vendor, loading);
    // A disk that was full once is asked again.
    loading.catch(() => this.#keys.delete(vendor));
    return loading;
  }

  async #load(vendor: Vendor): Promise<LoadedKey> {
    const folder = join(await this.#store.folder("vendors"), vendor);
    await makeFolder(folder, 0o700);
    const path = join(folder, KEY_FILE);
    const pem = (await readKey(path)) ?? (await makeKey(path)) ?? (await readKey(path)) ?? "";
    let privateKey: KeyObject;
    try {
      privateKey = createPrivateKey(pem);
    } catch (cause) {
      const remedy =
        "restore it from a backup: verdicts that it signed cannot be checked with another";
      const text = `the signing key '${path}' of the registry of ${vendor} cannot be read; ${remedy}`;
      throw new StatusError("DATA_LOSS", text, { cause });
    }
    const publicKey = createPublicKey(privateKey);
    return {
      id: keyIdOf(publicKey),
      publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      privateKey,
    };
  }
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw asDiskError(cause, "reading a signing key");
  }
}

/** @returns undefined where another process was first */
async function makeKey(path: string): Promise<string | undefined> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const made = `${path}.${randomUUID()}`;
  try {
    await writeDurably(made, pem, 0o600);
    try {
      if (!(await linkNew(made, path))) return undefined;
      await syncFolder(dirname(path));
      return pem;
    } finally {
      await unlink(made).catch(() => undefined);
    }
  } catch (cause) {
    throw asDiskError(cause, "writing a signing key");
  }
}
