/** One compute unit: its registers say where the rows lie, its control word starts it and tells how far it is. */
import { bankOf } from "../platform.ts";
import type { KernelMetadata } from "../xclbin-writer/kernel-metadata.ts";
import type { Bitstream, Port } from "./bitstream.ts";
import type { Compute } from "./compute.ts";
import { type DeviceMemory, MemoryFault } from "./device-memory.ts";
import type { Registers } from "./registers.ts";

/** Bits of the control word (Vitis HLS, `ap_ctrl_hs`). */
export const AP_START = 1;
export const AP_DONE = 2;
export const AP_IDLE = 4;

export interface UnitParts {
  readonly name: string;
  readonly base: number;
  /** Among the units of the kernel. */
  readonly index: number;
  readonly metadata: KernelMetadata;
  readonly bitstream: Bitstream;
  readonly compute: Compute;
  readonly memory: DeviceMemory;
  readonly registers: Registers;
}

export class ComputeUnit {
  readonly #parts: UnitParts;
  #running = false;
  /** When the running call will be over, ms on the clock of `performance.now`. */
  #doneAt = 0;

  constructor(parts: UnitParts) {
    this.#parts = parts;
  }

  /**
   * Runs the kernel at once; `delayMs`, told how long that took, says how much longer it shall seem.
   * @returns the memory of the outputs.
   * @throws MemoryFault where an argument points to memory that the port cannot reach.
   */
  start(delayMs: (tookMs: number) => number): readonly Uint8Array[] {
    const { bitstream, compute } = this.#parts;
    const began = performance.now();
    const rows = this.#rows();
    const memory = bitstream.ports.map((port) => this.#reach(port, rows));
    const inputs = memory.filter((_, i) => bitstream.ports[i]?.role === "input");
    const outputs = memory.filter((_, i) => bitstream.ports[i]?.role === "output");
    compute(inputs, outputs, rows);
    const now = performance.now();
    this.#running = true;
    this.#doneAt = now + delayMs(now - began);
    return outputs;
  }

  /** Reading DONE clears it. */
  get control(): number {
    if (!this.#running) return AP_IDLE;
    if (performance.now() < this.#doneAt) return AP_START;
    this.#running = false;
    return AP_DONE | AP_IDLE;
  }

  #rows(): number {
    const { rowsArgument, rowsPerCall = 0 } = this.#parts.bitstream;
    return rowsArgument === undefined
      ? rowsPerCall
      : this.#parts.registers.word(this.#registerOf(rowsArgument));
  }

  #reach({ argument, rowBytes, banks }: Port, rows: number): Uint8Array {
    const { name, index, memory, registers } = this.#parts;
    const address = registers.pointer(this.#registerOf(argument));
    const bank = bankOf(address);
    if (bank !== banks[index]) {
      throw new MemoryFault(
        `${name}: argument ${argument} points to HBM[${bank}], its port is wired to HBM[${banks[index]}]`,
      );
    }
    try {
      return memory.at(address, rows * rowBytes);
    } catch (cause) {
      throw new MemoryFault(`${name}: argument ${argument}: ${(cause as Error).message}`);
    }
  }

  #registerOf(argument: number): number {
    const { base, name, metadata } = this.#parts;
    const found = metadata.arguments.find(({ index }) => index === argument);
    if (found === undefined) throw new MemoryFault(`${name}: no register for argument ${argument}`);
    return base + found.offset;
  }
}
