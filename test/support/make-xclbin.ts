/** Small xclbin files for tests, right in every respect until a case says otherwise. */
import { Buffer } from "node:buffer";

export const KINDS = {
  BITSTREAM: 0,
  EMBEDDED_METADATA: 2,
  MEM_TOPOLOGY: 6,
  CONNECTIVITY: 7,
  IP_LAYOUT: 8,
  CLOCK_FREQ_TOPOLOGY: 11,
  BUILD_METADATA: 14,
  KEYVALUE_METADATA: 15,
  PARTITION_METADATA: 20,
} as const;

export interface SectionBytes {
  readonly kind: number;
  readonly bytes: Buffer;
}

export interface XclbinParts {
  readonly platform?: string;
  readonly mode?: number;
  readonly uuid?: string;
  readonly interfaceUuid?: string;
  readonly signature?: Buffer;
  /** Put in place of the sections of the same kind, or added; undefined takes one out. */
  readonly sections?: Readonly<Record<number, Buffer | undefined>>;
}

/** One kernel `jet_tagger(in, out, n)` with units _1 and _2, wired to HBM[0], [1] and [2], [3]. */
export function defaultSections(): Record<number, Buffer | undefined> {
  return {
    [KINDS.BITSTREAM]: Buffer.from(
      "the image of the card, whatever it is, longer than any AFI id is",
    ),
    [KINDS.MEM_TOPOLOGY]: memTopology([true, true, true, true, false]),
    [KINDS.IP_LAYOUT]: ipLayout(["jet_tagger:jet_tagger_1", "jet_tagger:jet_tagger_2"]),
    [KINDS.CONNECTIVITY]: connectivity([
      [0, 0, 0],
      [1, 0, 1],
      [0, 1, 2],
      [1, 1, 3],
    ]),
    [KINDS.EMBEDDED_METADATA]: Buffer.from(metadata()),
  };
}

export function makeXclbin(parts: XclbinParts = {}): Buffer {
  const merged = { ...defaultSections(), ...parts.sections };
  const sections = Object.entries(merged).flatMap(([kind, bytes]) =>
    bytes === undefined ? [] : [{ kind: Number(kind), bytes }],
  );
  return joinSections(parts, sections);
}

/** For cases with two sections of a kind. */
export function joinSections(parts: XclbinParts, sections: readonly SectionBytes[]): Buffer {
  const head = Buffer.alloc(aligned(456 + 40 * sections.length));
  const pieces: Buffer[] = [];
  let offset = head.length;
  sections.forEach(({ kind, bytes }, index) => {
    const at = 456 + 40 * index;
    head.writeUInt32LE(kind, at);
    head.write("of_a_test", at + 4, "latin1");
    head.writeBigUInt64LE(BigInt(offset), at + 24);
    head.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    pieces.push(bytes, Buffer.alloc(aligned(bytes.length) - bytes.length));
    offset += aligned(bytes.length);
  });
  const signature = parts.signature ?? Buffer.alloc(0);
  head.write("xclbin2\0", 0, "latin1");
  head.writeInt32LE(signature.length === 0 ? -1 : signature.length, 8);
  head.writeBigUInt64LE(BigInt(offset), 304);
  head.writeBigUInt64LE(1_700_000_000n, 312);
  head.writeUInt16LE(466, 328);
  head.writeUInt8(2, 330);
  head.writeUInt8(13, 331);
  head.writeUInt16LE(parts.mode ?? 1, 332);
  uuidBytes(parts.interfaceUuid).copy(head, 336);
  head.write(parts.platform ?? "xilinx_u50_gen3x16_xdma_5_202210_1", 352, 63, "latin1");
  uuidBytes(parts.uuid ?? "11223344-5566-7788-99aa-bbccddeeff00").copy(head, 416);
  head.writeUInt32LE(sections.length, 448);
  return Buffer.concat([head, ...pieces, signature]);
}

