/** Every `sha256:…` in a JSON value, so that a field that is added later cannot be forgotten. */
import type { Digest } from "./types.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function digestsIn(value: unknown, found: Set<Digest>): void {
  if (typeof value === "string") {
    if (DIGEST.test(value)) found.add(value);
  } else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) digestsIn(member, found);
  }
}
