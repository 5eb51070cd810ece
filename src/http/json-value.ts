/**
 * Values of a parsed JSON document read as what the protocol expects there, with the texts of
 * Triton's JSON reader. It calls a wrong type an internal error, so HTTP answers 500.
 */
import { StatusError } from "../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const LARGEST_UINT64 = 2n ** 64n - 1n;
const LARGEST_INT64 = 2n ** 63n - 1n;

/** @param where what was being read, e.g. `Unable to parse 'shape'`; empty: nothing is said about it. */
export function jsonError(where: string, text: string): StatusError {
  return new StatusError("INTERNAL", where === "" ? text : `${where}: ${text}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** undefined for a value that is no object, or an object without that member. */
export function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function missing(where: string, name: string): StatusError {
  return jsonError(where, `attempt to access non-existing object member '${name}'`);
}

export function arrayMember(value: unknown, name: string): readonly unknown[] {
  const where = `Unable to parse '${name}'`;
  const found = member(value, name);
  if (found === undefined) throw missing(where, name);
  if (!Array.isArray(found)) throw jsonError(where, "attempt to access JSON non-array as array");
  return found;
}

export function stringMember(value: unknown, name: string): string {
  const where = `Unable to parse '${name}'`;
  const found = member(value, name);
  if (found === undefined) throw missing(where, name);
  return asString(found, where);
}

export function asString(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw jsonError(where, "attempt to access JSON non-string as string");
}

export function asBool(value: unknown, where: string): boolean {
  if (typeof value === "boolean") return value;
  throw jsonError(where, "attempt to access JSON non-boolean as boolean");
}

/** An int64 as a number, or as a bigint where a number is not exact. */
export function isInt64(value: unknown): value is number | bigint {
  if (typeof value === "bigint") return value <= LARGEST_INT64 && value >= -LARGEST_INT64 - 1n;
  return Number.isSafeInteger(value);
}

export function asUint64(value: unknown, where: string): number | bigint {
  if (typeof value === "bigint" ? value >= 0n && value <= LARGEST_UINT64 : isCount(value)) {
    return value as number | bigint;
  }
  throw jsonError(where, "attempt to access JSON non-unsigned-integer as unsigned-integer");
}

export function asInt64(value: unknown, where: string): number | bigint {
  if (isInt64(value)) return value;
  throw jsonError(where, "attempt to access JSON non-signed-integer as signed-integer");
}

export function asDouble(value: unknown, where: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw jsonError(where, "attempt to access JSON non-number as double");
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
