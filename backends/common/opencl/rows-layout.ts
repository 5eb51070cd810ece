/** How the rows of a tensor lie with the client and in the memory of a board. */
import { BackendError, BYTES_PER_ELEMENT, type ManifestTensor } from "../../contract.ts";

export interface RowsLayout {
  /** Per row. */
  readonly elements: number;
  /** Of a row as clients send or get it, without gaps. */
  readonly clientRowBytes: number;
  /** Of one element in the board's memory. */
  readonly boardElementBytes: number;
  /** Of a row's elements in the board's memory. */
  readonly boardDataBytes: number;
  /** From one row to the next there; at least `boardDataBytes`. */
  readonly boardRowBytes: number;
}

/** @throws BackendError `artifact` where the manifest contradicts itself */
export function rowsLayout(tensor: ManifestTensor): RowsLayout {
  const clientElementBytes = BYTES_PER_ELEMENT[tensor.datatype];
  const boardElementBytes = storageBytes(tensor, clientElementBytes);
  const elements = tensor.shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(elements) || elements < 1 || tensor.shape.some((n) => n < 1)) {
    throw misfit(tensor, `shape [${tensor.shape.join(", ")}] has no fixed number of elements`);
  }
  const boardDataBytes = elements * boardElementBytes;
  const boardRowBytes = tensor.rowBytes ?? boardDataBytes;
  if (!Number.isSafeInteger(boardRowBytes) || boardRowBytes < boardDataBytes) {
    throw misfit(
      tensor,
      `rowBytes ${boardRowBytes} is less than the ${boardDataBytes} bytes of its elements`,
    );
  }
  return {
    elements,
    clientRowBytes: elements * clientElementBytes,
    boardElementBytes,
    boardDataBytes,
    boardRowBytes,
  };
}

function storageBytes(tensor: ManifestTensor, clientElementBytes: number): number {
  const { encoding } = tensor;
  const least = encoding === undefined ? 8 * clientElementBytes : encoding.w;
  const bits = tensor.storageBits ?? [8, 16, 32, 64].find((width) => width >= least);
  if (bits === undefined || ![8, 16, 32, 64].includes(bits) || bits < least) {
    throw misfit(tensor, `storageBits ${bits} do not hold its ${least} bits; 8, 16, 32 or 64 do`);
  }
  if (encoding === undefined && bits !== least) {
    throw misfit(
      tensor,
      `storageBits ${bits} without an encoding; its elements travel as ${tensor.datatype}`,
    );
  }
  return bits / 8;
}

function misfit({ name }: ManifestTensor, reason: string): BackendError {
  return new BackendError("artifact", `manifest: tensor "${name}": ${reason}`);
}
