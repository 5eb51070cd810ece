/** The intended times of a run as its result keeps them: enough to see that another run had the same. */
import { createHash } from "node:crypto";
import type { Result } from "../report/schema.ts";

const KEPT = 1000;

/** @param ns of every request, from the start of the run */
export function intendedOf(ns: Float64Array): Result["intended"] {
  // Little-endian is what every machine that runs this has.
  const bytes = new Uint8Array(ns.buffer, ns.byteOffset, ns.byteLength);
  return {
    count: ns.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    firstNs: [...ns.subarray(0, KEPT)],
  };
}
