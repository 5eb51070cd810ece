/** The public keys of one issuer, from its address or from a file. */
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Issuer } from "./tenants-file.ts";

const REFRESH_MS = 6 * 3_600_000;
/** Keys of an issuer that is away count for so long. */
const USABLE_MS = 48 * 3_600_000;
/** Between two attempts, whoever asks for them: tokens with made-up keys shall not make us a hammer. */
const RETRY_MS = 60_000;
const FETCH_TIMEOUT_MS = 5_000;
const LARGEST_BYTES = 1024 * 1024;

export interface KeySetOptions {
  /** ms since 1970 */
  now(): number;
  /** The text behind an address. */
  fetchText(uri: string): Promise<string>;
  /** Other keys than before count: what was verified with those is no longer. */
  changed(): void;
  readonly log: Logger;
}

export class KeySet {
  readonly issuer: Issuer;
  readonly #options: KeySetOptions;
  #keys: { readonly text: string; readonly find: JWTVerifyGetKey; readonly at: number } | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(issuer: Issuer, options: KeySetOptions) {
    this.issuer = issuer;
    this.#options = options;
  }

  /** What files it depends on. */
  get file(): string | undefined {
    const { jwks } = this.issuer;
    return "file" in jwks ? jwks.file : undefined;
  }

  /** As jose asks for a key. @throws StatusError UNAVAILABLE where no keys can be had */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const now = this.#options.now();
    const age = this.#keys === undefined ? Number.POSITIVE_INFINITY : now - this.#keys.at;
    // Nobody waits for an issuer that is slow or away while its keys still count.
    if (age > USABLE_MS) await this.#readAgain();
    else if (age > REFRESH_MS) void this.#readAgain();
    try {
      return await this.#usable()(header, token);
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
      await this.#readAgain();
      return this.#usable()(header, token);
    }
  };

  /** Reads them now. @throws StatusError with the place, where they cannot be used; the old ones stay */
  async read(): Promise<void> {
    this.#triedAt = this.#options.now();
    const { jwks, name } = this.issuer;
    const place = "file" in jwks ? jwks.file : jwks.uri;
    try {
      const text = await ("file" in jwks
        ? readFile(jwks.file, "utf8")
        : this.#options.fetchText(jwks.uri));
      if (text !== this.#keys?.text) {
        const find = createLocalJWKSet(JSON.parse(text));
        const first = this.#keys === undefined;
        this.#keys = { text, find, at: this.#options.now() };
        if (!first) this.#options.changed();
      } else this.#keys = { ...this.#keys, at: this.#options.now() };
    } catch (cause) {
      const reason = toStatusError(cause).message;
      const message = `the keys of issuer ${name} at ${place} cannot be read: ${reason}`;
      throw new StatusError("UNAVAILABLE", message, { cause });
    }
  }

  /** At most once in a while, and once for all who wait. */
  #readAgain(): Promise<void> {
    if (this.#reading === undefined) {
      if (this.#options.now() - this.#triedAt < RETRY_MS) return Promise.resolve();
      this.#reading = this.read()
        .catch((error: unknown) => this.#options.log.warn(toStatusError(error).message))
        .finally(() => {
          this.#reading = undefined;
        });
    }
    return this.#reading;
  }

  #usable(): JWTVerifyGetKey {
    const keys = this.#keys;
    if (keys !== undefined && this.#options.now() - keys.at <= USABLE_MS) return keys.find;
    const { name } = this.issuer;
    throw new StatusError("UNAVAILABLE", `the keys of issuer ${name} cannot be had at the moment`);
  }
}

/** Follows nobody elsewhere, and takes no more than a set of keys may be long. */
export async function fetchText(uri: string): Promise<string> {
  const answer = await fetch(uri, {
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    headers: { accept: "application/json" },
  });
  if (!answer.ok || answer.body === null) throw new Error(`HTTP status ${answer.status}`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body) {
    bytes += piece.byteLength;
    if (bytes > LARGEST_BYTES) throw new Error(`more than ${LARGEST_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
