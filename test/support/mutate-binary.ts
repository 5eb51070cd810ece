/**
 * What becomes of a file on bad disks and in bad hands: flipped bits, cut-off
 * ends, and counts, lengths and offsets that lie. Seeded, so that a case can be had again.
 */
import { Random } from "../../models/make/random.ts";

/** A stretch of the file worth hitting: headers, tables, descriptions. */
export type Stretch = readonly [startByte: number, endByte: number];

type Mutation = (bytes: Buffer, at: number, random: Random) => Buffer;

/** What counts, lengths and offsets are replaced with; their low bytes where the field is short. */
const EXTREMES = [
  0n,
  1n,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
];
const NUMBERS = ["0", "-1", "4294967295", "99999999999999999999", "1e9", "NaN", ""];
const HEAD_BYTES = 1024;

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, at, random) {
    for (let flips = 1 + random.integer(8); flips > 0; flips--) {
      const place = Math.min(bytes.length - 1, at + random.integer(64));
      bytes[place] = (bytes[place] ?? 0) ^ (1 << random.integer(8));
    }
    return bytes;
  },
  function truncate(bytes, at) {
    return bytes.subarray(0, at);
  },
  function extend(bytes, _at, random) {
    return Buffer.concat([bytes, Buffer.alloc(1 + random.integer(64), random.integer(256))]);
  },
  /** Fields of numbers are mostly aligned. */
  function lie(bytes, at, random) {
    const width = 1 << random.integer(4);
    const extreme = EXTREMES[random.integer(EXTREMES.length)] ?? 0n;
    const value = random.chance(0.2) ? BigInt(bytes.length) : extreme;
    const place = at - (at % width);
    for (let byte = 0; byte < width && place + byte < bytes.length; byte++) {
      bytes[place + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
    }
    return bytes;
  },
  /** The next number in a text, where there is one. */
  function lieInText(bytes, at, random) {
    const isDigit = (byte: number | undefined) =>
      byte !== undefined && byte >= 0x30 && byte <= 0x39;
    let start = at;
    while (start < bytes.length && start < at + 4096 && !isDigit(bytes[start])) start++;
    let end = start;
    while (isDigit(bytes[end])) end++;
    const number = NUMBERS[random.integer(NUMBERS.length)] ?? "";
    return Buffer.concat([bytes.subarray(0, start), Buffer.from(number), bytes.subarray(end)]);
  },
  function blank(bytes, at, random) {
    bytes.subarray(at, at + 1 + random.integer(64)).fill(random.chance(0.5) ? 0 : 0xff);
    return bytes;
  },
  function drop(bytes, at, random) {
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.integer(32))]);
  },
  function repeat(bytes, at, random) {
    const again = bytes.subarray(at, at + 1 + random.integer(64));
    return Buffer.concat([bytes.subarray(0, at), again, bytes.subarray(at)]);
  },
  function copyElsewhere(bytes, at, random) {
    const from = random.integer(bytes.length);
    bytes.copyWithin(at, from, from + 1 + random.integer(64));
    return bytes;
  },
];

/**
 * One to three changes of `bytes`, which stay as they are.
 * @param hot where most changes shall go; default: the first and the last kilobyte
 */
export function mutateBinary(
  seed: number,
  bytes: Uint8Array,
  hot: readonly Stretch[] = [
    [0, HEAD_BYTES],
    [bytes.length - HEAD_BYTES, bytes.length],
  ],
): Buffer {
  const random = new Random(seed);
  let mutated = Buffer.from(bytes);
  for (let changes = 1 + random.integer(3); changes > 0 && mutated.length > 0; changes--) {
    const mutation = MUTATIONS[random.integer(MUTATIONS.length)];
    mutated = Buffer.from(mutation?.(mutated, somewhere(mutated, hot, random), random) ?? mutated);
  }
  return mutated;
}

function somewhere(bytes: Buffer, hot: readonly Stretch[], random: Random): number {
  const last = bytes.length - 1;
  const stretch = random.chance(0.85) ? hot[random.integer(hot.length)] : undefined;
  const [start, end] = stretch ?? [0, bytes.length];
  return Math.min(last, Math.max(0, Math.floor(random.uniform(start, end))));
}
