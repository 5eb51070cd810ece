/** Sections that are a count and as many entries of one size. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";

export interface EntryLayout {
  /** Bytes before the first entry. */
  readonly headBytes: number;
  readonly entryBytes: number;
}

/**
 * Offsets of the entries. The C structs of these sections have one entry built
 * in, so a section without entries may still have the size of one.
 * @throws BackendError `artifact` where count and size disagree
 */
export function entryOffsets(view: ByteView, count: number, layout: EntryLayout): number[] {
  const { headBytes, entryBytes } = layout;
  const needed = headBytes + count * entryBytes;
  const spare = view.sizeBytes - needed;
  if (count < 0 || spare < 0 || spare > entryBytes || (count > 0 && spare === entryBytes)) {
    const fits = Math.max(0, Math.floor((view.sizeBytes - headBytes) / entryBytes));
    throw view.place.refusal(
      `${count} entries of ${entryBytes} bytes, expected ${fits} in ${view.sizeBytes} bytes`,
    );
  }
  return Array.from({ length: count }, (_, index) => headBytes + index * entryBytes);
}
