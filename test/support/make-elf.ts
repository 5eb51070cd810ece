/** Small ELF files for tests: sections with names, and nothing to load. */
import { Buffer } from "node:buffer";

const NAMES = ".shstrtab";

/** @param sections name and content; the table of names is added as the first */
export function makeElf(
  sections: readonly (readonly [name: string, content: Buffer | string])[],
  bits: 32 | 64 = 32,
): Buffer {
  const names = Buffer.from(`\0${[NAMES, ...sections.map(([name]) => name)].join("\0")}\0`);
  const contents: readonly Buffer[] = [names, ...sections.map(([, content]) => bytesOf(content))];
  const head = Buffer.alloc(bits === 32 ? 52 : 64);
  const bodies: Buffer[] = [];
  const entries: Buffer[] = [Buffer.alloc(bits === 32 ? 40 : 64)];
  let offset = head.length;
  let nameAt = 1;
  contents.forEach((content, index) => {
    entries.push(sectionHeader(bits, nameAt, index === 0 ? 3 : 1, offset, content.length));
    bodies.push(content);
    offset += content.length;
    nameAt = names.indexOf(0, nameAt) + 1;
  });
  head.write("\u007fELF", 0, "latin1");
  head.writeUInt8(bits === 32 ? 1 : 2, 4);
  head.writeUInt8(1, 5);
  head.writeUInt8(1, 6);
  if (bits === 32) head.writeUInt32LE(offset, 32);
  else head.writeBigUInt64LE(BigInt(offset), 40);
  const tail = bits === 32 ? 46 : 58;
  head.writeUInt16LE(bits === 32 ? 40 : 64, tail);
  head.writeUInt16LE(entries.length, tail + 2);
  head.writeUInt16LE(1, tail + 4);
  return Buffer.concat([head, ...bodies, ...entries]);
}

function sectionHeader(
  bits: 32 | 64,
  nameAt: number,
  type: number,
  offset: number,
  size: number,
): Buffer {
  const entry = Buffer.alloc(bits === 32 ? 40 : 64);
  entry.writeUInt32LE(nameAt, 0);
  entry.writeUInt32LE(type, 4);
  if (bits === 32) {
    entry.writeUInt32LE(offset, 16);
    entry.writeUInt32LE(size, 20);
  } else {
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(size), 32);
  }
  return entry;
}

const bytesOf = (content: Buffer | string) =>
  typeof content === "string" ? Buffer.from(content) : content;
