/** A stack of dense layers with gradients: all that these small networks need. */
import type { Random } from "../random.ts";
import type { Scaling } from "./scaling.ts";

/** Numbers that training moves, and the slope of the loss along each. */
export interface Parameter {
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: "relu" | "linear";
  /** [inputs, outputs], row-major. */
  readonly weights: Parameter;
  readonly bias: Parameter;
}

export class DenseStack {
  readonly layers: readonly DenseLayer[];
  /** What entered each layer, and what left the last: `backward` needs them. */
  #activations: Float64Array[] = [];

  /**
   * Layers of the given widths (inputs first), ReLU after each but the last,
   * which is linear unless `last` says otherwise. Weights start as He et al.
   * (2015) propose for ReLU, biases at 0.
   */
  constructor(widths: readonly number[], random: Random, last: "relu" | "linear" = "linear") {
    this.layers = widths.slice(1).map((outputs, i) => {
      const inputs = widths[i] as number;
      const activation = i === widths.length - 2 ? last : "relu";
      const weights = parameter(inputs * outputs);
      const sigma = Math.sqrt((activation === "relu" ? 2 : 1) / inputs);
      for (let k = 0; k < inputs * outputs; k++) weights.values[k] = random.normal(0, sigma);
      return { inputs, outputs, activation, weights, bias: parameter(outputs) };
    });
  }

  get parameters(): Parameter[] {
    return this.layers.flatMap((layer) => [layer.weights, layer.bias]);
  }

  /** `input` is [rows, inputs]; the answer is [rows, outputs of the last layer]. */
  forward(input: Float64Array, rows: number): Float64Array {
    let value = input;
    this.#activations = [input];
    for (const layer of this.layers) {
      value = layerForward(layer, value, rows);
      this.#activations.push(value);
    }
    return value;
  }

  /**
   * Adds the slopes of the loss to every parameter's gradient, given its slope
   * along the output of the latest `forward`. Returns the slope along its input.
   */
  backward(outputSlope: Float64Array, rows: number): Float64Array {
    let slope = outputSlope;
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const input = this.#activations[i] as Float64Array;
      const output = this.#activations[i + 1] as Float64Array;
      const afterRelu = i > 0;
      slope = layerBackward(this.layers[i] as DenseLayer, input, output, slope, rows, afterRelu);
    }
    return slope;
  }

  /**
   * Moves a scaling of the inputs into the first layer, so that the network from
   * now on takes the inputs in their own units.
   */
  absorb(scaling: Scaling): void {
    const first = this.layers[0];
    if (first === undefined) return;
    const { weights, bias, inputs, outputs } = first;
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        const scaled = (weights.values[i * outputs + o] as number) / (scaling.sigma[i] as number);
        weights.values[i * outputs + o] = scaled;
        bias.values[o] = (bias.values[o] as number) - scaled * (scaling.mean[i] as number);
      }
    }
  }
}

function parameter(length: number): Parameter {
  return { values: new Float64Array(length), gradient: new Float64Array(length) };
}

function layerForward(layer: DenseLayer, input: Float64Array, rows: number): Float64Array {
  const { inputs, outputs } = layer;
  const weights = layer.weights.values;
  const result = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const at = row * outputs;
    result.set(layer.bias.values, at);
    for (let i = 0; i < inputs; i++) {
      const x = input[row * inputs + i] as number;
      if (x === 0) continue; // half of what follows a ReLU
      const from = i * outputs;
      for (let o = 0; o < outputs; o++) {
        result[at + o] = (result[at + o] as number) + x * (weights[from + o] as number);
      }
    }
  }
  if (layer.activation === "relu") {
    for (let k = 0; k < result.length; k++) if ((result[k] as number) < 0) result[k] = 0;
  }
  return result;
}

function layerBackward(
  layer: DenseLayer,
  input: Float64Array,
  output: Float64Array,
  outputSlope: Float64Array,
  rows: number,
  afterRelu: boolean,
): Float64Array {
  const { inputs, outputs } = layer;
  const weights = layer.weights.values;
  const weightSlope = layer.weights.gradient;
  const biasSlope = layer.bias.gradient;
  const inputSlope = new Float64Array(rows * inputs);
  const local = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) {
    const at = row * outputs;
    for (let o = 0; o < outputs; o++) {
      const passes = layer.activation === "linear" || (output[at + o] as number) > 0;
      local[o] = passes ? (outputSlope[at + o] as number) : 0;
      biasSlope[o] = (biasSlope[o] as number) + (local[o] as number);
    }
    for (let i = 0; i < inputs; i++) {
      const x = input[row * inputs + i] as number;
      // A silent ReLU moves no weight, and its own slope is dropped one layer below.
      if (x === 0 && afterRelu) continue;
      const from = i * outputs;
      let sum = 0;
      for (let o = 0; o < outputs; o++) {
        const slope = local[o] as number;
        sum += slope * (weights[from + o] as number);
        weightSlope[from + o] = (weightSlope[from + o] as number) + x * slope;
      }
      inputSlope[row * inputs + i] = sum;
    }
  }
  return inputSlope;
}
