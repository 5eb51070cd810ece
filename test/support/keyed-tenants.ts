/** Tenants that are known by an API key each, and an operator, as files for a gateway process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newApiKey } from "../../src/tenants/api-keys.ts";

export interface KeyedTenants {
  /** Of `serve`. */
  readonly flags: readonly string[];
  /** What a call of the tenant, or of the `operator`, carries. */
  headersOf(name: string): Readonly<Record<string, string>>;
  remove(): void;
}

/** @param terms of each tenant, as the tenants file has them @param roles of the `operator` */
export function keyedTenants(
  terms: Readonly<Record<string, object>>,
  roles: readonly string[] = ["observe", "operate"],
): KeyedTenants {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-tenants-"));
  const [owner = ""] = Object.keys(terms);
  const members = [
    ...Object.keys(terms).map((name) => ({ name, tenant: name, roles: ["infer"] })),
    { name: "operator", tenant: owner, roles },
  ];
  const keys = new Map<string, string>();
  const identities = members.map(({ name, tenant, roles }) => {
    const { key, line } = newApiKey();
    keys.set(name, key);
    writeFileSync(join(folder, `${name}.key`), line);
    return { key: name, keyFile: `${name}.key`, tenant, roles };
  });
  const file = join(folder, "tenants.json");
  writeFileSync(file, JSON.stringify({ tenants: terms, identities }));
  return {
    flags: ["--tenants-file", file],
    headersOf(name) {
      const key = keys.get(name);
      if (key === undefined) throw new Error(`no tenant ${name}`);
      return { "x-api-key": key };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
