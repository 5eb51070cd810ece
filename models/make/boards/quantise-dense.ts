/** Dense layers with float weights as nodes of a quantised network. */
import { quantizerOf } from "../../../backends/common/fixed-point/convert.ts";
import type { FixedPointType } from "../../../backends/contract.ts";
import { integerBits, largest, type NodeJson, signed } from "./network-json.ts";

export interface FloatLayer {
  /** [in][out] */
  readonly weights: readonly number[];
  readonly bias: readonly number[];
  readonly relu: boolean;
}

export interface Widths {
  readonly weights: number;
  readonly activations: number;
}

export interface QuantisedLayers {
  readonly nodes: readonly NodeJson[];
  /** Of the last node, and its name. */
  readonly type: FixedPointType;
  readonly name: string;
}

/**
 * Every layer's numbers get the binary point that they need: weights by their size, what a layer
 * gives by what it gave for the `rows` of a sample, with a bit to spare. Sums are exact.
 *
 * @param source name and type of what the first layer takes
 * @param rows of the first layer's input, as floats
 */
export function quantiseDense(
  layers: readonly FloatLayer[],
  source: { readonly name: string; readonly type: FixedPointType },
  rows: readonly (readonly number[])[],
  widths: Widths,
): QuantisedLayers {
  const nodes: NodeJson[] = [];
  let { name, type } = source;
  let values = rows;
  for (const [index, layer] of layers.entries()) {
    values = values.map((row) => forward(layer, row));
    const most = values.reduce((before, row) => Math.max(before, largest(row)), 0);
    const next = signed(widths.activations, integerBits(2 * most));
    const dense = `dense${index}`;
    nodes.push(denseNode(dense, name, layer, type, next, widths.weights));
    if (layer.relu) {
      nodes.push({ name: `relu${index}`, op: "relu", inputs: [dense], out_t: next });
      values = values.map((row) => row.map((value) => Math.max(0, value)));
    }
    name = layer.relu ? `relu${index}` : dense;
    type = next;
  }
  return { nodes, name, type };
}

function forward({ weights, bias }: FloatLayer, row: readonly number[]): readonly number[] {
  return bias.map((start, j) =>
    row.reduce((sum, x, i) => sum + x * (weights[i * bias.length + j] as number), start),
  );
}

function denseNode(
  name: string,
  input: string,
  { weights, bias }: FloatLayer,
  source: FixedPointType,
  next: FixedPointType,
  width: number,
): NodeJson {
  const [n_in, n_out] = [weights.length / bias.length, bias.length];
  const weight_t = signed(width, integerBits(largest(weights)));
  const fraction = source.w - source.i + weight_t.w - weight_t.i;
  // The largest sum that any input can make, so that none is ever cut off.
  const sums = bias.map((start, j) =>
    weights.reduce(
      (sum, weight, at) => (at % n_out === j ? sum + Math.abs(weight) * 2 ** (source.i - 1) : sum),
      Math.abs(start),
    ),
  );
  const i = integerBits(2 * largest(sums));
  const accum_t = signed(fraction + i, i);
  // No more bits than the sum has behind the binary point, so that the bias is exact in it, too.
  const whole = integerBits(largest(bias));
  const bias_t = signed(Math.min(whole + fraction, 24), whole);
  return {
    ...{ name, op: "dense", inputs: [input], n_in, n_out, weight_t, bias_t, accum_t, out_t: next },
    weights_raw: weights.map(quantizerOf(weight_t)),
    bias_raw: bias.map(quantizerOf(bias_t)),
  };
}
