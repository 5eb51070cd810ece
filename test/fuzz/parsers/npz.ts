/** Files of numpy: headers of arrays in memory, and now and then a whole zip as a file, packed and unpacked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { npyHeader, parseNpyHeader } from "../../../src/npz/npy-header.ts";
import { toRawElements } from "../../../src/npz/raw-elements.ts";
import { openNpz } from "../../../src/npz/read-npz.ts";
import { writeNpz } from "../../../src/npz/write-npz.ts";
import { type MakeFamily, outcomeOf } from "./family.ts";
import { asFile } from "./in-memory.ts";

const LARGEST_DATA_BYTES = 1024 * 1024;
const ROWS_PER_CHUNK = 2;

export const makeNpzFamily: MakeFamily = async (scratch) => {
  const path = join(scratch, "seed.npz");
  await writeNpz(path, [
    { name: "x", datatype: "FP32", shape: [3, 2], chunks: [new Uint8Array(24).fill(1)] },
    { name: "names", datatype: "BYTES", shape: [3], textBytes: 4, chunks: [new Uint8Array(12)] },
  ]);
  const zip = readFileSync(path);
  const headers = [
    npyHeader("FP32", [3, 2]),
    npyHeader("INT64", [3]),
    npyHeader("BYTES", [3, 1], 4),
    Buffer.from(npyHeader("FP64", [2, 2]).toString("latin1").replace("<", ">"), "latin1"),
    Buffer.from(npyHeader("BYTES", [2], 3).toString("latin1").replace("|S", "<U"), "latin1"),
  ].map((header) => Buffer.concat([header, Buffer.alloc(24, 0x41)]));
  const [first = zip] = headers;
  return {
    seeds: [...headers, zip, packedZip("x.npy", first)],
    read: (mutant, random) => {
      const file = asFile(mutant, scratch, random);
      return outcomeOf(() => (file === undefined ? readArray(mutant) : readFile(file)));
    },
  };
};

function readArray(bytes: Buffer): void {
  const header = parseNpyHeader(bytes);
  if (header === undefined) return;
  const rowBytes = header.shape
    .slice(1)
    .reduce((product, axis) => product * axis, header.itemBytes);
  const dataBytes = (header.shape[0] ?? 1) * rowBytes;
  if (dataBytes > LARGEST_DATA_BYTES) return; // the file would have to be as long
  const data = Buffer.alloc(dataBytes, 0x41);
  toRawElements(data, header);
}

async function readFile(path: string): Promise<void> {
  const npz = await openNpz(path);
  try {
    for (const { name } of npz.arrays) {
      for await (const rows of npz.chunks([name], ROWS_PER_CHUNK)) rows.data.get(name);
    }
  } finally {
    npz.close();
  }
}

/** As numpy.savez_compressed writes it: one member, deflated. */
function packedZip(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, Buffer.from(name), packed]);
  const central = Buffer.concat([
    Buffer.from("PK\u0001\u0002\u0014\u0000"),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
