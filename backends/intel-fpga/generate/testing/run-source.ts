/** For tests: generated kernels on PoCL, fed with raw integers. */
import type { Network, NetworkTensor } from "../../../common/fixed-point/network.ts";
import type { OpenClBoard } from "../../../common/opencl/board.ts";
import { BUILD_OPTIONS } from "../../../common/opencl/compile.ts";
import { KERNEL, openClSource, type SourceStorage } from "../opencl-source.ts";

/** [row][tensor][element] */
export type RawRows = readonly (readonly (readonly number[])[])[];

export interface Case {
  readonly network: Network;
  readonly rows: RawRows;
  readonly storage?: SourceStorage;
}

/** What stands in memory that nobody wrote. */
const UNTOUCHED = 0xa5;

interface Placed {
  readonly elements: number;
  readonly signed: boolean;
  readonly bits: number;
  readonly rowBytes: number;
}

/**
 * A CPU without registers of 512 bits passes vectors of sixteen in another way than one that has them. That would matter
 * to who calls the kernel's functions from elsewhere, and nobody does.
 */
const ANY_CPU = '#pragma clang diagnostic ignored "-Wpsabi"\n';

/**
 * The outputs of all cases, which are compiled together: PoCL takes half a second for any source.
 * @throws BackendError `artifact` where the compiler has as much as a warning
 */
export function runCases(board: OpenClBoard, cases: readonly Case[]): number[][][][] {
  const sources = cases.map(({ network, storage }, n) => {
    return openClSource(network, storage).replaceAll(/\b([kf]\d+|run_network)\b/g, `$1_${n}`);
  });
  board.load(board.compile(ANY_CPU + sources.join("\n"), `${BUILD_OPTIONS} -Werror`));
  return cases.map((one, n) => runKernel(board, `${KERNEL}_${n}`, one));
}

function runKernel(
  board: OpenClBoard,
  name: string,
  { network, rows, storage = {} }: Case,
): number[][][] {
  const { cl } = board;
  const queue = board.createQueue();
  const kernel = board.createKernel(name);
  const placed = (tensor: NetworkTensor) => place(tensor, storage);
  const [inputs, outputs] = [network.inputs.map(placed), network.outputs.map(placed)];
  const memory = [...inputs, ...outputs].map(({ rowBytes }, n) => {
    const bytes = new Uint8Array(rows.length * rowBytes).fill(UNTOUCHED);
    const input = inputs[n];
    for (const [r, row] of input === undefined ? [] : rows.entries()) {
      writeRow(bytes, r, input as Placed, row[n] ?? []);
    }
    const buffer = board.createBuffer(
      n < inputs.length ? "input" : "output",
      bytes.length,
      undefined,
    );
    cl.clEnqueueWriteBuffer(queue, buffer, 1, 0, bytes.length, bytes, 0, null, null);
    cl.clSetKernelArg(kernel, n, 8, BigUint64Array.of(buffer));
    return { bytes, buffer };
  });
  cl.clSetKernelArg(kernel, memory.length, 4, Uint32Array.of(rows.length));
  cl.clEnqueueTask(queue, kernel, 0, null, null);
  for (const { bytes, buffer } of memory) {
    cl.clEnqueueReadBuffer(queue, buffer, 1, 0, bytes.length, bytes, 0, null, null);
    cl.clReleaseMemObject(buffer);
  }
  cl.clReleaseKernel(kernel);
  cl.clReleaseCommandQueue(queue);
  return rows.map((_, r) =>
    outputs.map((output, n) => readRow(memory[inputs.length + n]?.bytes as Uint8Array, r, output)),
  );
}

function place({ name, elements, type }: NetworkTensor, storage: SourceStorage): Placed {
  const least = [8, 16, 32, 64].find((bits) => bits >= type.w) as number;
  const { storageBits: bits = least, rowBytes = (elements * bits) / 8 } = storage[name] ?? {};
  return { elements, signed: type.signed, bits, rowBytes };
}

function writeRow(
  bytes: Uint8Array,
  row: number,
  { bits, rowBytes }: Placed,
  raws: readonly number[],
) {
  const view = new DataView(bytes.buffer);
  raws.forEach((raw, e) => {
    const at = row * rowBytes + (e * bits) / 8;
    if (bits === 8) view.setInt8(at, raw);
    else if (bits === 16) view.setInt16(at, raw, true);
    else if (bits === 32) view.setInt32(at, raw, true);
    else view.setBigInt64(at, BigInt(raw), true);
  });
}

/** @throws Error where the kernel wrote into the padding behind a row */
function readRow(bytes: Uint8Array, row: number, { elements, signed, bits, rowBytes }: Placed) {
  const whole = Buffer.from(bytes.buffer, row * rowBytes, rowBytes);
  const size = bits / 8;
  if (whole.subarray(elements * size).some((byte) => byte !== UNTOUCHED)) {
    throw new Error(`row ${row}: its padding was written`);
  }
  return Array.from({ length: elements }, (_, e) => {
    const read = BigInt(
      `0x${Buffer.from(whole.subarray(e * size, (e + 1) * size))
        .reverse()
        .toString("hex")}`,
    );
    return Number(signed ? BigInt.asIntN(bits, read) : read);
  });
}
