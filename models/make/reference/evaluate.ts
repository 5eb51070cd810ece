/** Evaluates an ONNX file of ours in double precision: what ONNX Runtime is compared with. */
import type { Node, OnnxFile, Values } from "./read-onnx.ts";
import * as tensor from "./tensor-math.ts";

/** @returns every value of the graph by name, outputs among them */
export function evaluate(
  file: OnnxFile,
  inputs: Readonly<Record<string, Values>>,
): ReadonlyMap<string, Values> {
  const values = new Map<string, Values>([...file.constants, ...Object.entries(inputs)]);
  for (const node of file.nodes) {
    const operands = node.inputs.map((name) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`${node.operator} needs "${name}"`);
      return value;
    });
    values.set(node.output, apply(node, operands));
  }
  return values;
}

const ONE_OPERAND: Readonly<Record<string, (x: number) => number>> = {
  Identity: (x) => x,
  Cast: (x) => x, // from BOOL (see `Equal`) and INT32 to floats, and between those
  Relu: (x) => Math.max(0, x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Log: Math.log,
  Exp: Math.exp,
  Neg: (x) => -x,
  Round: Math.round, // ties go elsewhere in ONNX; none occur in our data
};

const TWO_OPERANDS: Readonly<Record<string, (x: number, y: number) => number>> = {
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  Div: (x, y) => x / y,
  Max: Math.max,
  Equal: (x, y) => (x === y ? 1 : 0),
};

function apply(node: Node, operands: readonly Values[]): Values {
  const [a, b, c] = operands;
  if (a === undefined) throw new Error(`${node.operator} without operands`);
  const one = ONE_OPERAND[node.operator];
  if (one !== undefined) return tensor.map(a, one);
  const two = TWO_OPERANDS[node.operator];
  if (two !== undefined && b !== undefined) return tensor.broadcast(a, b, two);
  switch (node.operator) {
    case "Gemm":
      return add(tensor.multiply(a, needed(node, b)), needed(node, c));
    case "MatMul":
      return tensor.multiply(a, needed(node, b));
    case "Concat":
      return tensor.concat(operands, Number(node.attributes["axis"]));
    case "Slice": {
      const [from, to, axis] = operands.slice(1).map(({ data }) => data[0] ?? 0);
      return tensor.slice(a, axis ?? 0, from ?? 0, to ?? 0);
    }
    case "Gather":
      return tensor.gather(a, needed(node, b));
    case "Transpose":
      return tensor.transpose(a, node.attributes["perm"] as readonly number[]);
    case "CumSum":
      return tensor.runningSum(a, needed(node, b).data[0] ?? 0);
    case "Squeeze":
      return tensor.without(a, needed(node, b).data[0] ?? 0);
    case "Softmax": {
      const axis = a.shape.length - 1;
      const powers = tensor.map(a, Math.exp);
      return tensor.broadcast(powers, tensor.sumAlong(powers, axis), (x, sum) => x / sum);
    }
    case "ReduceSum":
      return reduce(node, a, b?.data ?? a.shape.map((_, axis) => axis));
    case "ReduceMean": {
      const axes = node.attributes["axes"] as readonly number[];
      const sum = reduce(node, a, axes);
      return tensor.map(sum, (x) => (x * tensor.sizeOf(sum.shape)) / tensor.sizeOf(a.shape));
    }
    default:
      throw new Error(`the reference does not know ${node.operator}`);
  }
}

function add(a: Values, b: Values): Values {
  return tensor.broadcast(a, b, (x, y) => x + y);
}

function reduce(node: Node, a: Values, axes: readonly number[]): Values {
  const sum = axes.reduce((value, axis) => tensor.sumAlong(value, axis), a);
  if (node.attributes["keepdims"] !== 0) return sum;
  return { shape: sum.shape.filter((_, axis) => !axes.includes(axis)), data: sum.data };
}

function needed(node: Node, value: Values | undefined): Values {
  if (value === undefined) throw new Error(`${node.operator} lacks an operand`);
  return value;
}
