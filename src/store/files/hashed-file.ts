/** Bytes that are hashed while they are written: large writes on another thread, the hash beside them. */
import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { StatusError } from "../../errors.ts";
import { writeAll } from "./durable.ts";

/** Hashing so much takes about half a millisecond: the event loop is not held up longer at a time. */
const WRITE_BYTES = 1024 * 1024;
/** Pieces of this size are written as they are. */
const LARGE_PIECE_BYTES = WRITE_BYTES / 2;
/** Begun early, the last sync has little left to wait for. */
const SYNC_BYTES = 64 * 1024 * 1024;

export interface Sink {
  readonly file: FileHandle;
  /** Fed while a piece is written: where that fails it has what the file has not. Undefined: nobody needs it. */
  readonly hash: { update(bytes: Uint8Array): unknown } | undefined;
}

/**
 * Writes what `source` brings at the file's position. A piece belongs to the source again when the next one
 * is asked for.
 * @param maxBytes of this source
 * @param wrote told after every write
 * @returns bytes written
 * @throws StatusError INVALID_ARGUMENT for more than `maxBytes`, CANCELLED by `signal`; what the source throws.
 *   What came before is in the file then.
 */
export async function pour(
  source: AsyncIterable<Uint8Array>,
  { file, hash }: Sink,
  maxBytes: number,
  signal?: AbortSignal,
  wrote: (bytes: number) => void = () => {},
): Promise<number> {
  const gathered = Buffer.allocUnsafe(WRITE_BYTES);
  let gatheredBytes = 0;
  let total = 0;
  let unsynced = 0;
  let syncing: Promise<unknown> | undefined;
  let broken = false;
  const write = async (bytes: Uint8Array) => {
    broken = true;
    const written = writeAll(file, bytes);
    hash?.update(bytes);
    await written;
    broken = false;
    wrote(bytes.length);
    unsynced += bytes.length;
    if (unsynced < SYNC_BYTES || syncing !== undefined) return;
    unsynced = 0;
    // The sync at the end tells of an error too.
    syncing = file
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        syncing = undefined;
      });
  };
  const flush = async () => {
    const bytes = gathered.subarray(0, gatheredBytes);
    gatheredBytes = 0;
    if (bytes.length > 0) await write(bytes);
  };
  try {
    for await (const piece of until(signal, source)) {
      total += piece.length;
      if (total > maxBytes) throw tooLarge(maxBytes);
      if (piece.length >= LARGE_PIECE_BYTES) {
        await flush();
        for (let at = 0; at < piece.length; at += WRITE_BYTES) {
          await write(piece.subarray(at, at + WRITE_BYTES));
        }
        continue;
      }
      if (gatheredBytes + piece.length > WRITE_BYTES) await flush();
      gathered.set(piece, gatheredBytes);
      gatheredBytes += piece.length;
    }
  } finally {
    // What came before the source failed is kept; a failed write is not tried again.
    try {
      if (!broken) await flush();
    } finally {
      await syncing;
    }
  }
  return total;
}

/** A source that never brings anything again ends with the signal too. */
async function* until(
  signal: AbortSignal | undefined,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  if (signal === undefined) return yield* source;
  const iterator = source[Symbol.asyncIterator]();
  let cancel: (reason: unknown) => void = () => {};
  const cancelled = new Promise<never>((_, reject) => {
    cancel = reject;
  });
  // Nobody may be waiting when it comes.
  cancelled.catch(() => undefined);
  const onAbort = () => {
    cancel(new StatusError("CANCELLED", "the upload was cancelled", { cause: signal.reason }));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), cancelled]);
      if (next.done === true) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: it may wait for the piece that never comes.
    if (!ended) iterator.return?.()?.catch(() => undefined);
  }
}

export function tooLarge(maxBytes: number): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `more than ${maxBytes} bytes came, the largest that is taken; raise the limit or send less`,
  );
}

/** Feeds everything of the file to `hash`. @returns its bytes */
export async function hashAll(file: FileHandle, hash: Hash): Promise<number> {
  const buffer = Buffer.allocUnsafe(WRITE_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return position;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
