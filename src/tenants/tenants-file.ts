/**
 * The file that names tenants and says who belongs to them:
 *
 *     tenants:
 *       cms: { weight: 2, guarantee: 0.5, sonic: true, models: ["particlenet*"] }
 *     issuers:
 *       cms-iam: { url: "https://cms-auth.example/", profile: wlcg, jwksFile: cms.jwks, audiences: ["grpcs://gate.example:8001"] }
 *     identities:
 *       - { certificate: "/DC=ch/DC=cern/OU=cms/CN=*", tenant: cms, roles: [infer] }
 *       - { issuer: cms-iam, group: /cms/operators, tenant: cms, roles: [infer, observe, operate] }
 *     anonymous: { tenant: cms, roles: [infer] }
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { suggestion } from "../config/nearest.ts";
import { StatusError, toStatusError } from "../errors.ts";
import { LEAST_LIMIT, type Role, type Tenant } from "../inference/caller.ts";
import { type NamePattern, readNamePattern } from "./distinguished-name.ts";
import { yamlValue, yamlValueOf } from "./yaml-value.ts";

const LARGEST_BYTES = 4 * 1024 * 1024;
const ROLES = ["infer", "observe", "operate", "register", "admin"] as const satisfies Role[];
/** As other names here: nothing that a log, a label or a path would trip over. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const name = z.string().regex(NAME, "expected a name of letters, digits, _ . -, at most 64");
const amount = z.number().min(LEAST_LIMIT).max(Number.MAX_SAFE_INTEGER);
const roles = z.array(z.enum(ROLES)).min(1);
const path = z.string().min(1);

const quota = z.strictObject({
  rowsPerSecond: amount.optional(),
  bytesPerSecond: amount.optional(),
  concurrentBytes: amount.optional(),
  deviceSecondsPerDay: amount.optional(),
});

const tenant = z.strictObject({
  weight: z.number().positive().max(1e6).default(1),
  guarantee: z.number().min(0).max(1).default(0),
  sonic: z.boolean().default(false),
  quota: quota.default({}),
  models: z.array(z.string().min(1).max(1024)).min(1).default(["*"]),
});

const issuer = z.strictObject({
  /** What `iss` of its tokens says, to the letter. */
  url: z.url({ protocol: /^https?$/ }),
  profile: z.enum(["wlcg", "iam"]),
  jwksUri: z.url({ protocol: /^https?$/ }).optional(),
  jwksFile: path.optional(),
  /** PEM of the authorities of its web server. */
  caFile: path.optional(),
  /** Names under which this gateway is meant, as `aud` has them. */
  audiences: z.array(z.string().min(1)).min(1),
});

const rule = z.strictObject({
  certificate: z.string().optional(),
  issuer: name.optional(),
  group: z.string().min(1).optional(),
  scope: z.string().min(1).optional(),
  key: name.optional(),
  keyFile: path.optional(),
  listener: name.optional(),
  tenant: name,
  roles,
});

const whoever = z.strictObject({ tenant: name, roles });

const file = z.strictObject({
  tenants: z.record(name, tenant),
  issuers: z.record(name, issuer).default({}),
  identities: z.array(rule).max(100_000).default([]),
  anonymous: whoever.optional(),
});

type Written = z.output<typeof file>;

/** A tenant as the file has it: `TenantTable` gives it its index. */
export type NamedTenant = Omit<Tenant, "index">;

export interface Membership {
  readonly tenant: string;
  readonly roles: ReadonlySet<Role>;
}

export interface Issuer {
  readonly name: string;
  readonly url: string;
  readonly profile: "wlcg" | "iam";
  /** Exactly one; a file as an absolute path. */
  readonly jwks:
    | { readonly uri: string }
    | { readonly file: string }
    | { readonly discovered: true };
  /** Authorities of its web server, PEM, as an absolute path; absent: those of Node. */
  readonly caFile?: string;
  readonly audiences: readonly string[];
}

