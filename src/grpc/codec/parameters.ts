/** `map<string, InferParameter>` to and from the wire. */
import type { Parameter, Parameters } from "../../inference/request.ts";
import { MAX_PARAMETERS, tooMany } from "./limits.ts";
import type { WireReader } from "./wire.ts";
import {
  bytesFieldSize,
  int64Size,
  textBytes,
  textFieldSize,
  writeFieldHead,
  writeInt64,
  writeTextField,
} from "./write.ts";

/** A map as it is being read. A key without a value is remembered: Triton refuses some of those. */
export class ParameterMap {
  readonly values = new Map<string, Parameter>();
  /** The first key that came with no value in it. */
  emptyKey: string | undefined;

  /** Reads one entry of the map. Of two with the same key the later one counts. */
  readEntry(reader: WireReader): void {
    const outer = reader.enter();
    let key = "";
    let value: Parameter | undefined;
    while (reader.position < reader.end) {
      const tag = reader.tag();
      switch (tag) {
        case 0x0a:
          key = reader.name();
          break;
        case 0x12:
          value = readParameter(reader, value);
          break;
        default:
          reader.skip(tag);
      }
    }
    reader.leave(outer);
    if (value === undefined) {
      this.values.delete(key);
      this.emptyKey ??= key;
      return;
    }
    if (this.emptyKey === key) this.emptyKey = undefined;
    this.values.set(key, value);
    if (this.values.size > MAX_PARAMETERS) throw tooMany("parameters", MAX_PARAMETERS);
  }
}

function readParameter(reader: WireReader, before: Parameter | undefined): Parameter | undefined {
  const outer = reader.enter();
  let value = before;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        value = { type: "bool", value: reader.bool() };
        break;
      case 0x10:
        value = { type: "int64", value: reader.exactInt64(true) };
        break;
      case 0x1a:
        value = { type: "string", value: reader.text() };
        break;
      case 0x21:
        value = { type: "double", value: reader.double() };
        break;
      case 0x28:
        value = { type: "uint64", value: reader.exactInt64(false) };
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return value;
}

/** Bytes of the entries of a parameter map, each as a field with a one-byte tag. */
export function parametersSize(parameters: Parameters | undefined): number {
  if (parameters === undefined) return 0;
  let size = 0;
  for (const [key, parameter] of parameters) size += bytesFieldSize(entryBytes(key, parameter));
  return size;
}

export function writeParameters(
  target: Buffer,
  offset: number,
  tag: number,
  parameters: Parameters | undefined,
): number {
  let at = offset;
  if (parameters === undefined) return at;
  for (const [key, parameter] of parameters) {
    at = writeFieldHead(target, at, tag, entryBytes(key, parameter));
    at = writeTextField(target, at, 0x0a, key);
    at = writeFieldHead(target, at, 0x12, valueBytes(parameter));
    at = writeValue(target, at, parameter);
  }
  return at;
}

function entryBytes(key: string, parameter: Parameter): number {
  return textFieldSize(key) + bytesFieldSize(valueBytes(parameter));
}

function valueBytes(parameter: Parameter): number {
  switch (parameter.type) {
    case "bool":
      return 2;
    case "int64":
    case "uint64":
      return 1 + int64Size(parameter.value);
    case "double":
      return 9;
    case "string":
      return bytesFieldSize(textBytes(parameter.value));
  }
}

/** Writes the value even where it is its type's default: a member of a oneof is there or not. */
function writeValue(target: Buffer, offset: number, parameter: Parameter): number {
  switch (parameter.type) {
    case "bool":
      target[offset] = 0x08;
      target[offset + 1] = parameter.value ? 1 : 0;
      return offset + 2;
    case "int64":
      target[offset] = 0x10;
      return writeInt64(target, offset + 1, parameter.value);
    case "uint64":
      target[offset] = 0x28;
      return writeInt64(target, offset + 1, parameter.value);
    case "double":
      target[offset] = 0x21;
      return target.writeDoubleLE(parameter.value, offset + 1);
    case "string": {
      const bytes = textBytes(parameter.value);
      const at = writeFieldHead(target, offset, 0x1a, bytes);
      return at + target.write(parameter.value, at, bytes, "utf8");
    }
  }
}
