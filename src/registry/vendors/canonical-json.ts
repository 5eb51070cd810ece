/**
 * One text for one value, so that what was signed can be signed and checked again after it was stored, sent
 * and parsed: keys sorted, no spaces, numbers as ECMAScript writes them (RFC 8785 asks for the same).
 */
import { StatusError } from "../../errors.ts";

/** Deeper is no record of ours. */
const MAX_DEPTH = 64;

/**
 * Of the value as JSON keeps it: members without a value are left out, NaN and infinities are null. So
 * the text of `value` is that of `JSON.parse(JSON.stringify(value))`.
 * @throws StatusError INTERNAL for what JSON cannot hold
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new StatusError("INTERNAL", "JSON that is nested too deeply");
  if (value === null || value === undefined) return "null";
  if (typeof value !== "object") {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      return JSON.stringify(value);
    }
    throw new StatusError("INTERNAL", `a ${typeof value} has no JSON`);
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${write(member, depth + 1)}`);
  return `{${members.join(",")}}`;
}
