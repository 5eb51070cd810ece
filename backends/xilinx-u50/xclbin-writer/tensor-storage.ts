/** How a tensor of a manifest lies in the memory of the board. */
import { BYTES_PER_ELEMENT, type ManifestTensor } from "../../contract.ts";

export function tensorStorage({
  datatype,
  shape,
  encoding,
  storageBits,
  rowBytes,
}: ManifestTensor) {
  const elements = shape.reduce((product, axis) => product * axis, 1);
  const bits = storageBits ?? (encoding ? bitsFor(encoding.w) : 8 * BYTES_PER_ELEMENT[datatype]);
  return {
    datatype,
    ...(encoding === undefined ? {} : { encoding }),
    elements,
    storageBits: bits,
    rowBytes: rowBytes ?? (elements * bits) / 8,
  };
}

/** The least of 8, 16, 32 and 64 that holds `w` bits. */
const bitsFor = (w: number) => [8, 16, 32].find((bits) => bits >= w) ?? 64;
