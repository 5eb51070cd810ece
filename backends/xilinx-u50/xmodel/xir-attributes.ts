/**
 * Attributes in XIR: entries `{ 1: key, 2: AttrValue }` of a protobuf map. Only
 * those asked for are read; the others hold code and weights of megabytes.
 */
import { clean } from "../../common/artifact-file/byte-view.ts";
import type { Field, ProtobufWindow } from "../../common/protobuf-wire/protobuf-window.ts";

export type Attribute = bigint | string | readonly string[] | Readonly<Record<string, string>>;

const MAX_LIST = 10_000;

/** Fields of `AttrValue` in XIR's graph_proto_v2.proto. */
const INT32 = 5;
const INT64 = 7;
const UINT64 = 8;
const STRING = 11;
const STRINGS = 20;
const STRING_MAP = 26;

/** Adds the attribute to `found` where its key is among `wanted`. */
export async function readAttribute(
  xir: ProtobufWindow,
  entry: Field,
  wanted: ReadonlySet<string>,
  found: Map<string, Attribute>,
): Promise<void> {
  let key = "";
  await xir.message(entry.start, entry.end, (field) => {
    if (field.number === 1)
      return xir.text(field).then((text) => {
        key = text;
      });
    if (field.number === 2 && wanted.has(key)) {
      return readValue(xir, field).then((value) => {
        if (value !== undefined) found.set(key, value);
      });
    }
    return undefined;
  });
}

async function readValue(xir: ProtobufWindow, entry: Field): Promise<Attribute | undefined> {
  let value: Attribute | undefined;
  await xir.message(entry.start, entry.end, (field) => {
    if (field.wireType === 0 && field.number >= INT32 && field.number <= UINT64) {
      const signed = field.number === INT32 || field.number === INT64;
      value = signed ? BigInt.asIntN(64, field.value) : field.value;
    } else if (field.wireType !== 2) return undefined;
    else if (field.number === STRING) {
      return xir.text(field).then((text) => {
        value = clean(text);
      });
    } else if (field.number === STRINGS) {
      return readStrings(xir, field).then((strings) => {
        value = strings;
      });
    } else if (field.number === STRING_MAP) {
      return readStringMap(xir, field).then((map) => {
        value = map;
      });
    }
    return undefined;
  });
  return value;
}

async function readStrings(xir: ProtobufWindow, list: Field): Promise<string[]> {
  const strings: string[] = [];
  await xir.message(list.start, list.end, (field) => {
    if (field.number !== 1 || strings.length >= MAX_LIST) return undefined;
    return xir.text(field).then((text) => void strings.push(clean(text)));
  });
  return strings;
}

async function readStringMap(xir: ProtobufWindow, map: Field): Promise<Record<string, string>> {
  const pairs: [string, string][] = [];
  await xir.message(map.start, map.end, (entry) => {
    if (entry.number !== 1 || pairs.length >= MAX_LIST) return undefined;
    return readPair(xir, entry).then((pair) => void pairs.push(pair));
  });
  return Object.fromEntries(pairs);
}

async function readPair(xir: ProtobufWindow, entry: Field): Promise<[string, string]> {
  const pair: [string, string] = ["", ""];
  await xir.message(entry.start, entry.end, (field) => {
    if (field.number !== 1 && field.number !== 2) return undefined;
    const which = field.number - 1;
    return xir.text(field).then((text) => {
      pair[which] = clean(text);
    });
  });
  return pair;
}
