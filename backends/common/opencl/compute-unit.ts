/** A compute unit of an image: its kernel, and the arguments it holds now. */
import { BackendError } from "../../contract.ts";
import type { OpenClBoard } from "./board.ts";
import { check } from "./faults.ts";
import type { Handle } from "./library.ts";

/** Buffers that a run may use. */
export interface BufferSet {
  /** Makes the unit's kernel use them, by `setBuffer`. */
  bind(): void;
}

export class ComputeUnit {
  readonly name: string;
  readonly #board: OpenClBoard;
  readonly #kernel: Handle;
  readonly #rowsArgument: number | undefined;
  readonly #rows = new Uint32Array(1);
  #bound: BufferSet | undefined;

  /** @throws BackendError `artifact` where the image has no such kernel, or one with other arguments */
  constructor(
    board: OpenClBoard,
    name: string,
    of: { readonly arguments: number; readonly rowsArgument?: number },
  ) {
    this.name = name;
    this.#board = board;
    this.#rowsArgument = of.rowsArgument;
    this.#kernel = board.createKernel(name);
    const found = board.argumentsOf(this.#kernel);
    if (found === undefined || found === of.arguments) return;
    this.release();
    throw new BackendError(
      "artifact",
      `kernel "${name}" takes ${found} arguments, the manifest names ${of.arguments}`,
    );
  }

  setBuffer(argument: number, buffer: BigUint64Array): void {
    this.#set(argument, buffer);
    this.#bound = undefined;
  }

  /** Puts one run on these buffers into its queue; arguments may change right after. */
  run(queue: Handle, buffers: BufferSet, rows: number): void {
    if (this.#bound !== buffers) {
      buffers.bind();
      this.#bound = buffers;
    }
    if (this.#rowsArgument !== undefined && this.#rows[0] !== rows) {
      this.#rows[0] = rows;
      this.#set(this.#rowsArgument, this.#rows);
    }
    check("clEnqueueTask", this.#board.cl.clEnqueueTask(queue, this.#kernel, 0, null, null));
  }

  release(): void {
    this.#board.cl.clReleaseKernel(this.#kernel);
  }

  #set(argument: number, value: BigUint64Array | Uint32Array): void {
    const code = this.#board.cl.clSetKernelArg(this.#kernel, argument, value.byteLength, value);
    if (code !== 0) check("clSetKernelArg", code, `kernel "${this.name}", argument ${argument}`);
  }
}
