/**
 * Which models a tenant may use. The others do not exist for it: whoever may not use a model need not
 * learn that another experiment has it, and CMSSW takes every name it is told for one that serves it.
 */
import type { Caller } from "../inference/caller.ts";
import { matchesPattern } from "../inference/name-pattern.ts";

/** @param caller undefined: nobody was asked, and everything may be used */
export function mayUse(caller: Caller | undefined, model: string): boolean {
  if (caller === undefined) return true;
  return caller.tenant.models.some((pattern) => pattern === "*" || matchesPattern(pattern, model));
}
