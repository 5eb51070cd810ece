/** How the rows of a tensor lie on either side of the board's edge. */
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type FixedPointType,
  type ManifestTensor,
} from "../../contract.ts";
import { rangeOf, type StorageBits, storageBitsOf, typeFault } from "./type.ts";

export interface Layout {
  readonly tensor: ManifestTensor;
  /** Of one row. */
  readonly elements: number;
  /** Of one row as clients send or get it. */
  readonly clientRowBytes: number;
  /** Of one element in the board's memory. */
  readonly storageBytes: 1 | 2 | 4 | 8;
  /** Of the elements of one row in the board's memory. */
  readonly packedRowBytes: number;
  /** From one row to the next in the board's memory. */
  readonly rowBytes: number;
  /** Absent: elements travel as they are. */
  readonly encoding?: FixedPointType;
}

const INTEGER_RANGES: Readonly<Record<string, readonly [lo: number, hi: number]>> = {
  BOOL: [0, 1],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  UINT8: [0, 2 ** 8 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  UINT16: [0, 2 ** 16 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT32: [0, 2 ** 32 - 1],
  INT64: [-(2 ** 63), 2 ** 63],
  UINT64: [0, 2 ** 64],
};

/** @throws BackendError `artifact` naming the tensor, where the manifest asks for something impossible */
export function layoutOf(tensor: ManifestTensor): Layout {
  const fail = (what: string) => new BackendError("artifact", `tensor ${tensor.name}: ${what}`);
  const { encoding, datatype } = tensor;
  const elements = tensor.shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(elements) || tensor.shape.some((n) => !Number.isInteger(n) || n < 1)) {
    throw fail(`its shape [${tensor.shape}] has to be of lengths of at least 1`);
  }
  if (encoding !== undefined) {
    const fault = typeFault(encoding);
    if (fault !== undefined) throw fail(`encoding: ${fault}`);
    const range = INTEGER_RANGES[datatype];
    const { lo, hi } = rangeOf(encoding);
    if (range !== undefined && (lo < range[0] || hi > range[1])) {
      throw fail(`${datatype} cannot hold the raw integers ${lo} to ${hi} of its encoding`);
    }
  }
  const storageBytes = (storageBits(tensor, fail) / 8) as Layout["storageBytes"];
  const packedRowBytes = elements * storageBytes;
  const rowBytes = tensor.rowBytes ?? packedRowBytes;
  if (rowBytes < packedRowBytes) {
    throw fail(`rowBytes is ${rowBytes}, and its elements take ${packedRowBytes}`);
  }
  if (rowBytes % storageBytes !== 0 || !Number.isSafeInteger(rowBytes)) {
    throw fail(`rowBytes is ${rowBytes}, and has to be a multiple of an element's ${storageBytes}`);
  }
  return {
    tensor,
    elements,
    clientRowBytes: elements * BYTES_PER_ELEMENT[datatype],
    storageBytes,
    packedRowBytes,
    rowBytes,
    ...(encoding === undefined ? {} : { encoding }),
  };
}

function storageBits(tensor: ManifestTensor, fail: (what: string) => BackendError): StorageBits {
  const { encoding } = tensor;
  const least =
    encoding === undefined
      ? ((8 * BYTES_PER_ELEMENT[tensor.datatype]) as StorageBits)
      : storageBitsOf(encoding);
  const bits = (tensor.storageBits ?? least) as StorageBits;
  if (![8, 16, 32, 64].includes(bits)) {
    throw fail(`storageBits is ${bits}, and has to be 8, 16, 32 or 64`);
  }
  if (bits < least) throw fail(`storageBits is ${bits}, and an element has ${least}`);
  if (encoding === undefined && bits !== least) {
    throw fail(`storageBits is ${bits}, and without an encoding an element keeps its ${least}`);
  }
  return bits;
}