/** @param used one bank of HBM each, and whether the image uses it */
export function memTopology(used: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(8 + 40 * used.length);
  bytes.writeInt32LE(used.length, 0);
  used.forEach((isUsed, index) => {
    const at = 8 + 40 * index;
    bytes.writeUInt8(6, at);
    bytes.writeUInt8(isUsed ? 1 : 0, at + 1);
    bytes.writeBigUInt64LE(262_144n, at + 8);
    bytes.writeBigUInt64LE(BigInt(index) * 0x1000_0000n, at + 16);
    bytes.write(`HBM[${index}]`, at + 24, "latin1");
  });
  return bytes;
}

export function ipLayout(names: readonly string[]): Buffer {
  const bytes = Buffer.alloc(8 + 80 * names.length);
  bytes.writeInt32LE(names.length, 0);
  names.forEach((name, index) => {
    const at = 8 + 80 * index;
    bytes.writeUInt32LE(1, at);
    bytes.writeBigUInt64LE(0x180_0000n + BigInt(index) * 0x1_0000n, at + 8);
    bytes.write(name, at + 16, 63, "latin1");
  });
  return bytes;
}

export function connectivity(wires: readonly (readonly [number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(4 + 12 * wires.length);
  bytes.writeInt32LE(wires.length, 0);
  wires.flat().forEach((value, index) => {
    bytes.writeInt32LE(value, 4 + 4 * index);
  });
  return bytes;
}

export function clocks(
  frequencies: readonly (readonly [mhz: number, type: number, name: string])[],
) {
  const bytes = Buffer.alloc(2 + 136 * frequencies.length);
  bytes.writeInt16LE(frequencies.length, 0);
  frequencies.forEach(([mhz, type, name], index) => {
    const at = 2 + 136 * index;
    bytes.writeUInt16LE(mhz, at);
    bytes.writeUInt8(type, at + 2);
    bytes.write(name, at + 8, "latin1");
  });
  return bytes;
}

const ARGUMENTS = [
  '<arg name="in" addressQualifier="1" id="0" size="0x8" offset="0x10" type="ap_uint&lt;512> const*"/>',
  '<arg name="out" addressQualifier="1" id="1" size="0x8" offset="0x1C" type="short*"/>',
  '<arg name="n" addressQualifier="0" id="2" size="0x4" offset="0x28" type="uint"/>',
];

export function metadata(
  args: readonly string[] = ARGUMENTS,
  units: readonly string[] = ["jet_tagger_1", "jet_tagger_2"],
): string {
  const instances = units.map(
    (unit, index) =>
      `<instance name="${unit}"><addrRemap base="0x18${index}0000" range="0x10000"/></instance>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<project name="jet_tagger"><!-- a > b --><platform vendor="xilinx" boardid="u50">
<device name="fpga0" fpgaDevice="virtexuplusHBM:xcu50:fsvh2104:-2:e"><core name="OCL_REGION_0">
<kernel name="jet_tagger" language="c">
<port name="M_AXI_GMEM" mode="master" range="0xFFFFFFFFFFFFFFFF"/>
<port name="S_AXI_CONTROL" mode="slave" range="0x1000"/>
${args.join("\n")}
${instances.join("\n")}
</kernel></core></device></platform></project>
`;
}

/** A flattened device tree: a root node with one node that has the properties. */
export function deviceTree(
  properties: readonly (readonly [name: string, value: string])[],
): Buffer {
  const names = Buffer.from(properties.map(([name]) => `${name}\0`).join(""));
  const pieces = [words(1), padded("\0"), words(1), padded("interfaces\0")];
  for (const [name, value] of properties) {
    const text = Buffer.from(`${value}\0`);
    pieces.push(words(3, text.length, names.indexOf(`${name}\0`)), padded(`${value}\0`));
  }
  pieces.push(words(2), words(2), words(9));
  const structure = Buffer.concat(pieces);
  const total = 40 + structure.length + names.length;
  const head = words(
    0xd00dfeed,
    total,
    40,
    40 + structure.length,
    0,
    17,
    16,
    0,
    names.length,
    structure.length,
  );
  return Buffer.concat([head, structure, names]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, 4 * index);
  });
  return bytes;
}

function padded(text: string): Buffer {
  const bytes = Buffer.alloc((text.length + 3) & ~3);
  bytes.write(text, "latin1");
  return bytes;
}

const aligned = (length: number) => (length + 7) & ~7;
const uuidBytes = (uuid = "") => Buffer.from(uuid.replaceAll("-", ""), "hex");
