/**
 * PARTITION_METADATA: a flattened device tree (Devicetree Specification 0.4,
 * chapter 5). Only its `interface_uuid` properties are wanted: they say which
 * shell the image plugs into.
 */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";

const MAGIC = 0xd00dfeed;
const HEAD_BYTES = 40;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const NOTHING = 4;
const END = 9;
const WANTED = "interface_uuid";

/** @throws BackendError `artifact` where the tree is broken */
export function readPartitionMetadata(view: ByteView): string[] {
  if (view.sizeBytes < HEAD_BYTES || bigEndian(view, 0) !== MAGIC) {
    throw view.place.refusal("no device tree, expected one that begins with d00dfeed");
  }
  const structure = block(view, "structure", bigEndian(view, 8), bigEndian(view, 36));
  const strings = block(view, "strings", bigEndian(view, 12), bigEndian(view, 32));
  const found = new Set<string>();
  let at = structure.start;
  while (at < structure.end) {
    const token = bigEndian(view, at);
    at += 4;
    if (token === END) return [...found];
    if (token === BEGIN_NODE) at = aligned(textEnd(view, at, structure.end) + 1);
    else if (token === PROPERTY) {
      const length = bigEndian(view, at);
      const value = at + 8;
      if (value + length > structure.end) {
        throw view.place.refusal(`a property of ${length} bytes at byte ${at} leaves the tree`);
      }
      if (nameAt(view, strings, bigEndian(view, at + 4)) === WANTED) {
        found.add(dashed(view.fixedText(value, length)));
      }
      at = aligned(value + length);
    } else if (token !== END_NODE && token !== NOTHING) {
      throw view.place.refusal(`token ${token} at byte ${at - 4}, expected 1, 2, 3, 4 or 9`);
    }
  }
  throw view.place.refusal("the tree has no end");
}

interface Block {
  readonly start: number;
  readonly end: number;
}

function block(view: ByteView, name: string, start: number, length: number): Block {
  const end = start + length;
  if (start >= HEAD_BYTES && end <= view.sizeBytes) return { start, end };
  throw view.place.refusal(
    `${name} block from byte ${start} to ${end}, expected within ${HEAD_BYTES} to ${view.sizeBytes}`,
  );
}

function nameAt(view: ByteView, strings: Block, offset: number): string {
  const start = strings.start + offset;
  if (start >= strings.end) {
    throw view.place.refusal(`a property named at ${start}, expected before ${strings.end}`);
  }
  // Longer names are others than the wanted one.
  return view.fixedText(start, Math.min(strings.end - start, WANTED.length + 1));
}

function textEnd(view: ByteView, start: number, end: number): number {
  const zero = view.bytes.subarray(start, end).indexOf(0);
  if (zero === -1) throw view.place.refusal(`the name of a node at byte ${start} has no end`);
  return start + zero;
}

const aligned = (at: number) => (at + 3) & ~3;

/** UUIDs are written here as 32 hexadecimal digits without dashes. */
function dashed(uuid: string): string {
  return uuid.replace(
    /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i,
    "$1-$2-$3-$4-$5",
  );
}

function bigEndian(view: ByteView, at: number): number {
  const swapped = view.u32(at);
  return Buffer.from(Uint32Array.of(swapped).buffer).readUInt32BE();
}
