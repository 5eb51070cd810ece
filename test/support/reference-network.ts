/**
 * A quantised network in whole numbers of any size, one step at a time and as the
 * rules are told in `network/nodes.ts`: what the boards' generated code is compared with.
 */
import type {
  ConvolutionNode,
  DenseNode,
  LegacySoftmaxNode,
  Network,
  NetworkNode,
  PoolNode,
  SoftmaxNode,
} from "../../backends/common/fixed-point/network.ts";
import type { FixedPointType } from "../../backends/contract.ts";
import { castExactly } from "./reference-cast.ts";

type Row = readonly bigint[];
interface Tensor {
  readonly row: Row;
  readonly type: FixedPointType;
}

const bits = (type: FixedPointType) => type.w - type.i;

/** A value of `f` fraction bits, assigned to a type. */
const cast = (value: bigint, f: number, type: FixedPointType) =>
  castExactly(value, bits(type) - f, type);
const fitted = (value: bigint, type: FixedPointType) => castExactly(value, 0, type);

/** One row through the network: raw integers in the order of the network's inputs, and of its outputs. */
export function referenceRow(
  network: Network,
  inputs: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const tensors = new Map<string, Tensor>();
  network.inputs.forEach(({ name, type }, n) => {
    tensors.set(name, { row: (inputs[n] ?? []).map(BigInt), type });
  });
  const find = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor;
  };
  for (const node of network.nodes) {
    const row = runNode(node, node.inputs.map(find));
    if (row.length !== node.elements) throw new Error(`${node.name}: ${row.length} elements`);
    tensors.set(node.name, { row, type: node.type });
  }
  return network.outputs.map(({ node }) => find(node).row.map(Number));
}

function runNode(node: NetworkNode, sources: readonly Tensor[]): Row {
  const [{ row: x, type }, other] = sources as [Tensor, Tensor | undefined];
  const f = bits(type);
  const out = node.type;
  switch (node.op) {
    case "dense":
      return Array.from({ length: node.positions }, (_, p) =>
        products(node, x.slice(p * node.nIn, (p + 1) * node.nIn), f),
      ).flat();
    case "convolution":
      return windowsOf(node, x, 0n).flatMap((window) => products(node, window.flat(), f));
    case "average_pool":
    case "max_pool":
      return windowsOf(node, x, 0n).flatMap((window) => pooled(node, window, f));
    case "linear":
      return x.map((v) => cast(v, f, out));
    case "relu":
      return x.map((v) => (v > 0n ? cast(v, f, out) : 0n));
    case "batchnorm":
      return x.map((v, e) => {
        const scale = BigInt(node.scale[e % node.scale.length] ?? 0);
        const bias = BigInt(node.bias[e % node.bias.length] ?? 0);
        const [sum, sumBits] = added(
          v * scale,
          f + bits(node.scaleType),
          bias,
          bits(node.biasType),
        );
        return cast(sum, sumBits, out);
      });
    case "sigmoid":
    case "tanh":
      return x.map((v) => {
        const size = BigInt(node.table.length);
        const index = truncated(v * size, f + Math.log2(2 * node.range)) + size / 2n;
        return cast(entry(node.table, index), bits(node.tableType), out);
      });
    case "softmax_latency":
    case "softmax_stable":
      return softmax(node, x, type);
    case "softmax_legacy":
      return legacySoftmax(node, x, f);
    case "softmax_argmax": {
      const most = x.reduce((a, b) => (b > a ? b : a));
      return x.map((_, n) => (n === x.indexOf(most) ? cast(1n, 0, out) : 0n));
    }
    case "add":
    case "subtract":
    case "multiply":
      return x.map((a, n) => {
        const { row, type: otherType } = other as Tensor;
        const b = row[n] as bigint;
        const g = bits(otherType);
        if (node.op === "multiply") return cast(a * b, f + g, out);
        const [sum, sumBits] = added(a, f, node.op === "add" ? b : -b, g);
        return cast(sum, sumBits, out);
      });
    case "dot": {
      const { row, type: otherType } = other as Tensor;
      const sum = x.reduce((before, a, n) => {
        const product = a * (row[n] as bigint);
        return fitted(before + cast(product, f + bits(otherType), node.accumType), node.accumType);
      }, 0n);
      return [cast(sum, bits(node.accumType), out)];
    }
    case "concatenate":
      return sources.flatMap((source) => source.row.map((v) => cast(v, bits(source.type), out)));
    case "sum_of_squares": {
      const squares = x.map((v) => cast(v * v, 2 * f, node.squareType));
      return [cast(tree(squares, node.squareType), bits(node.squareType), out)];
    }
    case "offset_shift":
      return x.map((v, n) => {
        const raw = bits(node.rawType);
        const number = node.offsets[n] as number;
        const offset = cast(BigInt(number * 2 ** 20), 20, node.offsetType);
        const [difference, sumBits] = added(v, f, -offset, bits(node.offsetType));
        const t = cast(difference, sumBits, node.rawType);
        const shift = BigInt(node.shifts[n] as number);
        const moved =
          shift >= 0n ? t >> shift : fitted(t << -shift, { ...node.rawType, o: "WRAP" });
        return cast(moved, raw, out);
      });
  }
}

