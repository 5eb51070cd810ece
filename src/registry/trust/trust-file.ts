/** The file of keys whose signatures of artifacts count. */
import type { KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { StatusError, toStatusError } from "../../errors.ts";
import { VENDORS, type Vendor } from "../catalog/types.ts";
import { readPublicKey } from "./artifact-signature.ts";

const MAX_FILE_BYTES = 1024 * 1024;

const time = z.union([z.string(), z.date()]).transform((written, context) => {
  const ms = new Date(written).getTime();
  if (Number.isFinite(ms)) return ms;
  context.addIssue({ code: "custom", message: "expected a time such as 2027-01-31T00:00:00Z" });
  return z.NEVER;
});

const entry = z.strictObject({
  id: z.string().min(1).max(256),
  /** PEM, or the path of a file with it, beside this one. */
  publicKey: z.string().min(1),
  vendors: z.array(z.enum(VENDORS)).min(1),
  notBefore: time.optional(),
  notAfter: time.optional(),
  comment: z.string().optional(),
});

const list = z.array(entry).max(10_000);
const file = z.union([list, z.strictObject({ keys: list })]);

export interface TrustedKey {
  readonly id: string;
  readonly publicKey: KeyObject;
  readonly vendors: readonly Vendor[];
  /** ms since 1970; absent: always. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}

/**
 * YAML or JSON: a list of keys, or an object with the list as `keys`.
 * @throws StatusError FAILED_PRECONDITION naming file, key and what was expected there
 */
export async function readTrustFile(path: string): Promise<ReadonlyMap<string, TrustedKey>> {
  const keys = new Map<string, TrustedKey>();
  for (const { id, publicKey, vendors, notBefore, notAfter } of await readEntries(path)) {
    if (keys.has(id)) throw wrong(path, `two keys are called '${id}'`);
    try {
      const key = readPublicKey(await pemOf(publicKey, dirname(path)));
      keys.set(id, { id, publicKey: key, vendors, notBefore, notAfter });
    } catch (cause) {
      throw wrong(path, `key '${id}': ${toStatusError(cause).message}`, cause);
    }
  }
  return keys;
}

async function readEntries(path: string): Promise<z.output<typeof list>> {
  let written: unknown;
  try {
    written = parse(await readBounded(path), { maxAliasCount: 0 });
  } catch (cause) {
    throw wrong(path, toStatusError(cause).message, cause);
  }
  const read = file.safeParse(written);
  if (read.success) return Array.isArray(read.data) ? read.data : read.data.keys;
  // Of the form that was meant: zod lists the problems of both.
  const form = Array.isArray(written) ? list : z.strictObject({ keys: list });
  const issue = form.safeParse(written).error?.issues[0];
  throw wrong(path, `${issue?.path.join(".") || "the document"}: ${issue?.message}`);
}

async function pemOf(written: string, folder: string): Promise<string> {
  return written.includes("-----BEGIN") ? written : readBounded(resolve(folder, written));
}

async function readBounded(path: string): Promise<string> {
  const facts = await stat(path);
  if (!facts.isFile()) throw new Error("it is not a file");
  if (facts.size > MAX_FILE_BYTES) throw new Error(`it has ${facts.size} bytes`);
  return readFile(path, "utf8");
}

function wrong(path: string, reason: string, cause?: unknown): StatusError {
  const text = `the trust file '${path}' cannot be used: ${reason}`;
  return new StatusError("FAILED_PRECONDITION", text, { cause });
}
