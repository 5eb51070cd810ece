/** Everything that is configured about callers, as it is at one time: made new with every change. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StatusError, toStatusError } from "../errors.ts";
import type { Caller, Tenant } from "../inference/caller.ts";
import { readKeyFile } from "./api-keys.ts";
import { hasScope, inGroup } from "./claims.ts";
import { type DistinguishedName, matchesName, nameText } from "./distinguished-name.ts";
import { KeySet, type KeySetOptions } from "./key-set.ts";
import type { Identity, Issuer, Membership, TenantsFile } from "./tenants-file.ts";
import type { VerifiedToken } from "./token-verifier.ts";

type Kind<K extends Identity["kind"]> = Extract<Identity, { kind: K }>;

export interface IdentityParts {
  readonly file: TenantsFile;
  /** Hashes of keys, by rule. */
  readonly keys: ReadonlyMap<Kind<"key">, readonly string[]>;
  /** By the address of the issuer. */
  readonly keySets: ReadonlyMap<string, KeySet>;
  tenantNamed(name: string): Tenant | undefined;
}

export class Identities {
  readonly keySets: ReadonlyMap<string, KeySet>;
  /** Certificates say who calls; else they are the transport's affair alone. */
  readonly byCertificate: boolean;
  readonly byKey: boolean;
  readonly anonymous: Caller | undefined;
  /** By name of the listener. */
  readonly listeners: ReadonlyMap<string, Caller>;
  /** By hash of the key. */
  readonly #keys = new Map<string, Caller>();
  readonly #certificates: readonly Kind<"certificate">[];
  readonly #tokens: readonly Kind<"token">[];
  readonly #tenantNamed: IdentityParts["tenantNamed"];

  constructor({ file, keys, keySets, tenantNamed }: IdentityParts) {
    this.#tenantNamed = tenantNamed;
    this.keySets = keySets;
    const of = <K extends Identity["kind"]>(kind: K) =>
      file.identities.filter((rule): rule is Kind<K> => rule.kind === kind);
    this.#certificates = of("certificate");
    this.#tokens = of("token");
    this.byCertificate = this.#certificates.length > 0;
    for (const [rule, hashes] of keys) {
      const caller = this.#caller(rule, `key:${rule.name}`, "key");
      for (const hash of hashes) this.#keys.set(hash, this.#keys.get(hash) ?? caller);
    }
    this.byKey = keys.size > 0;
    const listeners = new Map<string, Caller>();
    for (const rule of of("listener")) {
      const { listener } = rule;
      if (listeners.has(listener)) continue;
      listeners.set(listener, this.#caller(rule, `listener:${listener}`, "listener"));
    }
    this.listeners = listeners;
    this.anonymous = file.anonymous && this.#caller(file.anonymous, "anonymous", "anonymous");
  }

  /** @throws StatusError UNAUTHENTICATED for a name that belongs to nobody */
  ofCertificate(name: DistinguishedName): Caller {
    const rule = this.#certificates.find(({ pattern }) => matchesName(pattern, name));
    const subject = nameText(name);
    if (rule !== undefined) return this.#caller(rule, subject, "certificate");
    throw unknown(`the certificate '${subject}' belongs to no tenant`);
  }

  /** @throws StatusError UNAUTHENTICATED for one whose groups and scopes belong to nobody */
  ofToken({ issuer, subject, claims }: VerifiedToken): Caller {
    const rule = this.#tokens.find(({ issuer: of, need }) => {
      if (of !== issuer) return false;
      return "group" in need ? inGroup(claims, need.group) : hasScope(claims, need.scope);
    });
    if (rule !== undefined) return this.#caller(rule, subject, "token");
    const groups = clipped([...claims.groups], ", ");
    const scopes = claims.scopes.map(({ name, path }) => name + (path && `:${path}`));
    throw unknown(
      `the token of ${subject} belongs to no tenant: its groups are ${groups}, its scopes ${clipped(scopes, " ")}`,
    );
  }

  ofKey(hash: string): Caller | undefined {
    return this.#keys.get(hash);
  }

  #caller({ tenant, roles }: Membership, subject: string, how: Caller["how"]): Caller {
    const found = this.#tenantNamed(tenant);
    if (found === undefined) throw new Error(`there is no tenant '${tenant}'`); // the file was checked
    return { tenant: found, roles, subject, how };
  }
}

/** @throws StatusError for a file of keys, or a set of them in a file, that cannot be used */
export async function readKeys(
  file: TenantsFile,
  before: ReadonlyMap<string, KeySet>,
  options: KeySetOptions,
): Promise<Pick<IdentityParts, "keys" | "keySets">> {
  const keys = new Map<Kind<"key">, readonly string[]>();
  for (const rule of file.identities) {
    if (rule.kind === "key") keys.set(rule, await readKeyFile(rule.file));
  }
  const keySets = new Map<string, KeySet>();
  for (const issuer of file.issuers) {
    const ca =
      issuer.caFile === undefined ? undefined : await readAuthorities(issuer, issuer.caFile);
    // Keys that are there count although the issuer may be away by now.
    const keySet = new KeySet(issuer, options, ca, before.get(issuer.url));
    if (keySet.file !== undefined) await keySet.read();
    keySets.set(issuer.url, keySet);
  }
  return { keys, keySets };
}

async function readAuthorities({ name }: Issuer, path: string): Promise<Buffer> {
  try {
    const pem = await readFile(path);
    void new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const reason = toStatusError(cause).message;
    const text = `the authorities of issuer ${name} in '${path}' cannot be used: ${reason}`;
    throw new StatusError("FAILED_PRECONDITION", text, { cause });
  }
}

/** A token may have kilobytes of them; whoever reads this wants to know where to look. */
function clipped(all: readonly string[], between: string): string {
  const text = all.slice(0, 8).join(between);
  return (text.length > 300 ? `${text.slice(0, 300)}...` : text) || "none";
}

function unknown(text: string): StatusError {
  return new StatusError("UNAUTHENTICATED", text);
}
