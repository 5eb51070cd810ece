/** What a broken or hostile client makes of a right message: seeded, so that a case can be had again. */
import type { Random } from "../../models/make/random.ts";

/** Bytes that parsers stumble over: ends of varints, lengths, signs, quotes, brackets. */
const AWKWARD = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x7b, 0x5d, 0x7d, 0x0a, 0x2d, 0x39];
const LONGEST_INSERTION = 24;

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const at = (bytes: Buffer, random: Random) =>
  bytes.length === 0 ? 0 : random.bits() % bytes.length;

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const place = at(bytes, random);
    if (changed.length > 0) changed[place] = (changed[place] ?? 0) ^ (1 << (random.bits() % 8));
    return changed;
  },
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const awkward = AWKWARD[random.bits() % AWKWARD.length] ?? 0;
    if (changed.length > 0) changed[at(bytes, random)] = awkward;
    return changed;
  },
  (bytes, random) => bytes.subarray(0, at(bytes, random)),
  (bytes, random) => bytes.subarray(at(bytes, random)),
  (bytes, random) => {
    const from = at(bytes, random);
    const length = random.bits() % 16;
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    const inserted = Buffer.alloc(random.bits() % LONGEST_INSERTION, random.bits() & 0xff);
    return Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from)]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    const again = bytes.subarray(from, from + (random.bits() % 64));
    return Buffer.concat([bytes.subarray(0, from), again, bytes.subarray(from)]);
  },
  (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, at(bytes, random)), other.subarray(at(other, random))]),
];

/** One to four changes of `bytes`; pieces of `other` may get in. Never the same object. */
export function mutate(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let mutated = Buffer.from(bytes);
  for (let changes = 1 + (random.bits() % 4); changes > 0; changes--) {
    const mutation = MUTATIONS[random.bits() % MUTATIONS.length];
    mutated = Buffer.from(mutation?.(mutated, random, other) ?? mutated);
  }
  return mutated;
}

export function pick<T>(list: readonly T[], random: Random): T {
  const chosen = list[random.bits() % list.length];
  if (chosen === undefined) throw new RangeError("nothing to pick from");
  return chosen;
}