/** The first that fits a caller decides, in the order of the file. */
export type Identity = Membership &
  (
    | { readonly kind: "certificate"; readonly pattern: NamePattern }
    | {
        readonly kind: "token";
        readonly issuer: string;
        readonly need: { readonly group: string } | { readonly scope: string };
      }
    | { readonly kind: "key"; readonly name: string; readonly file: string }
    | { readonly kind: "listener"; readonly listener: string }
  );

export interface TenantsFile {
  readonly tenants: readonly NamedTenant[];
  readonly issuers: readonly Issuer[];
  readonly identities: readonly Identity[];
  /** Who shows nothing at all; absent: is refused. */
  readonly anonymous?: Membership;
}

/** @throws StatusError FAILED_PRECONDITION naming the file, everything wrong in it, and what was expected there */
export async function readTenantsFile(path: string): Promise<TenantsFile> {
  let text: string;
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new Error("it is not a file");
    if (facts.size > LARGEST_BYTES) throw new Error(`it has ${facts.size} bytes`);
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw wrong(path, [toStatusError(cause).message], cause);
  }
  let written: unknown;
  try {
    written = await yamlValueOf(text);
  } catch (cause) {
    throw wrong(path, [toStatusError(cause).message.trim()], cause);
  }
  return tenantsOf(written, path);
}

/** @param path of the file, for messages and for the files that it names. @throws StatusError like `readTenantsFile` */
export function parseTenants(text: string, path: string): TenantsFile {
  let written: unknown;
  try {
    written = yamlValue(text);
  } catch (cause) {
    throw wrong(path, [toStatusError(cause).message.trim()], cause);
  }
  return tenantsOf(written, path);
}

function tenantsOf(written: unknown, path: string): TenantsFile {
  const read = file.safeParse(written);
  if (!read.success) throw wrong(path, read.error.issues.flatMap(explained));
  const problems = contradictions(read.data);
  const identities: Identity[] = [];
  for (const [at, rule] of read.data.identities.entries()) {
    try {
      identities.push(identityOf(rule, dirname(path)));
    } catch (cause) {
      problems.push(`identities.${at}: ${toStatusError(cause).message}`);
    }
  }
  if (problems.length > 0) throw wrong(path, problems);
  const { tenants, issuers, anonymous } = read.data;
  return {
    tenants: Object.entries(tenants).map(([name, { quota, ...own }]) => ({
      name,
      ...own,
      quota: present(quota),
    })),
    issuers: Object.entries(issuers).map(([name, own]) => issuerOf(name, own, dirname(path))),
    identities,
    ...(anonymous && { anonymous: membershipOf(anonymous) }),
  };
}

function membershipOf({ tenant, roles }: z.output<typeof whoever>): Membership {
  return { tenant, roles: new Set(roles) };
}

function issuerOf(name: string, written: z.output<typeof issuer>, folder: string): Issuer {
  const { url, profile, audiences, jwksUri, jwksFile, caFile } = written;
  const ca = caFile === undefined ? {} : { caFile: resolve(folder, caFile) };
  const issuer = { name, url, profile, audiences, ...ca };
  if (jwksUri !== undefined) return { ...issuer, jwks: { uri: jwksUri } };
  if (jwksFile !== undefined) return { ...issuer, jwks: { file: resolve(folder, jwksFile) } };
  return { ...issuer, jwks: { discovered: true } };
}

/** Keys that come without TLS are whose the network wants them to be: only this machine may send such. */
export function isFetchable(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname } = new URL(uri);
  if (protocol === "https:") return true;
  return protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** @throws Error for a rule that names nobody, or by two ways at once */
