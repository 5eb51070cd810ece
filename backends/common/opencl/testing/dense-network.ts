/**
 * A dense network in fixed point, twice: as OpenCL C, and as a loop in JavaScript that
 * shares no code with it. Values are ap_fixed<16,6>, sums 32 bits that wrap.
 */
import type { ArtifactManifest, FixedPointType, ManifestTensor } from "../../../contract.ts";

export const ENCODING: FixedPointType = { w: 16, i: 6, signed: true, q: "TRN", o: "WRAP" };
const FRACTION_BITS = 10;

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row-major, a row per output. */
  readonly weights: Int16Array;
  readonly biases: Int16Array;
}

export interface DenseNetwork {
  readonly layers: readonly Layer[];
  readonly features: number;
  readonly classes: number;
}

/** Seeded; relu between the layers, none behind the last. */
export function denseNetwork(widths: readonly number[], seed = 1): DenseNetwork {
  const random = xorshift(seed);
  const layers = widths.slice(1).map((outputs, index) => {
    const inputs = widths[index] ?? 0;
    const scale = 1740 * Math.sqrt(2 / inputs);
    const draw = (count: number, most: number) =>
      Int16Array.from({ length: count }, () => Math.round((2 * random() - 1) * most));
    return { inputs, outputs, weights: draw(inputs * outputs, scale), biases: draw(outputs, 100) };
  });
  return { layers, features: widths[0] ?? 0, classes: widths.at(-1) ?? 0 };
}

/** Raw integers of `rows` rows, all values between -3 and 3. */
export function rawInputs({ features }: DenseNetwork, rows: number, seed = 7): Int16Array {
  const random = xorshift(seed);
  return Int16Array.from({ length: rows * features }, () => Math.round((2 * random() - 1) * 3072));
}

export function evaluate({ layers, features, classes }: DenseNetwork, raw: Int16Array) {
  const rows = raw.length / features;
  const results = new Int16Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    let values = raw.subarray(row * features, (row + 1) * features);
    for (const [depth, layer] of layers.entries()) {
      values = evaluateLayer(layer, values, depth < layers.length - 1);
    }
    results.set(values, row * classes);
  }
  return results;
}

function evaluateLayer({ inputs, outputs, weights, biases }: Layer, x: Int16Array, relu: boolean) {
  const y = new Int16Array(outputs);
  for (let j = 0; j < outputs; j++) {
    let sum = (biases[j] ?? 0) << FRACTION_BITS;
    for (let i = 0; i < inputs; i++) {
      sum = (sum + Math.imul(weights[j * inputs + i] ?? 0, x[i] ?? 0)) | 0;
    }
    y[j] = sum >> FRACTION_BITS;
    if (relu && (y[j] ?? 0) < 0) y[j] = 0;
  }
  return y;
}

/**
 * Kernel `dense(x, y, rows)`, one work item.
 * @param stride elements from one row to the next in the board's memory
 */
export function kernelSource(network: DenseNetwork, stride = { x: 0, y: 0 }): string {
  const { layers, features, classes } = network;
  const widest = Math.max(...layers.flatMap(({ inputs, outputs }) => [inputs, outputs]));
  const numbers = (name: string, of: Int16Array) =>
    `__constant short ${name}[${of.length}] = {${of.join(",")}};`;
  const steps = layers.map(({ inputs, outputs }, depth) => {
    const last = depth === layers.length - 1;
    return `
    for (int j = 0; j < ${outputs}; j++) {
      int sum = (int)b${depth}[j] << ${FRACTION_BITS};
      for (int i = 0; i < ${inputs}; i++) sum += (int)w${depth}[j * ${inputs} + i] * (int)a[i];
      short value = (short)(sum >> ${FRACTION_BITS});
      c[j] = ${last ? "value" : "value < 0 ? (short)0 : value"};
    }
    for (int j = 0; j < ${outputs}; j++) a[j] = c[j];`;
  });
  return `
${layers.map(({ weights, biases }, depth) => `${numbers(`w${depth}`, weights)}\n${numbers(`b${depth}`, biases)}`).join("\n")}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void dense(__global const short *x, __global short *y, uint rows) {
  for (uint row = 0; row < rows; row++) {
    short a[${widest}], c[${widest}];
    for (int i = 0; i < ${features}; i++) a[i] = x[row * ${stride.x || features} + i];
    ${steps.join("")}
    for (int j = 0; j < ${classes}; j++) y[row * ${stride.y || classes} + j] = a[j];
  }
}
`;
}

/** @param change what one case of a test wants otherwise */
export function manifestOf(
  { features, classes }: DenseNetwork,
  change: {
    readonly x?: Partial<ManifestTensor>;
    readonly y?: Partial<ManifestTensor>;
    readonly kernel?: Partial<NonNullable<ArtifactManifest["kernel"]>>;
  } = {},
): ArtifactManifest {
  const tensor = (name: string, length: number): ManifestTensor => ({
    ...{ name, datatype: "FP32", shape: [length], encoding: ENCODING },
  });
  return {
    ...{ manifest: 1, backend: "intel-fpga", vendor: "intel", numericClass: "ap_fixed" },
    artifact: { file: "model.cl", format: "cl", platform: "pocl" },
    inputs: [{ ...tensor("x", features), ...change.x }],
    outputs: [{ ...tensor("y", classes), ...change.y }],
    kernel: {
      ...{ name: "dense", computeUnits: [] },
      arguments: [
        { index: 0, role: "input", tensor: "x" },
        { index: 1, role: "output", tensor: "y" },
        { index: 2, role: "rows" },
      ],
      ...change.kernel,
    },
  };
}

function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
