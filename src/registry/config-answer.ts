/**
 * A model's configuration as the JSON text that Triton's HTTP port answers: field names of the
 * proto file, enums by name, 64-bit integers as numbers, and every field that is a number, a
 * text, a list or a map, also where it has its default.
 */
import { Enum, type Field, MapField, Type } from "protobufjs";
import { modelConfigType } from "./model-config-proto.ts";
import type { ModelConfigObject } from "./types.ts";

export function configJson(config: ModelConfigObject): string {
  return messageText(modelConfigType, config);
}

function messageText(type: Type, message: object): string {
  const members: string[] = [];
  for (const field of type.fieldsArray) {
    const text = fieldText(field.resolve(), Reflect.get(message, field.name));
    if (text !== undefined) members.push(`${JSON.stringify(field.name)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/** undefined: a message or a choice that is not there. */
function fieldText(field: Field, value: unknown): string | undefined {
  if (field instanceof MapField) {
    const entries = Object.entries(value ?? {}).map(
      ([key, item]) => `${JSON.stringify(key)}:${valueText(field, item)}`,
    );
    return `{${entries.join(",")}}`;
  }
  if (field.repeated) {
    const items = Array.isArray(value) ? value : [];
    return `[${items.map((item) => valueText(field, item)).join(",")}]`;
  }
  if (value === undefined) {
    if (field.resolvedType instanceof Type || field.partOf !== null) return undefined;
    return defaultText(field);
  }
  return valueText(field, value);
}

function valueText(field: Field, value: unknown): string {
  if (field.resolvedType instanceof Type) {
    return messageText(field.resolvedType, value instanceof Object ? value : {});
  }
  // A ModelConfigObject holds 64-bit integers as text.
  if (isInt64(field) && /^-?\d+$/.test(String(value))) return String(value);
  return JSON.stringify(value);
}

function defaultText(field: Field): string {
  if (field.resolvedType instanceof Enum) return JSON.stringify(field.resolvedType.valuesById[0]);
  if (field.type === "string" || field.type === "bytes") return '""';
  return field.type === "bool" ? "false" : "0";
}

function isInt64(field: Field): boolean {
  return field.type === "int64" || field.type === "uint64";
}
