/**
 * A ModelConfig as JSON (protobuf's JSON form, as RepositoryModelLoad takes it):
 * names of fields as in the proto file or in camelCase, numbers also as text,
 * enums by name or number. What the schema does not know is refused.
 */
import { Enum, type Field, MapField, Type } from "protobufjs";
import { StatusError } from "../errors.ts";
import { toPlainObject } from "./config-object.ts";
import { MAX_CONFIG_BYTES } from "./config-pbtxt.ts";
import { modelConfigType } from "./model-config-proto.ts";
import type { ModelConfigObject } from "./types.ts";

/** @throws StatusError INVALID_ARGUMENT naming the field */
export function parseConfigJson(text: string): ModelConfigObject {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) {
    throw invalid(`it is larger than ${MAX_CONFIG_BYTES} bytes`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const message = readMessage(modelConfigType, json, "");
  return toPlainObject(modelConfigType, modelConfigType.fromObject(message));
}

type Fields = { [field: string]: unknown };

function readMessage(type: Type, json: unknown, place: string): Fields {
  if (!isObject(json)) throw invalid(`${place || "the configuration"} must be an object`);
  const message: Fields = {};
  const chosen = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    const where = place === "" ? key : `${place}.${key}`;
    const field = fieldOf(type, key);
    if (field === undefined) throw invalid(`there is no field ${where}`);
    if (value === null) continue;
    if (Object.hasOwn(message, field.name)) throw invalid(`${where} is given twice`);
    const choice = field.partOf?.name;
    const other = choice === undefined ? undefined : chosen.get(choice);
    if (other !== undefined) throw invalid(`${where} and ${other} exclude each other`);
    if (choice !== undefined) chosen.set(choice, where);
    message[field.name] = readField(field.resolve(), value, where);
  }
  return message;
}

function fieldOf(type: Type, key: string): Field | undefined {
  if (Object.hasOwn(type.fields, key)) return type.fields[key];
  return type.fieldsArray.find(({ name }) => camelCase(name) === key);
}

const camelCase = (name: string) =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function readField(field: Field, json: unknown, place: string): unknown {
  if (field instanceof MapField) {
    if (!isObject(json)) throw invalid(`${place} must be an object`);
    return Object.fromEntries(
      Object.entries(json).map(([key, item]) => [
        key,
        readValue(field, item, `${place}['${key}']`),
      ]),
    );
  }
  if (!field.repeated) return readValue(field, json, place);
  if (!Array.isArray(json)) throw invalid(`${place} must be a list`);
  return json.map((item, index) => readValue(field, item, `${place}[${index}]`));
}

function readValue(field: Field, json: unknown, place: string): unknown {
  if (field.resolvedType instanceof Type) return readMessage(field.resolvedType, json, place);
  if (field.resolvedType instanceof Enum) return readEnum(field.resolvedType, json, place);
  switch (field.type) {
    case "string":
      if (typeof json === "string") return json;
      throw invalid(`${place} must be a text`);
    case "bool":
      if (typeof json === "boolean") return json;
      throw invalid(`${place} must be true or false`);
    case "float":
    case "double":
      return readFloat(json, place);
    default:
      return readInteger(field.type, json, place);
  }
}

function readEnum(type: Enum, json: unknown, place: string): number {
  const number = typeof json === "string" ? type.values[json] : json;
  if (typeof number === "number" && type.valuesById[number] !== undefined) return number;
  throw invalid(`${place} must be one of ${Object.keys(type.values).join(", ")}`);
}

const INTEGERS: { readonly [type: string]: readonly [bigint, bigint] } = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** 64-bit numbers as text: protobufjs reads them so. */
function readInteger(type: string, json: unknown, place: string): number | string {
  const [least, most] = INTEGERS[type] ?? [0n, 0n];
  const text = typeof json === "number" || typeof json === "string" ? String(json) : "";
  const value = /^-?[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value < least || value > most) {
    throw invalid(`${place} must be a number from ${least} to ${most}`);
  }
  return type.endsWith("64") ? text : Number(value);
}

function readFloat(json: unknown, place: string): number {
  if (typeof json === "number") return json;
  if (typeof json === "string") {
    const words = new Map([
      ["NaN", Number.NaN],
      ["Infinity", Number.POSITIVE_INFINITY],
      ["-Infinity", Number.NEGATIVE_INFINITY],
    ]);
    const value = words.get(json) ?? (json.trim() === "" ? undefined : Number(json));
    if (value !== undefined && (words.has(json) || Number.isFinite(value))) return value;
  }
  throw invalid(`${place} must be a number`);
}

const isObject = (json: unknown): json is object =>
  typeof json === "object" && json !== null && !Array.isArray(json);

function invalid(reason: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", `Invalid config override: ${reason}`, { cause });
}
