/**
 * Reads an ONNX file with protobufjs, for tests: nothing here is shared with the
 * writer, so that a fault of one does not hide in the other.
 */
import protobuf from "protobufjs";

/** What our own files use of onnx.proto. */
const SCHEMA = `
  syntax = "proto3";
  message ModelProto { int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message GraphProto { repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
  message NodeProto { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated AttributeProto attribute = 5; }
  message AttributeProto { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8 [packed = false]; int32 type = 20; }
  message TensorProto { repeated int64 dims = 1 [packed = false]; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { Tensor tensor_type = 1; message Tensor { int32 elem_type = 1; Shape shape = 2; } message Shape { repeated Dim dim = 1; } message Dim { oneof value { int64 dim_value = 1; string dim_param = 2; } } }
`;

const modelType = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType("ModelProto");

/** All numbers, whatever the element type; row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Whole numbers and lists of them. */
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface Port {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly elementType: number;
  /** -1 for a free axis. */
  readonly shape: readonly number[];
}

export interface OnnxFile {
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Values>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

interface RawPort {
  readonly name: string;
  readonly type: {
    readonly tensor_type: {
      readonly elem_type: number;
      readonly shape: { readonly dim: readonly { dim_value?: number; dim_param?: string }[] };
    };
  };
}

interface RawModel {
  readonly opset_import: readonly { readonly version: number }[];
  readonly graph: {
    readonly node: readonly {
      readonly op_type: string;
      readonly input: readonly string[];
      readonly output: readonly string[];
      readonly attribute: readonly {
        readonly name: string;
        readonly i: number;
        readonly ints: readonly number[];
        readonly type: number;
      }[];
    }[];
    readonly initializer: readonly {
      readonly name: string;
      readonly dims: readonly number[];
      readonly data_type: number;
      readonly raw_data: Uint8Array;
    }[];
    readonly input: readonly RawPort[];
    readonly output: readonly RawPort[];
  };
}

export function readOnnx(file: Uint8Array): OnnxFile {
  const raw = modelType.toObject(modelType.decode(file), {
    longs: Number,
    arrays: true,
  }) as RawModel;
  const { node, initializer, input, output } = raw.graph;
  return {
    opset: raw.opset_import[0]?.version ?? 0,
    nodes: node.map((one) => ({
      operator: one.op_type,
      inputs: one.input,
      output: one.output[0] ?? "",
      attributes: Object.fromEntries(
        one.attribute.map(({ name, type, i, ints }) => [name, type === 7 ? ints : (i ?? 0)]),
      ),
    })),
    constants: new Map(
      initializer.map(({ name, dims, data_type, raw_data }) => [
        name,
        { shape: dims, data: decode(data_type, raw_data) },
      ]),
    ),
    inputs: input.map(port),
    outputs: output.map(port),
  };
}

function port({ name, type }: RawPort): Port {
  const { elem_type, shape } = type.tensor_type;
  return {
    name,
    elementType: elem_type,
    shape: (shape?.dim ?? []).map(({ dim_value, dim_param }) =>
      dim_param === undefined ? (dim_value ?? 0) : -1,
    ),
  };
}

function decode(dataType: number, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dataType === 1) {
    return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
  }
  if (dataType === 7) {
    return Array.from({ length: bytes.length / 8 }, (_, i) =>
      Number(view.getBigInt64(i * 8, true)),
    );
  }
  throw new Error(`a constant of element type ${dataType}: the reference reads FP32 and INT64`);
}