function added(a: bigint, aBits: number, b: bigint, bBits: number): [bigint, number] {
  const f = Math.max(aBits, bBits);
  return [(a << BigInt(f - aBits)) + (b << BigInt(f - bBits)), f];
}

/** value / 2^f toward zero, which is what division of big integers does. */
function truncated(value: bigint, f: number): bigint {
  return f >= 0 ? value / (1n << BigInt(f)) : value << BigInt(-f);
}

function entry(table: readonly number[], index: bigint): bigint {
  const last = BigInt(table.length - 1);
  const inside = index < 0n ? 0n : index > last ? last : index;
  return BigInt(table[Number(inside)] as number);
}

function products(node: DenseNode | ConvolutionNode, x: Row, f: number): bigint[] {
  const { accumType, nOut } = node;
  return Array.from({ length: nOut }, (_, j) => {
    let sum = cast(BigInt(node.bias[j] as number), bits(node.biasType), accumType);
    x.forEach((v, i) => {
      const product = v * BigInt(node.weights[i * nOut + j] as number);
      sum = fitted(sum + cast(product, f + bits(node.weightType), accumType), accumType);
    });
    return cast(sum, bits(accumType), node.type);
  });
}

/** For each position its pixels, for each pixel its channels. */
function windowsOf(node: ConvolutionNode | PoolNode, x: Row, padding: bigint): bigint[][][] {
  const positions: bigint[][][] = [];
  for (let v = 0; v < node.outHeight; v++) {
    for (let h = 0; h < node.outWidth; h++) {
      const pixels: bigint[][] = [];
      for (let dv = 0; dv < node.windowHeight; dv++) {
        for (let dh = 0; dh < node.windowWidth; dh++) {
          const row = v * node.strideHeight + dv - node.padTop;
          const column = h * node.strideWidth + dh - node.padLeft;
          const inside = row >= 0 && row < node.inHeight && column >= 0 && column < node.inWidth;
          const start = (row * node.inWidth + column) * node.channels;
          pixels.push(
            inside
              ? x.slice(start, start + node.channels)
              : Array<bigint>(node.channels).fill(padding),
          );
        }
      }
      positions.push(pixels);
    }
  }
  return positions;
}

function pooled(node: PoolNode, window: bigint[][], f: number): bigint[] {
  const { accumType } = node;
  return Array.from({ length: node.channels }, (_, c) => {
    const pixels = window.map((pixel) => pixel[c] as bigint);
    let result: bigint;
    if (node.op === "max_pool") {
      result = cast(
        pixels.reduce((a, b) => (b > a ? b : a)),
        f,
        accumType,
      );
    } else {
      const sum = pixels.reduce((before, pixel) => {
        const [next, nextBits] = added(before, bits(accumType), pixel, f);
        return cast(next, nextBits, accumType);
      }, 0n);
      result = fitted(sum / BigInt(pixels.length), accumType);
    }
    return cast(result, bits(accumType), node.type);
  });
}

function tree(values: Row, type: FixedPointType): bigint {
  if (values.length === 1) return values[0] as bigint;
  let left = 1;
  while (left * 2 < values.length) left *= 2;
  return fitted(tree(values.slice(0, left), type) + tree(values.slice(left), type), type);
}

/** The entry at the top bits of a word. */
function top(table: readonly number[], value: bigint, type: FixedPointType): bigint {
  const word = BigInt.asUintN(type.w, value);
  const index = word >> BigInt(type.w - Math.log2(table.length));
  return BigInt(table[Number(index)] as number);
}

function softmax(node: SoftmaxNode, x: Row, type: FixedPointType): bigint[] {
  const most = x.reduce((a, b) => (b > a ? b : a));
  const exps = x.map((v) => {
    let [indexed, indexType] = [v, type];
    if (node.op === "softmax_stable") {
      const difference = node.difference === "x-max" ? v - most : most - v;
      indexType = node.differenceType;
      indexed = cast(difference, bits(type), indexType);
    }
    return cast(top(node.expTable, indexed, indexType), bits(node.expType), node.sumType);
  });
  const sum = cast(tree(exps, node.sumType), bits(node.sumType), node.inverseInputType);
  const inverse = top(node.inverseTable, sum, node.inverseInputType);
  return exps.map((e) => cast(e * inverse, bits(node.sumType) + bits(node.inverseType), node.type));
}

function legacySoftmax(node: LegacySoftmaxNode, x: Row, f: number): bigint[] {
  const { tableType } = node;
  const size = BigInt(node.expTable.length);
  return x.map((own, i) => {
    const sum = x.reduce((before, v, j) => {
      const index = truncated((v - own) * size, f + 4) + size / 2n;
      const power = i === j ? cast(1n, 0, tableType) : entry(node.expTable, index);
      return fitted(before + power, tableType);
    }, 0n);
    const inverse = entry(node.inverseTable, truncated(sum * size, bits(tableType) + 6));
    return cast(inverse, bits(tableType), node.type);
  });
}
