/**
 * Random ids of traces and spans, as OpenTelemetry's own generator makes them: of `Math.random`, because they are to be
 * different and not to be secret. Cut from a pool of digits, as the call that makes digits costs as much as dozens of ids.
 */

/** Small: an id that is kept keeps the pool that it was cut from. */
const POOL_BYTES = 2048;

const words = new Uint32Array(POOL_BYTES / Uint32Array.BYTES_PER_ELEMENT);
const bytesOfWords = Buffer.from(words.buffer);
let pool = "";
let used = 0;

/** A random number from 0 up to 2^32, of which typed memory keeps the whole part: half of a span's id. */
export const randomWord = (): number => Math.random() * 2 ** 32;

/** @param bytes at most 2048. @returns twice as many hex digits */
export function randomHex(bytes: number): string {
  const end = used + 2 * bytes;
  if (end > pool.length) {
    for (let at = 0; at < words.length; at += 1) words[at] = randomWord();
    pool = bytesOfWords.toString("hex");
    used = 2 * bytes;
    return pool.slice(0, used);
  }
  const id = pool.slice(used, end);
  used = end;
  return id;
}
