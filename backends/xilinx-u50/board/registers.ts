/** The AXI-Lite registers of compute units, by word address. */
export class Registers {
  readonly #words = new Map<number, number>();

  write(address: number, data: Uint8Array): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let i = 0; i + 4 <= data.byteLength; i += 4) {
      this.#words.set(address + i, view.getUint32(i, true));
    }
  }

  word(address: number): number {
    return this.#words.get(address) ?? 0;
  }

  /** Of two words, low word first; exact up to 2^53. */
  pointer(address: number): number {
    return this.word(address) + this.word(address + 4) * 2 ** 32;
  }
}
