/**
 * An `.xmodel` of Vitis AI: one protobuf message `serial_v2.Graph` of XIR,
 * without any magic number. Field numbers are those of graph_proto_v2.proto.
 */
import { clean } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import {
  type Field,
  MalformedProtobuf,
  type ProtobufWindow,
} from "../../common/protobuf-wire/protobuf-window.ts";
import { type Attribute, readAttribute } from "./xir-attributes.ts";
import { readTensor, type XirTensor } from "./xir-tensor.ts";

const MAX_OPERATORS = 100_000;
const MAX_SUBGRAPHS = 10_000;

const GRAPH = { name: 1, operator: 5, root: 10, attribute: 11 };
const OPERATOR = { name: 1, type: 2, argument: 4, tensor: 5 };
const ARGUMENT_OPERATOR = 2;
const SUBGRAPH = { name: 1, attribute: 5, child: 10 };

const GRAPH_ATTRIBUTES = new Set(["tools_commit_id", "origin"]);
const SUBGRAPH_ATTRIBUTES = new Set([
  "device",
  "arch",
  "dpu_name",
  "dpu_fingerprint",
  "input_ops_name",
  "output_ops_name",
]);

export interface XirOperator {
  readonly name: string;
  /** `conv2d-fix`, `data-fix`, `fix2float`, ... */
  readonly type: string;
  /** Names of the operators whose tensors it takes. */
  readonly takes: readonly string[];
  readonly tensor?: XirTensor;
}

/** A part of the graph that runs on one kind of device. */
export interface XirSubgraph {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface XirGraph {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly operators: readonly XirOperator[];
  readonly root?: XirSubgraph;
  /** Children of the root, in the order they run. */
  readonly subgraphs: readonly XirSubgraph[];
}

/** @throws MalformedProtobuf */
export async function readXirGraph(xir: ProtobufWindow): Promise<XirGraph> {
  let name = "";
  const attributes = new Map<string, Attribute>();
  const operators: XirOperator[] = [];
  const subgraphs: XirSubgraph[] = [];
  let root: XirSubgraph | undefined;
  await xir.message(0, xir.sizeBytes, (field) => {
    if (field.wireType !== 2) return undefined;
    if (field.number === GRAPH.name)
      return xir.text(field).then((text) => {
        name = clean(text);
      });
    if (field.number === GRAPH.operator) {
      bounded(operators.length, MAX_OPERATORS, "operators");
      return readOperator(xir, field).then((operator) => void operators.push(operator));
    }
    if (field.number === GRAPH.root) {
      return readSubgraph(xir, field, subgraphs).then((subgraph) => {
        root = subgraph;
      });
    }
    if (field.number === GRAPH.attribute) {
      return readAttribute(xir, field, GRAPH_ATTRIBUTES, attributes);
    }
    return undefined;
  });
  return { name, attributes, operators, subgraphs, ...present({ root }) };
}

async function readOperator(xir: ProtobufWindow, operator: Field): Promise<XirOperator> {
  let name = "";
  let type = "";
  let tensor: XirTensor | undefined;
  const takes: string[] = [];
  await xir.message(operator.start, operator.end, (field) => {
    if (field.wireType !== 2) return undefined;
    if (field.number === OPERATOR.name)
      return xir.text(field).then((text) => {
        name = text;
      });
    if (field.number === OPERATOR.type)
      return xir.text(field).then((text) => {
        type = text;
      });
    if (field.number === OPERATOR.argument) return readTakes(xir, field, takes);
    if (field.number === OPERATOR.tensor) {
      return readTensor(xir, field).then((read) => {
        tensor = read;
      });
    }
    return undefined;
  });
  return { name, type, takes, ...present({ tensor }) };
}

function readTakes(xir: ProtobufWindow, argument: Field, takes: string[]): Promise<void> {
  return xir.message(argument.start, argument.end, (field) => {
    if (field.number !== ARGUMENT_OPERATOR || field.wireType !== 2) return undefined;
    return xir.text(field).then((text) => void takes.push(text));
  });
}

/** @param children where to put the children; those of children are not read */
async function readSubgraph(
  xir: ProtobufWindow,
  subgraph: Field,
  children?: XirSubgraph[],
): Promise<XirSubgraph> {
  let name = "";
  const attributes = new Map<string, Attribute>();
  await xir.message(subgraph.start, subgraph.end, (field) => {
    if (field.wireType !== 2) return undefined;
    if (field.number === SUBGRAPH.name) {
      return xir.text(field).then((text) => {
        name = clean(text);
      });
    }
    if (field.number === SUBGRAPH.attribute) {
      return readAttribute(xir, field, SUBGRAPH_ATTRIBUTES, attributes);
    }
    if (field.number !== SUBGRAPH.child || children === undefined) return undefined;
    bounded(children.length, MAX_SUBGRAPHS, "subgraphs");
    return readSubgraph(xir, field).then((child) => void children.push(child));
  });
  return { name, attributes };
}

function bounded(count: number, most: number, what: string): void {
  if (count >= most) throw new MalformedProtobuf(`more than ${most} ${what}`);
}
