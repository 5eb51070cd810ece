/**
 * One set of buffers of a compute unit and the call that uses it. The commands of a
 * call wait for each other in the slot's own queue; slots overlap.
 *
 *   write inputs -> mark outputs -> run -> read outputs
 *
 * OpenCL tells of no short answer, so the end of what will be read is marked before
 * the run: a board that does not compute, or answers too few bytes, leaves the mark.
 */

import { BackendError } from "../../contract.ts";
import { quantize, restore } from "../fixed-point/rows.ts";
import type { BufferUse, OpenClBoard } from "./board.ts";
import type { BufferSet, ComputeUnit } from "./compute-unit.ts";
import { check } from "./faults.ts";
import type { Handle } from "./library.ts";
import type { KernelCall } from "./plan-calls.ts";
import { type KernelWiring, travelsAsItIs, type WiredTensor } from "./wiring.ts";

/** Memory controllers and DMA engines move such blocks; a mark is one. */
const BLOCK_BYTES = 64;
/** A real answer may end like one mark, but it cannot end like both. */
const MARKS = [0xa5, 0x5a].map((byte) => new Uint8Array(BLOCK_BYTES).fill(byte));

/** What goes into an input or comes out of an output, for the whole batch. */
export interface BatchTensor {
  /** Position in the wiring's list. */
  readonly at: number;
  readonly data: Uint8Array;
}

interface SlotBuffer {
  readonly wired: WiredTensor;
  readonly memory: Handle;
  /** `memory` as the argument of a call. */
  readonly value: BigUint64Array;
  /** Rows in the board's layout, where it differs from the client's. */
  readonly staged: Uint8Array | undefined;
  /** Rows of an input that may hold other values than 0, where the kernel is given padding. */
  filledRows: number;
}

interface Started {
  readonly call: KernelCall;
  readonly inputs: readonly BatchTensor[];
  readonly outputs: readonly BatchTensor[];
  readonly attempt: number;
}

export interface SlotShape {
  readonly wiring: KernelWiring;
  readonly mostRows: number;
  readonly unitIndex: number;
  /** Rows of padding are zeros, up to this many in all; absent: none are read by the kernel. */
  readonly paddedTo?: number;
}

export class CallSlot implements BufferSet {
  readonly #board: OpenClBoard;
  readonly #unit: ComputeUnit;
  readonly #shape: SlotShape;
  readonly #queue: Handle;
  readonly #inputs: SlotBuffer[] = [];
  readonly #outputs: SlotBuffer[] = [];
  readonly #zeros: Uint8Array;
  readonly #event = new BigUint64Array(1);
  #started: Started | undefined;

  /** @throws BackendError; what was allocated until then is freed */
  constructor(board: OpenClBoard, unit: ComputeUnit, shape: SlotShape, zeros: Uint8Array) {
    this.#board = board;
    this.#unit = unit;
    this.#shape = shape;
    this.#zeros = zeros;
    this.#queue = board.createQueue();
    try {
      this.#allocate("input", shape.wiring.inputs, this.#inputs);
      this.#allocate("output", shape.wiring.outputs, this.#outputs);
      // XRT places a buffer by the argument it is for, so arguments come before the first write.
      this.bind();
      if (shape.paddedTo !== undefined) this.#clearInputs();
    } catch (cause) {
      this.release();
      throw cause;
    }
  }

  get busy(): boolean {
    return this.#started !== undefined;
  }

