/**
 * Random ids of traces and spans: cut from a pool of digits, as one draw of the system's, or the call that makes
 * digits of it, costs as much as dozens of ids.
 */
import { randomBytes } from "node:crypto";

/** Small: an id that is kept keeps the pool that it was cut from. */
const POOL_BYTES = 2048;

let pool = "";
let used = 0;

/** @param bytes at most 2048. @returns twice as many hex digits */
export function randomHex(bytes: number): string {
  const end = used + 2 * bytes;
  if (end > pool.length) {
    pool = randomBytes(POOL_BYTES).toString("hex");
    used = 2 * bytes;
    return pool.slice(0, used);
  }
  const id = pool.slice(used, end);
  used = end;
  return id;
}
