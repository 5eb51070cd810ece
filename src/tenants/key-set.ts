/** The public keys of one issuer, from its address, from where it says they are, or from a file. */
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { discoveryUri, readDiscovery } from "./discovery.ts";
import type { FetchText } from "./fetch-text.ts";
import type { Issuer } from "./tenants-file.ts";

const REFRESH_MS = 6 * 3_600_000;
/** Keys of an issuer that is away count for so long. */
const USABLE_MS = 48 * 3_600_000;
/** Between two attempts, whoever asks for them: tokens with made-up keys shall not make us a hammer. */
const RETRY_MS = 60_000;
/** The same while there are none: an issuer that comes back is wanted. */
const RETRY_WITHOUT_MS = 5_000;

export interface KeySetOptions {
  /** ms since 1970 */
  now(): number;
  /** The text behind an address. */
  readonly fetchText: FetchText;
  /** Other keys than before count: what was verified with those is no longer. */
  changed(): void;
  readonly log: Logger;
}

interface SourceOf {
  readonly issuer: Issuer;
  readonly ca: Buffer | undefined;
}

export class KeySet {
  readonly issuer: Issuer;
  /** Authorities of its web server, PEM. */
  readonly #ca: Buffer | undefined;
  readonly #options: KeySetOptions;
  #keys: { readonly text: string; readonly find: JWTVerifyGetKey; readonly at: number } | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  /** @param before of the same issuer, as it was configured: its keys count here where they are from the same place */
  constructor(issuer: Issuer, options: KeySetOptions, ca?: Buffer, before?: KeySet) {
    this.issuer = issuer;
    this.#ca = ca;
    const source = ({ issuer: { url, jwks }, ca }: SourceOf) => JSON.stringify([url, jwks, ca]);
    if (before && source({ issuer, ca }) === source({ issuer: before.issuer, ca: before.#ca })) {
      this.#keys = before.#keys;
      this.#triedAt = before.#triedAt;
    }
    this.#options = options;
  }

  /** What files it depends on. */
  get file(): string | undefined {
    const { jwks } = this.issuer;
    return "file" in jwks ? jwks.file : undefined;
  }

  /** As jose asks for a key. @throws StatusError UNAVAILABLE where no keys can be had */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const age = this.#age();
    if (age > REFRESH_MS) {
      const read = this.#readAgain();
      // Those that are there still count: nobody waits for an issuer that is slow.
      if (age > USABLE_MS) await read;
    }
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
    const { jwks, name, url } = this.issuer;
    const place = "file" in jwks ? jwks.file : "uri" in jwks ? jwks.uri : discoveryUri(url);
    try {
      const text = await this.#text();
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

  async #text(): Promise<string> {
    const { jwks, url } = this.issuer;
    if ("file" in jwks) return readFile(jwks.file, "utf8");
    const { fetchText } = this.#options;
    const uri =
      "uri" in jwks ? jwks.uri : readDiscovery(await fetchText(discoveryUri(url), this.#ca), url);
    return fetchText(uri, this.#ca);
  }

  #age(): number {
    return this.#keys === undefined
      ? Number.POSITIVE_INFINITY
      : this.#options.now() - this.#keys.at;
  }

  /** At most once in a while, and once for all who wait. */
  #readAgain(): Promise<void> {
    if (this.#reading === undefined) {
      const pauseMs = this.#age() > USABLE_MS ? RETRY_WITHOUT_MS : RETRY_MS;
      if (this.#options.now() - this.#triedAt < pauseMs) return Promise.resolve();
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
    if (keys !== undefined && this.#age() <= USABLE_MS) return keys.find;
    const { name } = this.issuer;
    throw new StatusError("UNAVAILABLE", `the keys of issuer ${name} cannot be had at the moment`);
  }
}