  /** Makes the unit's kernel use these buffers. */
  bind(): void {
    for (const { wired, value } of this.#inputs) this.#unit.setBuffer(wired.argument, value);
    for (const { wired, value } of this.#outputs) this.#unit.setBuffer(wired.argument, value);
  }

  /** Returns at once; `inputs` and `outputs` must stay alive until `finish` or `drain` returns. */
  start(
    call: KernelCall,
    inputs: readonly BatchTensor[],
    outputs: readonly BatchTensor[],
    attempt = 0,
  ): void {
    this.#started = { call, inputs, outputs, attempt };
    for (const input of inputs) this.#write(input, call);
    for (const { at } of outputs) this.#mark(at, call.rows, attempt);
    this.#unit.run(this.#queue, this, this.#shape.paddedTo ?? call.rows);
    for (const output of outputs) this.#read(output, call, output === outputs.at(-1));
    if (outputs.length === 0) return;
    check("clFlush", this.#board.cl.clFlush(this.#queue));
  }

  /**
   * Waits for the call and brings its outputs into the client's layout.
   * @throws BackendError `device` where the board answered too few bytes
   */
  finish(): void {
    const started = this.#started;
    if (started === undefined) return;
    this.#wait();
    const { call, inputs, outputs, attempt } = started;
    if (outputs.some((output) => this.#isMarked(output, call, attempt))) {
      if (attempt + 1 === MARKS.length) {
        this.#started = undefined;
        throw new BackendError(
          "device",
          `device "${this.#board.info.name}" left the end of an output unwritten: it answered too few bytes or did not run the kernel`,
        );
      }
      this.start(call, inputs, outputs, attempt + 1);
      this.finish();
      return;
    }
    this.#started = undefined;
    for (const output of outputs) this.#restore(output, call);
  }

  /** After a failure: nothing of the slot touches memory of the host any more. */
  drain(): void {
    this.#started = undefined;
    this.#board.cl.clFinish(this.#queue);
    this.#releaseEvent();
  }

  release(): void {
    const { cl } = this.#board;
    cl.clFinish(this.#queue);
    for (const { memory } of [...this.#inputs, ...this.#outputs]) cl.clReleaseMemObject(memory);
    cl.clReleaseCommandQueue(this.#queue);
  }

  #allocate(use: BufferUse, tensors: readonly WiredTensor[], into: SlotBuffer[]): void {
    const { mostRows, unitIndex } = this.#shape;
    for (const wired of tensors) {
      const sizeBytes = roundUp(mostRows * wired.layout.rowBytes);
      const memory = this.#board.createBuffer(use, sizeBytes, wired.banks?.[unitIndex]);
      into.push({
        wired,
        memory,
        value: BigUint64Array.of(memory),
        staged: travelsAsItIs(wired.layout)
          ? undefined
          : new Uint8Array(mostRows * wired.layout.rowBytes),
        filledRows: 0,
      });
    }
  }

  #clearInputs(): void {
    for (const buffer of this.#inputs) {
      this.#send(buffer, 0, this.#zeros.subarray(0, bytesOf(buffer, this.#shape.mostRows)));
    }
    check("clFinish", this.#board.cl.clFinish(this.#queue));
  }

  #write({ at, data }: BatchTensor, { firstRow, rows }: KernelCall): void {
    const buffer = this.#inputs[at] as SlotBuffer;
    const { clientRowBytes } = buffer.wired.layout;
    const own = data.subarray(firstRow * clientRowBytes, (firstRow + rows) * clientRowBytes);
    const end = bytesOf(buffer, rows);
    if (buffer.staged === undefined) {
      this.#send(buffer, 0, own);
    } else {
      const { tensor, layout } = buffer.wired;
      const bad = quantize(own, layout, rows, buffer.staged);
      if (bad !== -1) {
        const row = firstRow + bad;
        throw new BackendError("input", `input "${tensor.name}": row ${row} contains a NaN`);
      }
      this.#send(buffer, 0, buffer.staged.subarray(0, end));
    }
    if (this.#shape.paddedTo === undefined) return;
    const stale = bytesOf(buffer, buffer.filledRows) - end;
    if (stale > 0) this.#send(buffer, end, this.#zeros.subarray(0, stale));
    buffer.filledRows = rows;
  }

  #mark(at: number, rows: number, attempt: number): void {
    const buffer = this.#outputs[at] as SlotBuffer;
    const last = dataEnd(buffer, rows) - 1;
    this.#send(buffer, last - (last % BLOCK_BYTES), MARKS[attempt] as Uint8Array);
  }

  #send({ memory }: SlotBuffer, offset: number, bytes: Uint8Array): void {
    const code = this.#board.cl.clEnqueueWriteBuffer(
      this.#queue,
      memory,
      0,
      offset,
      bytes.byteLength,
      bytes,
      0,
      null,
      null,
    );
    check("clEnqueueWriteBuffer", code);
  }

  /** The last of a call carries the event that tells of its end. */
  #read(output: BatchTensor, call: KernelCall, last: boolean): void {
    const into = this.#destination(output, call);
    const code = this.#board.cl.clEnqueueReadBuffer(
      this.#queue,
      (this.#outputs[output.at] as SlotBuffer).memory,
      0,
      0,
      into.byteLength,
      into,
      0,
      null,
      last ? this.#event : null,
    );
    check("clEnqueueReadBuffer", code);
  }

  /** Where the board's bytes go: straight into the batch's output, or where they are carried over from. */
  #destination({ at, data }: BatchTensor, { firstRow, rows }: KernelCall): Uint8Array {
    const buffer = this.#outputs[at] as SlotBuffer;
    if (buffer.staged !== undefined) return buffer.staged.subarray(0, dataEnd(buffer, rows));
    const { clientRowBytes } = buffer.wired.layout;
    return data.subarray(firstRow * clientRowBytes, (firstRow + rows) * clientRowBytes);
  }

  #isMarked(output: BatchTensor, call: KernelCall, attempt: number): boolean {
    return this.#destination(output, call).at(-1) === MARKS[attempt]?.[0];
  }

  #restore({ at, data }: BatchTensor, { firstRow, rows }: KernelCall): void {
    const { staged, wired } = this.#outputs[at] as SlotBuffer;
    if (staged === undefined) return;
    const { clientRowBytes } = wired.layout;
    const own = data.subarray(firstRow * clientRowBytes, (firstRow + rows) * clientRowBytes);
    restore(staged, wired.layout, rows, own);
  }

  #wait(): void {
    const { cl } = this.#board;
    if (this.#event[0] === 0n) {
      check("clFinish", cl.clFinish(this.#queue));
      return;
    }
    try {
      check("clWaitForEvents", cl.clWaitForEvents(1, this.#event), this.#board.info.name);
    } finally {
      this.#releaseEvent();
    }
  }

  #releaseEvent(): void {
    const [event = 0n] = this.#event;
    if (event !== 0n) this.#board.cl.clReleaseEvent(event);
    this.#event[0] = 0n;
  }
}

function bytesOf({ wired }: SlotBuffer, rows: number): number {
  return rows * wired.layout.rowBytes;
}

/** Where the elements of the last row end; padding behind them is not read. */
function dataEnd({ wired }: SlotBuffer, rows: number): number {
  return (rows - 1) * wired.layout.rowBytes + wired.layout.packedRowBytes;
}

function roundUp(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}
