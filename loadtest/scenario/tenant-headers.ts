/** Headers by which a server knows who asks. */
import { StatusError } from "../../src/errors.ts";
import type { Scenario } from "./schema.ts";

/**
 * @param environment where `$NAME` is looked up: secrets are not in files
 * @throws StatusError naming the variable that is not set
 */
export function tenantHeaders(
  scenario: Scenario,
  tenant: string,
  environment: Readonly<Record<string, string | undefined>>,
): [name: string, value: string][] {
  const { headers } = scenario.tenants[tenant] ?? { headers: {} };
  return Object.entries(headers).map(([name, value]) => {
    const [, variable] = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(value) ?? [];
    if (variable === undefined) return [name, value];
    const found = environment[variable];
    if (found === undefined) {
      throw new StatusError(
        "FAILED_PRECONDITION",
        `tenants.${tenant}.headers.${name}: the environment has no ${variable}`,
      );
    }
    return [name, found];
  });
}
