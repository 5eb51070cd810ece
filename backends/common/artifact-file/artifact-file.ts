/**
 * Reads pieces of an artifact that may come from anybody. Every piece is checked
 * against the end of the file (or of the part of it that is being read) and
 * against a limit of the caller; what nobody asks for is never read, so an image
 * of 100 MB costs as little as one of 100 bytes.
 */
import { open, stat } from "node:fs/promises";
import { BackendError } from "../../contract.ts";
import { ByteView } from "./byte-view.ts";
import { Place } from "./place.ts";

/** What all pieces of one file may take together. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/** The one call of a FileHandle that is needed. */
export interface RandomAccess {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
}

interface Budget {
  leftBytes: number;
}

export class ArtifactFile {
  readonly sizeBytes: number;
  readonly place: Place;
  /** The open file below, for readers that keep their own bounds. */
  readonly source: RandomAccess;
  readonly #startByte: number;
  readonly #budget: Budget;

  constructor(
    source: RandomAccess,
    sizeBytes: number,
    place: Place,
    startByte = 0,
    budget: Budget = { leftBytes: MAX_TOTAL_BYTES },
  ) {
    this.source = source;
    this.sizeBytes = sizeBytes;
    this.place = place;
    this.#startByte = startByte;
    this.#budget = budget;
  }

  /** A part of the file, read as if it were a file. The part itself is not read yet. */
  part(start: number, length: number, where: string): ArtifactFile {
    const place = this.place.part(where);
    this.#mustHave(start, length, place);
    return new ArtifactFile(this.source, length, place, this.#startByte + start, this.#budget);
  }

  /** The bytes from `start` on, `length` of them. */
  async read(start: number, length: number, where: string): Promise<ByteView> {
    const place = this.place.part(where);
    this.#mustHave(start, length, place);
    if (length > this.#budget.leftBytes) {
      throw place.refusal(
        `${length} bytes, expected at most ${MAX_TOTAL_BYTES} bytes of descriptions in a file`,
      );
    }
    this.#budget.leftBytes -= length;
    const bytes = Buffer.alloc(length);
    let have = 0;
    while (have < length) {
      const position = this.#startByte + start + have;
      const { bytesRead } = await this.source.read(bytes, have, length - have, position);
      if (bytesRead === 0) throw place.refusal("the file became shorter while it was read");
      have += bytesRead;
    }
    return new ByteView(bytes, place);
  }

  /**
   * The whole file or part.
   * @param maxBytes more than any honest tool writes
   */
  async readAll(maxBytes: number): Promise<ByteView> {
    if (this.sizeBytes > maxBytes) {
      throw this.place.refusal(`${this.sizeBytes} bytes, expected at most ${maxBytes}`);
    }
    const view = await this.read(0, this.sizeBytes, "");
    return new ByteView(view.bytes, this.place);
  }

  #mustHave(start: number, length: number, place: Place): void {
    const inside =
      Number.isSafeInteger(start) &&
      Number.isSafeInteger(length) &&
      start >= 0 &&
      length >= 0 &&
      start + length <= this.sizeBytes;
    if (inside) return;
    throw place.refusal(
      `bytes ${start} to ${start + length}, expected to end within ${this.sizeBytes} bytes`,
    );
  }
}

/**
 * Opens a file for the time of `use`.
 * @throws BackendError `artifact` where it is missing, empty, or no regular file
 */
export async function withArtifactFile<T>(
  path: string,
  format: string,
  use: (file: ArtifactFile) => Promise<T>,
): Promise<T> {
  const place = new Place(format);
  try {
    // Before it is opened: to open a pipe would wait for a writer.
    if (!(await stat(path)).isFile()) {
      throw place.refusal("it is not a regular file", "name the file itself");
    }
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      if (size === 0) throw place.refusal("the file is empty");
      return await use(new ArtifactFile(handle, size, place));
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (thrown instanceof BackendError || !isSystemError(thrown)) throw thrown;
    throw place.refusal(
      `the file cannot be read (${thrown.code})`,
      "check the path and its permissions",
      thrown,
    );
  }
}

function isSystemError(thrown: unknown): thrown is Error & { code: string } {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown;
}
