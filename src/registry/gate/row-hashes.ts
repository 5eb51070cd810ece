/** Whether a row came out with the same bits as before, without keeping the bits. */
import type { RowSlices } from "../golden/rows-of.ts";

export class RowHashes {
  readonly #hashes: Uint32Array;

  constructor(rows: number) {
    this.#hashes = new Uint32Array(rows);
  }

  /** @param outputs of some rows, which are the golden rows from `first` on */
  keep(first: number, rows: number, outputs: ReadonlyMap<string, RowSlices>): void {
    for (let row = 0; row < rows; row += 1) this.#hashes[first + row] = hashOf(outputs, row);
  }

  same(goldenRow: number, outputs: ReadonlyMap<string, RowSlices>, row: number): boolean {
    return this.#hashes[goldenRow] === hashOf(outputs, row);
  }
}

/** FNV-1a over the row of every output. */
function hashOf(outputs: ReadonlyMap<string, RowSlices>, row: number): number {
  let hash = 0x811c9dc5;
  for (const slices of outputs.values()) {
    for (const byte of slices.slice(row, row + 1)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
  }
  return hash >>> 0;
}
