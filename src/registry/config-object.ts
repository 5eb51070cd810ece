/**
 * A protobuf message as the plain object that Google's MessageToDict makes of
 * it (proto field names, defaults omitted, 64-bit integers as text, enums by
 * name), and back. Schema-driven: works for every field, also those that
 * nobody here acts on.
 */
import { Enum, type Field, MapField, Type } from "protobufjs";

export type PlainObject = { [field: string]: unknown };

/** `message` as protobufjs holds it: own properties are the fields that are present. */
export function toPlainObject(type: Type, message: object): PlainObject {
  const plain: PlainObject = {};
  for (const field of type.fieldsArray) {
    if (!Object.hasOwn(message, field.name)) continue;
    const value = plainField(field.resolve(), Reflect.get(message, field.name));
    if (value !== undefined) plain[field.name] = value;
  }
  return plain;
}

/** undefined: a default that leaves no trace. */
function plainField(field: Field, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  if (field instanceof MapField) {
    const entries = Object.entries(value).map(([key, item]) => [key, plainValue(field, item)]);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  if (field.repeated) {
    const items = Array.isArray(value) ? value.map((item) => plainValue(field, item)) : [];
    return items.length === 0 ? undefined : items;
  }
  if (field.resolvedType instanceof Type) return plainValue(field, value);
  // A member of a oneof is present or not, whatever its value.
  if (field.partOf === null && isDefault(field, value)) return undefined;
  return plainValue(field, value);
}

function isDefault(field: Field, value: unknown): boolean {
  if (field.type === "string") return value === "";
  if (field.type === "bool") return value === false;
  // Minus zero is not the default: it has a bit set.
  return Object.is(Number(value), 0);
}

function plainValue(field: Field, value: unknown): unknown {
  if (field.resolvedType instanceof Type) {
    return toPlainObject(field.resolvedType, value instanceof Object ? value : {});
  }
  if (field.resolvedType instanceof Enum) {
    return field.resolvedType.valuesById[Number(value)] ?? Number(value);
  }
  switch (field.type) {
    case "int64":
    case "uint64":
      return String(value);
    case "double":
    case "float":
      return plainFloat(Number(value), field.type === "float");
    default:
      return value;
  }
}

/** JSON has no word for these three; MessageToDict writes them as text. */
function plainFloat(value: number, single: boolean): number | string {
  if (Number.isNaN(value)) return "NaN";
  const stored = single ? Math.fround(value) : value;
  if (!Number.isFinite(stored)) return stored > 0 ? "Infinity" : "-Infinity";
  return single ? shortestSingle(stored) : stored;
}

/** The shortest decimal that is still the same 32-bit number: 0.8, not 0.800000011920929. */
function shortestSingle(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}
