/**
 * The frame of an .aocx or .aocr file: a 32-bit ELF whose sections are named `.acl.*`.
 * Reads the section table and the board's name; every offset is checked against the file.
 */
import { open } from "node:fs/promises";
import { BackendError } from "../contract.ts";

export interface ImageFacts {
  /** Name of the board variant it was compiled for; what the runtime compares with the board. */
  readonly board: string;
  readonly sizeBytes: number;
  readonly sections: readonly string[];
}

/** ELF32, table 1-3 of the ELF specification 1.2. */
const HEADER_BYTES = 52;
const SECTION_BYTES = 40;
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
const MOST_SECTIONS = 1024;
const MOST_NAMES_BYTES = 1024 * 1024;
const MOST_BOARD_NAME_BYTES = 256;
const NO_BITS = 8;

interface Section {
  readonly nameAt: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** Where the bytes of a file are had: from the disk, or all in memory. */
interface ByteSource {
  /** For error texts. */
  readonly name: string;
  readonly sizeBytes: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** @throws BackendError `artifact` where it is no such file, is cut off, or was made for Intel's emulator */
export async function inspectImageFile(path: string): Promise<ImageFacts> {
  const file = await open(path).catch((cause: unknown) => {
    throw new BackendError("artifact", `${path}: cannot be opened`, { cause });
  });
  try {
    const { size } = await file.stat();
    return await inspectImage({
      name: path,
      sizeBytes: size,
      async read(offset, length) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
    });
  } finally {
    await file.close();
  }
}

export function inspectImageBytes(name: string, bytes: Buffer): Promise<ImageFacts> {
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return inspectImage({ name, sizeBytes: bytes.length, read });
}

async function inspectImage(source: ByteSource): Promise<ImageFacts> {
  const { name: path, sizeBytes } = source;
  const bad = (reason: string) => new BackendError("artifact", `${path}: ${reason}`);
  const read = async (offset: number, length: number, what: string): Promise<Buffer> => {
    if (offset + length > sizeBytes) {
      throw bad(`${what} ends at byte ${offset + length}, the file has ${sizeBytes}: cut off?`);
    }
    const bytes = await source.read(offset, length);
    if (bytes.length !== length) throw bad(`${what} cannot be read`);
    return bytes;
  };

  const header = await read(0, HEADER_BYTES, "the ELF header");
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw bad("no 32-bit little-endian ELF, which .aocx and .aocr files are");
  }
  const tableAt = header.readUInt32LE(32);
  const entryBytes = header.readUInt16LE(46);
  const count = header.readUInt16LE(48);
  const namesIndex = header.readUInt16LE(50);
  if (entryBytes !== SECTION_BYTES || count === 0 || count > MOST_SECTIONS || namesIndex >= count) {
    throw bad(`section table of ${count} entries of ${entryBytes} bytes, names in ${namesIndex}`);
  }
  const table = await read(tableAt, count * SECTION_BYTES, "the section table");
  const sections = Array.from({ length: count }, (_, index) => sectionOf(table, index));
  for (const [index, { type, offset, size }] of sections.entries()) {
    if (type === 0 || type === NO_BITS || offset + size <= sizeBytes) continue;
    throw bad(
      `section ${index} ends at byte ${offset + size}, the file has ${sizeBytes}: cut off?`,
    );
  }
  const namesSection = sections[namesIndex] as Section;
  if (namesSection.size > MOST_NAMES_BYTES) throw bad("section names of more than 1 MiB");
  const names = await read(namesSection.offset, namesSection.size, "the section names");
  const nameOf = ({ nameAt }: Section): string => {
    const end = names.indexOf(0, nameAt);
    if (nameAt > names.length || (end === -1 && nameAt !== names.length)) {
      throw bad("a section's name lies outside the names");
    }
    return names.toString("latin1", nameAt, Math.max(nameAt, end));
  };
  const named = sections.map((section) => ({ section, name: nameOf(section) }));
  if (named.some(({ name }) => name.startsWith(".acl.emulator_object"))) {
    throw bad("was compiled for Intel's emulator; compile it for the board");
  }
  const board = named.find(({ name }) => name === ".acl.board")?.section;
  if (board === undefined) throw bad("no section .acl.board: not made by Intel's FPGA compiler");
  if (board.size === 0 || board.size > MOST_BOARD_NAME_BYTES || board.type === NO_BITS) {
    throw bad(`section .acl.board of ${board.size} bytes names no board`);
  }
  const text = (await read(board.offset, board.size, "section .acl.board")).toString("latin1");
  return {
    board: text.replace(/\0+$/, "").trim(),
    sizeBytes,
    sections: named.map(({ name }) => name).filter((name) => name !== ""),
  };
}

function sectionOf(table: Buffer, index: number): Section {
  const at = index * SECTION_BYTES;
  return {
    nameAt: table.readUInt32LE(at),
    type: table.readUInt32LE(at + 4),
    offset: table.readUInt32LE(at + 16),
    size: table.readUInt32LE(at + 20),
  };
}
