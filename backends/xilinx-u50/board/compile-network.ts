/**
 * The arithmetic of the emulated board: a quantised network becomes JavaScript that
 * does nothing but this network, bit by bit as the firmware would.
 */
import type { Network, NetworkTensor } from "../../common/fixed-point/network.ts";
import { BackendError } from "../../contract.ts";
import { type Storage, type Words, type WordsType, wordsOf } from "./kernel/memory.ts";
import { buildKernel, type Kernel } from "./kernel/plan.ts";

/** How tensors lie in memory, by name; what is absent: the least word that holds an element, no padding. */
export type NetworkStorage = Readonly<Record<string, Partial<Storage>>>;

export interface CompiledTensor extends NetworkTensor, Storage {
  /** The array that `bareKernel` takes for it. */
  readonly words: WordsType;
}

export interface CompiledNetwork {
  readonly inputs: readonly CompiledTensor[];
  readonly outputs: readonly CompiledTensor[];
  /**
   * Runs `rows` rows. Buffers are memory of the board, in the network's order, and may be
   * longer than the rows; padding and what is behind the rows is not written.
   *
   * @throws BackendError `internal` where a buffer is too short
   */
  run(rows: number, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void;
  /** The generated function itself, on typed arrays; nothing is checked. */
  readonly bareKernel: Kernel;
}

/** @throws BackendError `artifact` for a storage that cannot be, and for sums and products of more than 53 bits */
export function compileNetwork(network: Network, storage: NetworkStorage = {}): CompiledNetwork {
  const inputs = network.inputs.map((tensor) => placed(tensor, storage));
  const outputs = network.outputs.map((tensor) => placed(tensor, storage));
  const bareKernel = buildKernel(network, inputs, outputs);
  return {
    inputs,
    outputs,
    bareKernel,
    run(rows, inputBytes, outputBytes) {
      const sources = inputs.map((tensor, n) => view(tensor, rows, inputBytes[n]));
      const targets = outputs.map((tensor, n) => view(tensor, rows, outputBytes[n]));
      bareKernel(
        rows,
        sources.map(({ words }) => words),
        targets.map(({ words }) => words),
      );
      for (const target of targets) target.writeBack();
    },
  };
}

function placed(tensor: NetworkTensor, storage: NetworkStorage): CompiledTensor {
  const { name, type, elements } = tensor;
  const least = [8, 16, 32, 64].find((bits) => bits >= type.w) as number;
  const { storageBits = least, rowBytes = (elements * storageBits) / 8 } = storage[name] ?? {};
  if (![8, 16, 32, 64].includes(storageBits) || storageBits < least) {
    throw new BackendError(
      "artifact",
      `tensor ${name}: storageBits is ${storageBits}; ${least} is the least for its ${type.w} bits, 64 the most`,
    );
  }
  const wordBytes = storageBits / 8;
  if (rowBytes % wordBytes !== 0 || !(rowBytes >= elements * wordBytes)) {
    throw new BackendError(
      "artifact",
      `tensor ${name}: rowBytes is ${rowBytes}; it has to be a multiple of ${wordBytes} and at least ${elements * wordBytes}`,
    );
  }
  return { ...tensor, storageBits, rowBytes, words: wordsOf(type, { storageBits, rowBytes }) };
}

/** The bytes as words: the same memory, or a copy to be written back where they are not aligned. */
function view(tensor: CompiledTensor, rows: number, bytes: Uint8Array | undefined) {
  const { name, elements, storageBits, rowBytes, words: Type } = tensor;
  const needed = rows === 0 ? 0 : (rows - 1) * rowBytes + (elements * storageBits) / 8;
  if (bytes === undefined || bytes.byteLength < needed) {
    throw new BackendError(
      "internal",
      `tensor ${name}: ${rows} rows take ${needed} bytes, and the buffer has ${bytes?.byteLength ?? 0}`,
    );
  }
  const size = Type.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const length = Math.floor(bytes.byteLength / size);
  return {
    words: new Type(aligned.buffer, aligned.byteOffset, length) as Words,
    writeBack: () => {
      if (aligned !== bytes) bytes.set(aligned);
    },
  };
}

export type { Kernel, Words };
