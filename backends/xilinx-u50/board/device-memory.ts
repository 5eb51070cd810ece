/** The HBM of the board: what the host has allocated, and nothing else, can be read and written. */
import { BANK_BYTES, BANK_COUNT, bankOf } from "../platform.ts";

interface Allocation {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** An access that a real card would answer with an error on its memory bus. */
export class MemoryFault extends Error {
  override readonly name = "MemoryFault";
}

export class DeviceMemory {
  readonly #allocations = new Map<number, Allocation>();
  #last: Allocation | undefined;

  /** @throws MemoryFault outside the banks, or across two of them. */
  allocate(address: number, byteLength: number): void {
    const last = address + Math.max(byteLength, 1) - 1;
    if (last >= BANK_COUNT * BANK_BYTES || bankOf(address) !== bankOf(last)) {
      throw new MemoryFault(`${byteLength} bytes at ${hex(address)} are not within one bank`);
    }
    this.#allocations.set(address, { address, bytes: new Uint8Array(byteLength) });
  }

  free(address: number): void {
    this.#allocations.delete(address);
    this.#last = undefined;
  }

  clear(): void {
    this.#allocations.clear();
    this.#last = undefined;
  }

  /**
   * The memory itself, not a copy.
   * @throws MemoryFault where the range is not within one allocation.
   */
  at(address: number, byteLength: number): Uint8Array {
    const found = contains(this.#last, address) ? this.#last : this.#find(address);
    if (found === undefined) throw new MemoryFault(`nothing is allocated at ${hex(address)}`);
    const from = address - found.address;
    if (from + byteLength > found.bytes.byteLength) {
      const room = found.bytes.byteLength - from;
      throw new MemoryFault(`${byteLength} bytes at ${hex(address)}, where ${room} are allocated`);
    }
    this.#last = found;
    return found.bytes.subarray(from, from + byteLength);
  }

  #find(address: number): Allocation | undefined {
    for (const one of this.#allocations.values()) if (contains(one, address)) return one;
    return undefined;
  }
}

function contains(one: Allocation | undefined, address: number): boolean {
  if (one === undefined || address < one.address) return false;
  return address < one.address + one.bytes.byteLength;
}

const hex = (address: number) => `0x${address.toString(16)}`;
