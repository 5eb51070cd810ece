/** A npz file, written by rows as they come. Uncompressed, as numpy.savez does. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import type { Datatype } from "../../backends/contract.ts";
import { npyHeader } from "./npy-header.ts";

export interface NpzContent {
  readonly name: string;
  readonly datatype: Datatype;
  /** Axis 0: rows. */
  readonly shape: readonly number[];
  /** For BYTES: width of every text; shorter ones end with zeros. */
  readonly textBytes?: number;
  /** Elements of all rows together, in order, as they lie in the file: raw, texts without their lengths. */
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Equal contents give equal bytes. @throws StatusError for a datatype that numpy has not */
export async function writeNpz(path: string, arrays: readonly NpzContent[]): Promise<void> {
  const zip = new ZipFile();
  for (const { name, datatype, shape, textBytes, chunks } of arrays) {
    const header = npyHeader(datatype, shape, textBytes);
    async function* bytes() {
      yield header;
      yield* chunks;
    }
    const options = { mtime: new Date(Date.UTC(1980, 0, 1, 12)), mode: 0o100644, compress: false };
    zip.addReadStream(Readable.from(bytes(), { objectMode: false }), `${name}.npy`, options);
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path, { mode: 0o600 }));
}
