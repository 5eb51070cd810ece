/** What a server knows an experiment by. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StatusError } from "../../src/errors.ts";
import type { Identity } from "../drivers/identity.ts";
import type { Scenario } from "./schema.ts";

/**
 * @param environment where `$NAME` is looked up: secrets are not in files
 * @param scenarioFile certificates are relative to it
 * @throws StatusError naming the variable that is not set, or the file that cannot be read
 */
export function tenantIdentity(
  scenario: Scenario,
  tenant: string,
  environment: Readonly<Record<string, string | undefined>>,
  scenarioFile?: string,
): Identity {
  const { headers, certificate } = scenario.tenants[tenant] ?? { headers: {} };
  const read = (part: "chain" | "key", path: string) => {
    const file = scenarioFile === undefined ? path : resolve(dirname(scenarioFile), path);
    try {
      return readFileSync(file, "utf8");
    } catch (cause) {
      const place = `tenants.${tenant}.certificate.${part}`;
      throw new StatusError("FAILED_PRECONDITION", `${place}: ${file} cannot be read`, { cause });
    }
  };
  return {
    headers: Object.entries(headers).map(([name, value]) => ({
      name: name.toLowerCase(),
      value: filled(value, `tenants.${tenant}.headers.${name}`, environment),
    })),
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            cert: read("chain", certificate.chain),
            key: read("key", certificate.key),
          },
        }),
  };
}

/** `$NAME`, or `Bearer $NAME`: the last word may be a variable of the environment. */
const VARIABLE = /^((?:\S+ )?)\$([A-Za-z_][A-Za-z0-9_]*)$/;

function filled(
  value: string,
  place: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const [, before = "", variable] = VARIABLE.exec(value) ?? [];
  if (variable === undefined) return value;
  const found = environment[variable];
  if (found === undefined) {
    throw new StatusError("FAILED_PRECONDITION", `${place}: the environment has no ${variable}`);
  }
  return before + found;
}

/** The same scenario without the values of headers, for whoever reads its result; `$NAME` is no secret. */
export function withoutSecrets(scenario: Scenario): Scenario {
  const tenants = Object.entries(scenario.tenants).map(([name, tenant]) => {
    const headers = Object.entries(tenant.headers).map(([header, value]) => [
      header,
      VARIABLE.test(value) ? value : HIDDEN,
    ]);
    return [name, { ...tenant, headers: Object.fromEntries(headers) }] as const;
  });
  return { ...scenario, tenants: Object.fromEntries(tenants) };
}

export const HIDDEN = "(not kept)";
