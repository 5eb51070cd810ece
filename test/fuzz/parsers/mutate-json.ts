/** A document that is JSON still, with one to three of its values changed: it gets beyond the parser. */
import type { Random } from "../../../models/make/random.ts";
import { pick } from "../mutate.ts";

const ODD: readonly unknown[] = [
  null,
  true,
  "",
  "\u0000\ud800",
  "x".repeat(300),
  [],
  {},
  [[[[[]]]]],
  0,
  -1,
  0.5,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 63,
  1e308,
  "9223372036854775808",
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'),
];

export function mutateJson(seed: Buffer, random: Random): Buffer {
  const root = { document: JSON.parse(seed.toString()) as unknown };
  for (let changes = 1 + random.integer(3); changes > 0; changes--) change(root, random);
  return Buffer.from(JSON.stringify(root.document) ?? "null");
}

/** Goes down at random, and changes what it stands before. */
function change(root: object, random: Random): void {
  let parent = root as Record<string, unknown>;
  for (let key = "document"; ; ) {
    const value = parent[key];
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    if (keys.length > 0 && random.chance(0.8)) {
      parent = value as Record<string, unknown>;
      key = pick(keys, random);
      continue;
    }
    const dice = random.integer(4);
    if (dice === 0 && parent !== root) delete parent[key];
    else if (dice === 1 && Array.isArray(parent)) parent.push(value);
    else if (dice === 1 && parent !== root) parent[`${key}${random.integer(3)}`] = value;
    else parent[key] = structuredClone(pick(ODD, random));
    return;
  }
}
