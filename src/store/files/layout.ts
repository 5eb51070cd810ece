/**
 * Where things lie in the folder of a store:
 *
 *     format.json               version of this layout (format.ts)
 *     blobs/sha256/ab/<hex>     bytes by their content, mode 0444
 *     records/<kind>/<key>/     <n>.json is generation n of a record (file-records.ts)
 *     records/<kind>.journal    which records changed (journal.ts)
 *     audit.jsonl               the log
 *     uploads/<hex>/            bytes that are still coming (file-upload.ts)
 *     holds/, upgrade.lock/     who must not be disturbed (exclusive.ts, holds.ts)
 *     tmp/                      what is being written, and what is being removed
 *     <any other name>/         folders that other rooms asked for
 */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";

export class Layout {
  readonly root: string;
  readonly format: string;
  readonly blobs: string;
  readonly records: string;
  readonly log: string;
  readonly uploads: string;
  readonly holds: string;
  readonly upgradeLock: string;
  readonly temporary: string;

  constructor(root: string) {
    this.root = root;
    this.format = join(root, "format.json");
    this.blobs = join(root, "blobs", "sha256");
    this.records = join(root, "records");
    this.log = join(root, "audit.jsonl");
    this.uploads = join(root, "uploads");
    this.holds = join(root, "holds");
    this.upgradeLock = join(root, "upgrade.lock");
    this.temporary = join(root, "tmp");
  }

  shard(hex: string): string {
    return join(this.blobs, hex.slice(0, 2));
  }

  blob(hex: string): string {
    return join(this.blobs, hex.slice(0, 2), hex);
  }

  upload(hex: string): string {
    return join(this.uploads, hex);
  }

  kind(kind: string): string {
    return join(this.records, kind);
  }

  journal(kind: string): string {
    return join(this.records, `${kind}.journal`);
  }

  /** A name that nobody else uses. */
  newTemporary(purpose: string): string {
    return join(this.temporary, `${purpose}-${process.pid}-${randomBytes(8).toString("hex")}`);
  }

  /** @throws StatusError INVALID_ARGUMENT for a name that is the store's own or no plain name */
  named(name: string): string {
    const own = ["blobs", "records", "uploads", "holds", "tmp"].includes(name);
    if (own || !/^[a-z][a-z0-9-]{0,63}$/.test(name)) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `'${name}' cannot be the name of a folder of the store; expected small letters, digits and dashes`,
      );
    }
    return join(this.root, name);
  }
}

/** @throws StatusError INVALID_ARGUMENT */
export function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (hex === undefined) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `'${digest.slice(0, 100)}' is no digest; expected sha256:<64 hexadecimal digits>`,
    );
  }
  return hex;
}

/** @throws StatusError INVALID_ARGUMENT */
export function checkKind(kind: string): void {
  if (/^[a-z][a-z0-9-]{0,63}$/.test(kind)) return;
  throw new StatusError("INVALID_ARGUMENT", `'${kind}' cannot be a kind of records`);
}

/** Longest name that is written out; the file system ends at 255 bytes. */
const LONGEST_PLAIN_NAME = 180;

/**
 * A key as the name of a folder: letters, digits, `_`, `-` and dots that are not the first byte stay,
 * every other byte becomes `%XX`. What gets too long is cut and ends with `~` and its SHA-256, so the
 * key itself is read from the records inside.
 */
export function folderNameOf(key: string): string {
  if (key === "" || key.includes("\0")) {
    throw new StatusError("INVALID_ARGUMENT", "the key of a record must have a name without NUL");
  }
  let name = "";
  for (const byte of Buffer.from(key)) {
    const letter = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9_-]/.test(letter) || (letter === "." && name !== "");
    name += plain ? letter : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (name.length <= LONGEST_PLAIN_NAME) return name;
  return `${name.slice(0, LONGEST_PLAIN_NAME)}~${createHash("sha256").update(key).digest("hex")}`;
}

/** The key of a folder whose records cannot tell; cut where the name is. */
export function keyOfFolder(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