function identityOf(written: z.output<typeof rule>, folder: string): Identity {
  const { certificate, issuer, group, scope, key, keyFile, listener } = written;
  const ways = Object.entries({ certificate, issuer, key, listener }).filter(([, way]) => way);
  if (ways.length !== 1) {
    const said = ways.length === 0 ? "none" : ways.map(([way]) => way).join(" and ");
    throw new Error(`expected one of certificate, issuer, key, listener; there is ${said}`);
  }
  if (issuer === undefined && (group ?? scope) !== undefined) {
    throw new Error("group and scope need the issuer that vouches for them");
  }
  if (key === undefined && keyFile !== undefined) throw new Error("keyFile needs the key's name");
  const member = membershipOf(written);
  if (certificate !== undefined) {
    return { ...member, kind: "certificate", pattern: readNamePattern(certificate) };
  }
  if (listener !== undefined) return { ...member, kind: "listener", listener };
  if (key !== undefined) {
    if (keyFile === undefined) throw new Error("key needs keyFile, the file with its hashes");
    return { ...member, kind: "key", name: key, file: resolve(folder, keyFile) };
  }
  if (group !== undefined && scope === undefined) {
    return { ...member, kind: "token", issuer: issuer ?? "", need: { group: groupOf(group) } };
  }
  if (scope !== undefined && group === undefined) {
    return { ...member, kind: "token", issuer: issuer ?? "", need: { scope } };
  }
  throw new Error("issuer needs either group or scope");
}

/** IAM names groups without the slash, WLCG with it. */
function groupOf(written: string): string {
  return written.startsWith("/") ? written : `/${written}`;
}

/** What is wrong although each part is right. */
function contradictions({ tenants, issuers, identities, anonymous }: Written): string[] {
  const problems: string[] = [];
  const promised = Object.values(tenants).reduce((sum, { guarantee }) => sum + guarantee, 0);
  // Thirds shall be allowed: 0.33 + 0.33 + 0.34 is a little more than 1 in binary.
  if (promised > 1 + 1e-9) {
    problems.push(`tenants: their guarantees sum up to ${promised}, and there is only 1 to give`);
  }
  const members = identities.map(({ tenant }, at) => ({ tenant, place: `identities.${at}` }));
  if (anonymous) members.push({ tenant: anonymous.tenant, place: "anonymous" });
  for (const { tenant, place } of members) {
    if (Object.hasOwn(tenants, tenant)) continue;
    const near = suggestion(tenant, Object.keys(tenants));
    problems.push(`${place}.tenant: there is no tenant '${tenant}'${near}`);
  }
  for (const [at, { issuer }] of identities.entries()) {
    if (issuer === undefined || Object.hasOwn(issuers, issuer)) continue;
    const near = suggestion(issuer, Object.keys(issuers));
    problems.push(`identities.${at}.issuer: there is no issuer '${issuer}'${near}`);
  }
  const byUrl = new Map<string, string>();
  for (const [name, { url, jwksUri, jwksFile, caFile }] of Object.entries(issuers)) {
    if (jwksUri !== undefined && jwksFile !== undefined) {
      problems.push(`issuers.${name}: expected either jwksUri or jwksFile`);
    }
    if (jwksFile === undefined && !isFetchable(jwksUri ?? url)) {
      const key = jwksUri === undefined ? "url" : "jwksUri";
      problems.push(
        `issuers.${name}.${key}: keys are fetched over https only, or from this machine; name a jwksFile otherwise`,
      );
    }
    if (jwksFile !== undefined && caFile !== undefined) {
      problems.push(`issuers.${name}.caFile: nothing is fetched where there is a jwksFile`);
    }
    const other = byUrl.get(url);
    if (other !== undefined) problems.push(`issuers.${name}.url: it is that of ${other} already`);
    byUrl.set(url, name);
  }
  return problems;
}

const SHAPES: Readonly<Record<string, z.ZodObject>> = {
  "": file,
  "tenants.*": tenant,
  "tenants.*.quota": quota,
  "issuers.*": issuer,
  "identities.*": rule,
  anonymous: whoever,
};

function explained(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    return [`${at.join(".") || "the document"}: ${issue.message}`];
  }
  const shape = at.map((part, index) => (index === 1 ? "*" : part)).join(".");
  const known = Object.keys(SHAPES[shape]?.shape ?? {});
  return issue.keys.map((key) => {
    return `unknown key ${[...at, key].join(".")}${suggestion(key, known)}`;
  });
}

/** Without the members that are undefined: absent means no limit. */
function present<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function wrong(path: string, problems: readonly string[], cause?: unknown): StatusError {
  const text = `the tenants file '${path}' cannot be used: ${problems.join("; ")}`;
  return new StatusError("FAILED_PRECONDITION", text, { cause });
}
