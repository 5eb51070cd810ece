/** Sum and difference of two rows: the smallest program that shows whether every wire is right. */
import type { Port } from "./bitstream.ts";
import type { Compute } from "./compute.ts";

type Numbers = Float32Array | Float64Array | Int8Array | Int16Array | Int32Array;

/** @throws Error where the ports are not two inputs and two outputs alike. */
export function addSub(elements: number, ports: readonly Port[]): Compute {
  const [first] = ports;
  const roles = ports.map(({ role }) => role).join(" ");
  if (first === undefined || roles !== "input input output output") {
    throw new Error(`add_sub needs two inputs and two outputs; got ${roles || "none"}`);
  }
  for (const { tensor, storageBits, elements: own } of ports) {
    if (own !== elements || storageBits !== first.storageBits) {
      throw new Error(`add_sub: tensor "${tensor}" is unlike "${first.tensor}"`);
    }
  }
  const open = opener(first);
  const [, second = first, sumPort = first, differencePort = first] = ports;
  return ([xBytes, yBytes], [sumBytes, differenceBytes], rows) => {
    if (!xBytes || !yBytes || !sumBytes || !differenceBytes) return;
    for (let row = 0; row < rows; row++) {
      const x = open(xBytes, row * first.rowBytes, elements);
      const y = open(yBytes, row * second.rowBytes, elements);
      const sum = open(sumBytes, row * sumPort.rowBytes, elements);
      const difference = open(differenceBytes, row * differencePort.rowBytes, elements);
      for (let i = 0; i < elements; i++) {
        sum[i] = (x[i] ?? 0) + (y[i] ?? 0);
        difference[i] = (x[i] ?? 0) - (y[i] ?? 0);
      }
    }
  };
}

function opener({ datatype, encoding, storageBits, tensor }: Port) {
  const float = encoding === undefined && datatype.startsWith("FP");
  const kind = `${float ? "float" : "int"}${storageBits}`;
  const array = ARRAYS[kind];
  if (array === undefined) throw new Error(`add_sub: tensor "${tensor}" of ${datatype} as ${kind}`);
  return (bytes: Uint8Array, at: number, length: number): Numbers =>
    new array(bytes.buffer, bytes.byteOffset + at, length);
}

const ARRAYS: Readonly<
  Record<string, new (buffer: ArrayBufferLike, at: number, length: number) => Numbers>
> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
};
