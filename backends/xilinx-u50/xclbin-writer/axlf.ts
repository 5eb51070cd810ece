/**
 * The container of an xclbin (`axlf`), little-endian: a header of 456 bytes, a table of
 * 40 bytes a section, the sections at multiples of 8. Layout: XRT's `xclbin.h`, sizes
 * asserted there.
 */

export const SECTION_KINDS = {
  BITSTREAM: 0,
  EMBEDDED_METADATA: 2,
  MEM_TOPOLOGY: 6,
  CONNECTIVITY: 7,
  IP_LAYOUT: 8,
  CLOCK_FREQ_TOPOLOGY: 11,
  BUILD_METADATA: 14,
} as const;

export type SectionKind = keyof typeof SECTION_KINDS;

export interface Section {
  readonly kind: SectionKind;
  readonly data: Uint8Array;
}

/** `mode` of the header: what the image was compiled for. */
export const MODE_SW_EMU = 5;

/** Offsets of the header's fields, in bytes from the start of the file. */
export const HEADER = {
  magic: "xclbin2\0",
  signatureLength: 8,
  signatureBlocks: 12,
  uniqueId: 296,
  length: 304,
  timestamp: 312,
  versionPatch: 328,
  versionMajor: 330,
  versionMinor: 331,
  mode: 332,
  platform: 352,
  platformBytes: 64,
  uuid: 416,
  sectionCount: 448,
  byteLength: 456,
  sectionByteLength: 40,
} as const;

export interface Axlf {
  /** VBNV: vendor, board, name, version of the shell. */
  readonly platform: string;
  readonly mode: number;
  /** 16 bytes that name the content. */
  readonly uuid: Uint8Array;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly sections: readonly Section[];
}

/** The version of the tools that this layout belongs to: 2.13 (2022.1). */
const VERSION = { major: 2, minor: 13, patch: 466 };

export function writeAxlf({ platform, mode, uuid, timestamp, sections }: Axlf): Buffer {
  const start = HEADER.byteLength + HEADER.sectionByteLength * sections.length;
  const placed: (Section & { readonly offset: number })[] = [];
  let end = aligned(start);
  for (const section of sections) {
    placed.push({ ...section, offset: end });
    end = aligned(end + section.data.byteLength);
  }
  const file = Buffer.alloc(end);
  file.write(HEADER.magic, 0, "latin1");
  file.writeInt32LE(-1, HEADER.signatureLength);
  file.fill(0xff, HEADER.signatureBlocks, HEADER.uniqueId);
  file.writeBigUInt64LE(BigInt(timestamp), HEADER.uniqueId);
  file.writeBigUInt64LE(BigInt(end), HEADER.length);
  file.writeBigUInt64LE(BigInt(timestamp), HEADER.timestamp);
  file.writeUInt16LE(VERSION.patch, HEADER.versionPatch);
  file.writeUInt8(VERSION.major, HEADER.versionMajor);
  file.writeUInt8(VERSION.minor, HEADER.versionMinor);
  file.writeUInt16LE(mode, HEADER.mode);
  file.write(platform, HEADER.platform, HEADER.platformBytes - 1, "latin1");
  file.set(uuid.subarray(0, 16), HEADER.uuid);
  file.writeUInt32LE(sections.length, HEADER.sectionCount);
  for (const [i, { kind, data, offset }] of placed.entries()) {
    const entry = HEADER.byteLength + HEADER.sectionByteLength * i;
    file.writeUInt32LE(SECTION_KINDS[kind], entry);
    file.write(kind.toLowerCase(), entry + 4, 15, "latin1");
    file.writeBigUInt64LE(BigInt(offset), entry + 24);
    file.writeBigUInt64LE(BigInt(data.byteLength), entry + 32);
    file.set(data, offset);
  }
  return file;
}

const aligned = (offset: number) => Math.ceil(offset / 8) * 8;
