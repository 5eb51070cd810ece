/** Whole batches between a client's tensor and the memory of a board. */
import { BackendError, type FixedDatatype, type FixedPointType } from "../../contract.ts";
import type { Layout } from "./layout.ts";
import { type Elements, quantizingLoop, type RowLoop, restoringLoop } from "./row-loops.ts";

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Elements;
}

const ARRAYS: Readonly<Record<FixedDatatype, ArrayType>> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  UINT32: Uint32Array,
  INT32: Int32Array,
  FP32: Float32Array,
  // Two words an element, low half first.
  UINT64: Int32Array,
  INT64: Int32Array,
  FP64: Float64Array,
};
const WORDS: Readonly<Record<Layout["storageBytes"], ArrayType>> = {
  1: Uint8Array,
  2: Uint16Array,
  4: Int32Array,
  8: Int32Array,
};

/**
 * Writes `rows` rows of a client's tensor (little-endian, row-major, at any byte
 * offset) as the board wants them. Padding between rows is left as it is.
 * What becomes of infinities and NaN: `quantizerOf`.
 *
 * @returns the first row with a NaN in it; -1 where there is none
 * @throws BackendError `internal` where a buffer is too small
 */
export function quantize(
  tensorBytes: Uint8Array,
  layout: Layout,
  rows: number,
  into: Uint8Array,
): number {
  checkSizes(layout, rows, tensorBytes, into);
  if (layout.encoding === undefined) {
    copyRows(tensorBytes, layout.clientRowBytes, into, layout.rowBytes, layout, rows);
    return -1;
  }
  const source = view(ARRAYS[layout.tensor.datatype], tensorBytes);
  const target = view(WORDS[layout.storageBytes], into);
  const loop = loopsOf(layout, layout.encoding).quantizing;
  const { elements, storageBytes, rowBytes } = layout;
  const bad = loop(
    source.array,
    0,
    elements,
    target.array,
    0,
    rowBytes / storageBytes,
    rows,
    elements,
  );
  target.writeBack();
  return bad;
}

/**
 * Writes `rows` rows from the board's memory as a client's tensor, densely.
 * A float that the datatype cannot say exactly is the nearest one, ties to even.
 *
 * @throws BackendError `internal` where a buffer is too small
 */
export function restore(
  boardBytes: Uint8Array,
  layout: Layout,
  rows: number,
  into: Uint8Array,
): void {
  checkSizes(layout, rows, into, boardBytes);
  if (layout.encoding === undefined) {
    copyRows(boardBytes, layout.rowBytes, into, layout.clientRowBytes, layout, rows);
    return;
  }
  const source = view(WORDS[layout.storageBytes], boardBytes);
  const target = view(ARRAYS[layout.tensor.datatype], into);
  const loop = loopsOf(layout, layout.encoding).restoring;
  const { elements, storageBytes, rowBytes } = layout;
  loop(source.array, 0, rowBytes / storageBytes, target.array, 0, elements, rows, elements);
  target.writeBack();
}

/** Compiled when a layout first carries rows. */
const loops = new WeakMap<Layout, { quantizing: RowLoop; restoring: RowLoop }>();

function loopsOf(layout: Layout, type: FixedPointType) {
  let both = loops.get(layout);
  if (both === undefined) {
    const { datatype } = layout.tensor;
    both = {
      quantizing: quantizingLoop(datatype, type, layout.storageBytes),
      restoring: restoringLoop(datatype, type, layout.storageBytes),
    };
    loops.set(layout, both);
  }
  return both;
}

/** The bytes as elements: the same memory, or a copy to be written back where they are not aligned. */
function view(Type: ArrayType, bytes: Uint8Array) {
  const size = Type.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return {
    array: new Type(aligned.buffer, aligned.byteOffset, Math.floor(bytes.byteLength / size)),
    writeBack: () => {
      if (aligned !== bytes) bytes.set(aligned);
    },
  };
}

function copyRows(
  source: Uint8Array,
  sourceStride: number,
  target: Uint8Array,
  targetStride: number,
  { packedRowBytes, rowBytes }: Layout,
  rows: number,
): void {
  if (rowBytes === packedRowBytes) {
    target.set(source.subarray(0, rows * rowBytes));
    return;
  }
  if ((packedRowBytes | sourceStride | targetStride | source.byteOffset | target.byteOffset) % 4) {
    for (let row = 0; row < rows; row++) {
      const start = row * sourceStride;
      target.set(source.subarray(start, start + packedRowBytes), row * targetStride);
    }
    return;
  }
  // Rows of boards are short: a loop over words takes a fifth of what so many views take.
  const [from, to] = [wordsOf(source), wordsOf(target)];
  const [fromStride, toStride, words] = [sourceStride / 4, targetStride / 4, packedRowBytes / 4];
  for (let row = 0; row < rows; row++) {
    const start = row * fromStride;
    const end = row * toStride;
    for (let word = 0; word < words; word++) to[end + word] = from[start + word] ?? 0;
  }
}

const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new Uint32Array(buffer, byteOffset, byteLength >> 2);

function checkSizes(layout: Layout, rows: number, client: Uint8Array, board: Uint8Array): void {
  const { tensor, clientRowBytes, rowBytes, packedRowBytes } = layout;
  const clientBytes = rows * clientRowBytes;
  const boardBytes = rows === 0 ? 0 : (rows - 1) * rowBytes + packedRowBytes;
  if (client.byteLength >= clientBytes && board.byteLength >= boardBytes) return;
  throw new BackendError(
    "internal",
    `tensor ${tensor.name}: ${rows} rows take ${clientBytes} bytes of a client and ${boardBytes} of the board, ` +
      `and the buffers have ${client.byteLength} and ${board.byteLength}`,
  );
}
