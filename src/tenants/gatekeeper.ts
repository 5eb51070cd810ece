/**
 * Who calls, and whether he may. What a client shows is looked at in this order: certificate, bearer
 * token, API key, the listener it came to, nothing. The strongest one that is there decides: if it is
 * wrong, the call is refused, and no weaker one is looked at.
 */
import { StatusError, toStatusError } from "../errors.ts";
import type { Caller } from "../inference/caller.ts";
import type { Logger } from "../logger.ts";
import type { Need } from "./access-table.ts";
import { hashOfKey } from "./api-keys.ts";
import { type FetchText, fetchText } from "./fetch-text.ts";
import { Identities, readKeys } from "./identities.ts";
import type { KeySet } from "./key-set.ts";
import type { Origin } from "./origin.ts";
import { TenantTable } from "./tenant-table.ts";
import { readTenantsFile, type TenantsFile } from "./tenants-file.ts";
import { verifyToken } from "./token-verifier.ts";
import { WatchedFiles } from "./watched-files.ts";

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;
/** undefined: nobody was asked. */
export type Verdict = Caller | StatusError | undefined;

export interface GatekeeperOptions {
  /** Of the tenants. */
  readonly path: string;
  /** Names of the listeners there are. */
  readonly listeners: readonly string[];
  readonly log: Logger;
  /** ms since 1970; absent: the system's. */
  now?(): number;
  /** Absent: over HTTP. */
  readonly fetchText?: FetchText;
}

export const API_KEY = "x-api-key";
/** Tokens whose signature was verified; beyond, the oldest are verified again. */
const MOST_TOKENS = 10_000;
const FOREVER = Number.POSITIVE_INFINITY;

interface Recognition {
  readonly caller: Caller;
  readonly untilMs: number;
}

export class Gatekeeper {
  readonly name = "tenants";
  readonly table = new TenantTable();
  readonly #options: GatekeeperOptions;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #watched: WatchedFiles;
  #file: TenantsFile | undefined;
  #identities: Identities | undefined;
  #generation = 0;
  /** In the order in which they came. */
  readonly #tokens = new Map<string, Recognition>();

