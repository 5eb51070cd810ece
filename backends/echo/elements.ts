/** Reading raw tensors element by element and row by row. */
import { BYTES_PER_ELEMENT, type Tensor } from "../contract.ts";

/** The first element as a number; NaN for an empty tensor or a text that is none. */
export function firstNumber({ datatype, data }: Tensor): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (datatype === "BYTES") {
    if (data.byteLength < 4) return Number.NaN;
    return Number.parseFloat(
      new TextDecoder().decode(data.subarray(4, 4 + view.getUint32(0, true))),
    );
  }
  if (data.byteLength < BYTES_PER_ELEMENT[datatype]) return Number.NaN;
  switch (datatype) {
    case "FP32":
      return view.getFloat32(0, true);
    case "FP64":
      return view.getFloat64(0, true);
    case "INT64":
      return Number(view.getBigInt64(0, true));
    case "UINT64":
      return Number(view.getBigUint64(0, true));
    case "INT32":
      return view.getInt32(0, true);
    case "UINT32":
      return view.getUint32(0, true);
    case "INT16":
      return view.getInt16(0, true);
    case "UINT16":
      return view.getUint16(0, true);
    case "INT8":
      return view.getInt8(0);
    case "BOOL":
    case "UINT8":
      return view.getUint8(0);
    // BF16 is the upper half of FP32; FP16 is not needed as a number by anybody here.
    case "BF16":
      return new Float32Array(new Uint32Array([view.getUint16(0, true) << 16]).buffer)[0] ?? 0;
    case "FP16":
      return Number.NaN;
  }
}

/** Rows `from` … `from + rows` of a tensor with a batch axis. */
export function sliceRows(tensor: Tensor, from: number, rows: number): Tensor {
  const [all = 0, ...dims] = tensor.shape;
  const perRow = dims.reduce((product, dim) => product * dim, 1);
  const shape = [rows, ...dims];
  if (tensor.datatype !== "BYTES") {
    const rowBytes = all === 0 ? 0 : tensor.data.byteLength / all;
    return {
      ...tensor,
      shape,
      data: tensor.data.subarray(from * rowBytes, (from + rows) * rowBytes),
    };
  }
  const start = skipTexts(tensor.data, 0, from * perRow);
  const end = skipTexts(tensor.data, start, rows * perRow);
  return { ...tensor, shape, data: tensor.data.subarray(start, end) };
}

function skipTexts(data: Uint8Array, at: number, texts: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let next = at;
  for (let i = 0; i < texts; i++) next += 4 + view.getUint32(next, true);
  return next;
}
