/** What all samples together may take while they wait. */
export class ShadowBudget {
  readonly #mostRows: number;
  readonly #mostBytes: number;
  #rows = 0;
  #bytes = 0;

  constructor(mostRows: number, mostBytes: number) {
    this.#mostRows = mostRows;
    this.#mostBytes = mostBytes;
  }

  get rows(): number {
    return this.#rows;
  }

  hasRoom(rows: number, bytes: number): boolean {
    return this.#rows + rows <= this.#mostRows && this.#bytes + bytes <= this.#mostBytes;
  }

  /** @returns false: there is no room, and nothing was taken */
  take(rows: number, bytes: number): boolean {
    if (!this.hasRoom(rows, bytes)) return false;
    this.#rows += rows;
    this.#bytes += bytes;
    return true;
  }

  give(rows: number, bytes: number): void {
    this.#rows -= rows;
    this.#bytes -= bytes;
  }
}
