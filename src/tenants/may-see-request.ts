/**
 * Whose requests somebody may look at one by one: those of his own tenant; with the role `operate`, everybody's.
 * In both cases of models that he may use only.
 */
import type { Caller } from "../inference/caller.ts";
import type { MaySee } from "../inference/request-sample.ts";
import { mayUse } from "./may-use.ts";

/** @param caller undefined: nobody was asked, and everything may be seen */
export function mayCallerSee(caller: Caller | undefined): MaySee {
  if (caller === undefined) return () => true;
  const { roles } = caller;
  const own = caller.tenant.name;
  const all = roles.has("operate") || roles.has("admin");
  return (tenant, model) => (all || tenant === own) && mayUse(caller, model);
}
