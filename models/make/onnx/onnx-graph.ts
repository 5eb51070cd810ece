/**
 * Builds an ONNX file from nodes and constants.
 *
 * Field numbers are those of the ONNX specification, onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); operators are those
 * of the default domain at opset 17 (IR version 8), which every ONNX Runtime
 * since 1.12 knows.
 */
import { ProtoWriter } from "./proto-writer.ts";

export const OPSET = 17;
const IR_VERSION = 8;

/** TensorProto.DataType. */
export const ELEMENT_TYPE = {
  FP32: 1,
  INT8: 3,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  UINT64: 13,
  FP64: 11,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** A whole number becomes INT, a list INTS; a float is said to be one. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** A length, or the name of a free axis (`batch`, `n_pf`, ...). */
export type Axis = number | string;

export class OnnxGraph {
  readonly #name: string;
  readonly #description: string;
  readonly #nodes: ProtoWriter[] = [];
  readonly #initializers: ProtoWriter[] = [];
  readonly #inputs: ProtoWriter[] = [];
  readonly #outputs: ProtoWriter[] = [];
  #names = 0;

  constructor(name: string, description: string) {
    this.#name = name;
    this.#description = description;
  }

  /** Declares an input of the model. Returns its name, to feed into nodes. */
  input(name: string, type: ElementType, shape: readonly Axis[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Declares that the value of this name is an output of the model. */
  output(name: string, type: ElementType, shape: readonly Axis[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Appends an operator with one result. Returns the result's name, `as` where it is given. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    as?: string,
  ): string {
    const result = as ?? this.#fresh(operator);
    const node = new ProtoWriter();
    for (const input of inputs) node.string(1, input);
    node.string(2, result).string(3, `node_${this.#nodes.length}`).string(4, operator);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#nodes.push(node);
    return result;
  }

  /** A constant, `shape` in row-major order. Numbers are rounded to FP32. */
  floats(
    values: ArrayLike<number>,
    shape: readonly number[],
    name = this.#fresh("weight"),
  ): string {
    const data = new DataView(new ArrayBuffer(values.length * 4));
    for (let i = 0; i < values.length; i++) data.setFloat32(i * 4, values[i] as number, true);
    return this.#initializer(name, "FP32", shape, new Uint8Array(data.buffer));
  }

  /** A constant of whole numbers, as INT64: axes, indices, shapes. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const data = new DataView(new ArrayBuffer(values.length * 8));
    values.forEach((value, i) => {
      data.setBigInt64(i * 8, BigInt(value), true);
    });
    return this.#initializer(this.#fresh("constant"), "INT64", shape, new Uint8Array(data.buffer));
  }

  /** The bytes of the .onnx file. */
  finish(): Uint8Array {
    const graph = new ProtoWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.string(2, this.#name);
    for (const initializer of this.#initializers) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    return new ProtoWriter()
      .int(1, IR_VERSION)
      .string(2, "beamgate")
      .string(6, this.#description)
      .message(7, graph)
      .message(8, new ProtoWriter().string(1, "").int(2, OPSET))
      .finish();
  }

  #initializer(
    name: string,
    type: ElementType,
    shape: readonly number[],
    littleEndian: Uint8Array,
  ): string {
    const tensor = new ProtoWriter();
    for (const length of shape) tensor.int(1, length);
    tensor.int(2, ELEMENT_TYPE[type]).string(8, name).bytes(9, littleEndian);
    this.#initializers.push(tensor);
    return name;
  }

  #fresh(stem: string): string {
    return `${stem.toLowerCase()}_${this.#names++}`;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Axis[]): ProtoWriter {
  const dimensions = new ProtoWriter();
  for (const axis of shape) {
    const dimension = new ProtoWriter();
    if (typeof axis === "number") dimension.int(1, axis);
    else dimension.string(2, axis);
    dimensions.message(1, dimension);
  }
  const tensorType = new ProtoWriter().int(1, ELEMENT_TYPE[type]).message(2, dimensions);
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensorType));
}

function attribute(name: string, value: Attribute): ProtoWriter {
  const writer = new ProtoWriter().string(1, name);
  if (typeof value === "number") return writer.int(3, value).int(20, ATTRIBUTE_TYPE.int);
  if ("float" in value) return writer.float(2, value.float).int(20, ATTRIBUTE_TYPE.float);
  for (const item of value) writer.int(8, item);
  return writer.int(20, ATTRIBUTE_TYPE.ints);
}
