/** What it takes to make one model of the repository, and to ask it something. */
import type { ElementType } from "./onnx/onnx-graph.ts";
import type { Random } from "./random.ts";

export interface NamedTensor {
  readonly type: ElementType;
  /** Full shape, batch axis included. */
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array | Int32Array | BigInt64Array | BigUint64Array | string[];
}

export type NamedTensors = Readonly<Record<string, NamedTensor>>;

/** Runs the exported file. Outputs by name. */
export type RunModel = (inputs: NamedTensors) => Promise<Readonly<Record<string, NamedTensor>>>;

/** Names say the unit. */
export type Figures = Readonly<Record<string, number>>;

export interface Recipe {
  /** The folder's name in the repository. */
  readonly name: string;
  /** Trains where there is something to train. Seeded: the same bytes every time. */
  readonly build: () => Uint8Array;
  /** A request of about `size` rows (edges, elements) with generated data. */
  readonly sample: (random: Random, size: number) => NamedTensors;
  /** Quality on `size` fresh examples; missing where nothing was trained. */
  readonly measure?: (run: RunModel, random: Random, size: number) => Promise<Figures>;
}

export function fp32(data: Float32Array, shape: readonly number[]): NamedTensor {
  return { type: "FP32", data, shape };
}

/** The numbers of an FP32 output. */
export function floatsOf(outputs: NamedTensors, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the model returned no FP32 "${name}"`);
  return data;
}
