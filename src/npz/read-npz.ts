/** A npz file, read by rows: no array is ever in memory as a whole. */
import { type Entry, open, type ZipFile } from "yauzl";
import type { Datatype } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { ByteSource } from "./byte-source.ts";
import { MOST_HEADER_BYTES, type NpyHeader, parseNpyHeader } from "./npy-header.ts";
import { toRawElements } from "./raw-elements.ts";

export interface NpzArray {
  /** Without `.npy`. */
  readonly name: string;
  readonly datatype: Datatype;
  /** Axis 0: rows. */
  readonly shape: readonly number[];
}

export interface NpzRows {
  readonly first: number;
  readonly rows: number;
  /** By name; little-endian, row-major, BYTES with their lengths, as tensors are on the wire. */
  readonly data: ReadonlyMap<string, Uint8Array>;
}

export interface NpzFile {
  readonly arrays: readonly NpzArray[];
  /**
   * Rows of several arrays side by side, which have equally many.
   * @throws StatusError INVALID_ARGUMENT naming the array that is missing, cut off or of another length
   */
  chunks(names: readonly string[], rowsPerChunk: number): AsyncIterable<NpzRows>;
  close(): void;
}

const MOST_ARRAYS = 4096;
/** Of one row of one array, which is in memory as a whole: what is packed well may claim any size. */
const MOST_ROW_BYTES = 256 * 1024 * 1024;

interface Found extends NpzArray {
  readonly entry: Entry;
  readonly header: NpyHeader;
}

/** @throws StatusError INVALID_ARGUMENT for what is no npz file of arrays that we know */
export async function openNpz(path: string): Promise<NpzFile> {
  let zip: ZipFile;
  try {
    zip = await openZip(path);
  } catch (cause) {
    throw invalid(`'${path}' is no npz file: ${messageOf(cause)}`, cause);
  }
  try {
    const found: Found[] = [];
    for (const entry of await entriesOf(zip)) found.push(await inspect(zip, entry));
    const names = found.map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw invalid(`array '${twice}' is in it twice`);
    return new OpenNpz(path, zip, found);
  } catch (cause) {
    zip.close();
    throw invalid(`'${path}': ${messageOf(cause)}`, cause);
  }
}

class OpenNpz implements NpzFile {
  readonly arrays: readonly NpzArray[];
  readonly #path: string;
  readonly #zip: ZipFile;
  readonly #found: readonly Found[];

  constructor(path: string, zip: ZipFile, found: readonly Found[]) {
    this.#path = path;
    this.#zip = zip;
    this.#found = found;
    this.arrays = found.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  }

  async *chunks(names: readonly string[], rowsPerChunk: number): AsyncIterable<NpzRows> {
    const wanted = names.map((name) => this.#array(name));
    const [rows = 0, ...others] = wanted.map(({ shape }) => shape[0] ?? 0);
    const other = others.findIndex((count) => count !== rows);
    if (other >= 0) {
      const text = `'${names[0]}' has ${rows} rows, '${names[other + 1]}' ${others[other]}`;
      throw invalid(`'${this.#path}': ${text}`);
    }
    const sources: ByteSource[] = [];
    try {
      for (const { entry, header } of wanted) {
        const source = new ByteSource(await streamOf(this.#zip, entry));
        sources.push(source);
        await source.take(header.headerBytes);
      }
      for (let first = 0; first < rows; first += rowsPerChunk) {
        const count = Math.min(rowsPerChunk, rows - first);
        const data = new Map<string, Uint8Array>();
        for (const [at, array] of wanted.entries()) {
          const bytes = await sources[at]?.take(count * rowBytes(array.header));
          if (bytes !== undefined) data.set(array.name, toRawElements(bytes, array.header));
        }
        yield { first, rows: count, data };
      }
      for (const [at, { entry }] of wanted.entries()) await sources[at]?.end(entry.crc32);
    } catch (cause) {
      throw invalid(`'${this.#path}': ${messageOf(cause)}`, cause);
    } finally {
      for (const source of sources) source.close();
    }
  }

  close(): void {
    this.#zip.close();
  }

  #array(name: string): Found {
    const found = this.#found.find((array) => array.name === name);
    if (found === undefined) {
      const names = this.#found.map((array) => array.name).join(", ") || "none";
      throw invalid(`'${this.#path}' has no array '${name}'; there are: ${names}`);
    }
    const where = `array '${name}' of '${this.#path}'`;
    if (found.shape.length === 0) throw invalid(`${where} is one number: axis 0 are rows`);
    const bytes = rowBytes(found.header);
    if (bytes <= MOST_ROW_BYTES) return found;
    throw invalid(`a row of ${where} has ${bytes} bytes, at most ${MOST_ROW_BYTES} are read`);
  }
}

function rowBytes({ shape, itemBytes }: NpyHeader): number {
  return shape.slice(1).reduce((product, axis) => product * axis, itemBytes);
}

function openZip(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(path, { lazyEntries: true, autoClose: false }, (error, zip) =>
      error ? reject(error) : resolve(zip),
    );
  });
}

function entriesOf(zip: ZipFile): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on("error", reject);
    zip.on("end", () => resolve(entries));
    zip.on("entry", (entry: Entry) => {
      entries.push(entry);
      if (entries.length > MOST_ARRAYS) reject(new Error(`it has more than ${MOST_ARRAYS} arrays`));
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

async function inspect(zip: ZipFile, entry: Entry): Promise<Found> {
  const name = entry.fileName.replace(/\.npy$/, "");
  const source = new ByteSource(await streamOf(zip, entry));
  try {
    const header = parseNpyHeader(await source.peek(MOST_HEADER_BYTES + 12));
    if (header === undefined) throw invalid("it ends within its header");
    // Whatever the header claims, the file must have as much; reading stops there.
    const expected = header.headerBytes + (header.shape[0] ?? 1) * rowBytes(header);
    if (entry.uncompressedSize !== expected) {
      throw invalid(`its header promises ${expected} bytes, it has ${entry.uncompressedSize}`);
    }
    return { name, datatype: header.datatype, shape: header.shape, entry, header };
  } catch (cause) {
    throw invalid(`array '${name}': ${messageOf(cause)}`, cause);
  } finally {
    source.close();
  }
}

function streamOf(zip: ZipFile, entry: Entry): Promise<import("node:stream").Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
