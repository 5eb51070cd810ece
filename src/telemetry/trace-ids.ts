/** Random ids of traces and spans: drawn from a pool, as one draw of the system's costs as much as hundreds of ids. */
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(4096);
let used = pool.length;

/** @param bytes at most 4096. @returns twice as many hex digits */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}