  constructor(options: GatekeeperOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#watched = new WatchedFiles(
      () => this.#paths(),
      () => this.#readAgain(),
    );
  }

  /** @throws StatusError naming what is wrong with the file, or with one that it names */
  async start(): Promise<void> {
    await this.#read();
    await this.#watched.start();
  }

  /** Reads every file again now; what is broken stays as it was. */
  reload(): Promise<void> {
    return this.#watched.reload();
  }

  stop(): Promise<void> {
    return this.#watched.stop();
  }

  /** Who asks, if he may; a promise only where a token has to be verified first. Never rejects. */
  admit(need: Need, headers: Headers, origin: Origin): Verdict | Promise<Verdict> {
    if (need === "anybody") return undefined;
    const caller = this.#identify(headers, origin);
    if (caller instanceof Promise) return caller.then((known) => permitted(need, known));
    return permitted(need, caller);
  }

  #identify(
    headers: Headers,
    origin: Origin,
  ): Caller | StatusError | Promise<Caller | StatusError> {
    const authorization = headers["authorization"];
    const apiKey = headers[API_KEY];
    const known = origin.recognised;
    if (
      known !== undefined &&
      known.authorization === authorization &&
      known.apiKey === apiKey &&
      known.generation === this.#generation &&
      this.#now() < known.untilMs
    ) {
      return known.caller;
    }
    const identities = this.#identities;
    if (identities === undefined)
      return new StatusError("UNAVAILABLE", "the tenants are not read yet");
    const generation = this.#generation;
    const remember = ({ caller, untilMs }: Recognition): Caller => {
      origin.recognised = {
        ...{ caller, untilMs, generation },
        authorization: textOf(authorization),
        apiKey: textOf(apiKey),
      };
      return caller;
    };
    try {
      const found = this.#look(identities, authorization, apiKey, origin);
      return found instanceof Promise ? found.then(remember).catch(toStatusError) : remember(found);
    } catch (thrown) {
      return toStatusError(thrown);
    }
  }

  /** @throws StatusError */
  #look(
    identities: Identities,
    authorization: Headers[string],
    apiKey: Headers[string],
    { certificate, listener }: Origin,
  ): Recognition | Promise<Recognition> {
    if (certificate !== undefined && identities.byCertificate) {
      if ("refused" in certificate) throw unauthenticated(certificate.refused);
      const { name, notAfter } = certificate;
      if (this.#now() >= notAfter) throw unauthenticated("the certificate has expired meanwhile");
      return { caller: identities.ofCertificate(name), untilMs: notAfter };
    }
    if (authorization !== undefined) return this.#ofToken(identities, authorization);
    if (apiKey !== undefined) {
      const hash = typeof apiKey === "string" ? hashOfKey(apiKey) : undefined;
      const caller = hash === undefined ? undefined : identities.ofKey(hash);
      if (caller === undefined)
        throw unauthenticated(`the key in ${API_KEY} is none of this gateway`);
      return { caller, untilMs: FOREVER };
    }
    const caller =
      (listener === undefined ? undefined : identities.listeners.get(listener)) ??
      identities.anonymous;
    if (caller !== undefined) return { caller, untilMs: FOREVER };
    throw unauthenticated(
      `nothing says who is calling: this gateway takes ${this.#ways(identities)}`,
    );
  }

  #ofToken(
    identities: Identities,
    authorization: string | readonly string[],
  ): Recognition | Promise<Recognition> {
    const [, token] = /^bearer ([^\s,]+)$/i.exec(textOf(authorization) ?? "") ?? [];
    if (token === undefined) {
      throw unauthenticated("the header authorization is not of the form 'Bearer <token>'");
    }
    const now = this.#now();
    const known = this.#tokens.get(token);
    if (known !== undefined && now < known.untilMs) return known;
    return this.#verify(identities, token, now);
  }

  async #verify(identities: Identities, token: string, now: number): Promise<Recognition> {
    if (identities.keySets.size === 0) throw unauthenticated("this gateway takes no tokens");
    const generation = this.#generation;
    const verified = await verifyToken(token, identities.keySets, now);
    const recognition = { caller: identities.ofToken(verified), untilMs: verified.untilMs };
    // Another file, or other keys, may count by now: then it is looked at again next time.
    if (generation === this.#generation) this.#remember(token, recognition);
    return recognition;
  }

  #remember(token: string, recognition: Recognition): void {
    if (this.#tokens.size >= MOST_TOKENS) {
      for (const oldest of this.#tokens.keys()) {
        this.#tokens.delete(oldest);
        break;
      }
    }
    this.#tokens.set(token, recognition);
  }

  #ways({ byCertificate, keySets, byKey }: Identities): string {
    const ways = [
      ...(byCertificate ? ["a client certificate"] : []),
      ...(keySets.size > 0 ? ["a token (authorization: Bearer …)"] : []),
      ...(byKey ? [`a key (${API_KEY})`] : []),
    ];
    return ways.join(", ") || "nobody here";
  }

  // What is configured ---------------------------------------------------------

  #paths(): string[] {
    const { path } = this.#options;
    const { identities = [], issuers = [] } = this.#file ?? {};
    return [
      path,
      ...identities.flatMap((rule) => (rule.kind === "key" ? [rule.file] : [])),
      ...issuers.flatMap(({ jwks }) => ("file" in jwks ? [jwks.file] : [])),
      ...issuers.flatMap(({ caFile }) => caFile ?? []),
    ];
  }

  async #read(): Promise<void> {
    const { path, listeners } = this.#options;
    const file = await readTenantsFile(path);
    for (const rule of file.identities) {
      if (rule.kind !== "listener" || listeners.includes(rule.listener)) continue;
      const known = listeners.join(", ") || "none";
      const text = `the tenants file '${path}' names a listener '${rule.listener}', but auth.listeners has ${known}`;
      throw new StatusError("FAILED_PRECONDITION", text);
    }
    const before: ReadonlyMap<string, KeySet> = this.#identities?.keySets ?? new Map();
    const read = await readKeys(file, before, {
      now: this.#now,
      fetchText: this.#options.fetchText ?? fetchText,
      changed: () => this.#forget(),
      log: this.#log,
    });
    // From here on nothing fails: the new file counts as a whole, or not at all.
    this.table.replace(file.tenants);
    this.#file = file;
    this.#identities = new Identities({
      ...{ file, ...read },
      tenantNamed: (name) => this.table.named(name),
    });
    this.#forget();
  }

  async #readAgain(): Promise<void> {
    try {
      await this.#read();
      this.#log.info("tenants: read again", { tenants: this.table.all().length });
    } catch (thrown) {
      this.#log.error(
        `tenants: what was read before still counts: ${toStatusError(thrown).message}`,
      );
    }
  }

  /** Everybody is recognised anew. */
  #forget(): void {
    this.#generation++;
    this.#tokens.clear();
  }
}

function permitted(need: readonly string[], caller: Caller | StatusError): Caller | StatusError {
  if (caller instanceof StatusError) return caller;
  const { roles } = caller;
  for (const role of need) if (roles.has(role as never)) return caller;
  if (roles.has("admin")) return caller;
  const { subject, tenant } = caller;
  return new StatusError(
    "PERMISSION_DENIED",
    `this needs the role ${need.join(" or ")}; ${subject} of tenant ${tenant.name} has ${[...roles].join(", ")}`,
  );
}

function textOf(header: Headers[string]): string | undefined {
  return typeof header === "string" ? header : header?.join(", ");
}

function unauthenticated(text: string): StatusError {
  return new StatusError("UNAUTHENTICATED", text);
}
