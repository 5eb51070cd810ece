/** Members of a request's JSON as what the registry expects there; every error names the member. */
import { StatusError } from "../../errors.ts";
import { VENDORS, type Vendor } from "../../registry/catalog/types.ts";
import { isObject, type JsonObject } from "../json-value.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** A positive 64-bit integer. */
const VERSION = /^[1-9]\d{0,18}$/;

export function invalid(key: string, expected: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `'${key}': expected ${expected}`);
}

/** @throws StatusError naming the first member that is none of `known` */
export function refuseUnknown(given: JsonObject, known: readonly string[], where = ""): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const text = `'${where}${unknown}' means nothing here; there are: ${known.join(", ")}`;
  throw new StatusError("INVALID_ARGUMENT", text);
}

/** Reads a member that may be absent; null counts as absent. */
export function optional<T>(
  given: JsonObject,
  key: string,
  read: (value: unknown, key: string) => T,
): T | undefined {
  const value = Object.hasOwn(given, key) ? given[key] : undefined;
  return value === undefined || value === null ? undefined : read(value, key);
}

export function required<T>(
  given: JsonObject,
  key: string,
  read: (value: unknown, key: string) => T,
): T {
  const value = optional(given, key, read);
  if (value === undefined) throw new StatusError("INVALID_ARGUMENT", `'${key}' is missing`);
  return value;
}

export function asText(value: unknown, key: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(key, "a text");
}

/** A text for people: one line, not endless. */
export function asNote(value: unknown, key: string): string {
  if (typeof value === "string" && value.length <= 1024 && !/\p{Cc}/u.test(value)) return value;
  throw invalid(key, "one line of at most 1024 characters");
}

export function asFlag(value: unknown, key: string): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(key, "true or false");
}

export function asNumber(value: unknown, key: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(key, "a number");
}

export function asShare(value: unknown, key: string): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw invalid(key, "a number from 0 to 1");
}

export function asGeneration(value: unknown, key: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(key, "a generation, as the registry told it");
}

export function asDigest(value: unknown, key: string): string {
  if (typeof value === "string" && DIGEST.test(value)) return value;
  throw invalid(key, "sha256:<64 hexadecimal digits in lower case>");
}

export function asVersion(value: unknown, key: string): string {
  if (typeof value === "string" && VERSION.test(value)) return value;
  throw invalid(key, 'a version in decimal as a text, such as "3"');
}

export function asVendor(value: unknown, key: string): Vendor {
  const vendor = VENDORS.find((each) => each === value);
  if (vendor !== undefined) return vendor;
  throw invalid(key, `one of ${VENDORS.join(", ")}`);
}

export function asObject(value: unknown, key: string): JsonObject {
  if (isObject(value)) return value;
  throw invalid(key, "an object");
}
