/**
 * What an ONNX file says about itself: inputs, outputs, operators, files
 * beside it. Field numbers are those of onnx.proto3 of the ONNX project.
 */
import type { Field, FieldVisitor, ProtobufWindow } from "../protobuf-wire/protobuf-window.ts";

/** A graph input or output. */
export interface OnnxValue {
  readonly name: string;
  /** `tensor`, or what the value is instead. */
  readonly kind: "tensor" | "sequence" | "map" | "sparse tensor" | "optional" | "unknown";
  /** `TensorProto.DataType`; 0 where it is missing. */
  readonly elementType: number;
  /** -1 for a symbolic or missing length; undefined where the file states no shape. */
  readonly shape: readonly number[] | undefined;
}

export interface ExternalData {
  readonly tensor: string;
  readonly location: string;
  readonly offset: number;
  /** undefined: up to the end of the file. */
  readonly length: number | undefined;
}

export interface OnnxGraph {
  /** Name and version of the tool that wrote it, `pytorch 2.4.0`; empty where it does not say. */
  readonly producer: string;
  /** Of the file format; 0 where it is missing. */
  readonly irVersion: number;
  /** Without those that have an initializer. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** `domain::OpType`, the domain empty for ONNX's own; of subgraphs and functions too. */
  readonly operators: ReadonlySet<string>;
  /** Domain to version, as imported. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly externalData: readonly ExternalData[];
  readonly nodes: number;
}

/** Most operators, values or external tensors kept; no real graph comes near. */
const MAX_KEPT = 1_000_000;
/** Characters of a tool's name or version. */
const MAX_PRODUCER = 128;
/** Graphs inside attributes of nodes (If, Loop, Scan). */
const MAX_SUBGRAPH_DEPTH = 16;

/** @throws MalformedProtobuf */
export async function readOnnxGraph(file: ProtobufWindow): Promise<OnnxGraph> {
  return new GraphReader(file).read();
}

class GraphReader {
  readonly #file: ProtobufWindow;
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #initializers = new Set<string>();
  readonly #operators = new Set<string>();
  readonly #opsets = new Map<string, number>();
  readonly #externalData: ExternalData[] = [];
  readonly #producer = ["", ""];
  #irVersion = 0;
  #nodes = 0;

  constructor(file: ProtobufWindow) {
    this.#file = file;
  }

  async read(): Promise<OnnxGraph> {
    await this.#file.message(0, this.#file.sizeBytes, (field) => {
      if (isNumber(field, 1)) this.#irVersion = Number(BigInt.asIntN(64, field.value));
      if (field.wireType !== 2) return undefined;
      if (field.number === 2 || field.number === 3) {
        const at = field.number - 2;
        return this.#text(field, (text) => {
          this.#producer[at] = text.slice(0, MAX_PRODUCER);
        });
      }
      if (field.number === 7) return this.#graph(field, 0);
      if (field.number === 8) return this.#opset(field);
      if (field.number === 25) return this.#functionBody(field);
      return undefined;
    });
    return {
      producer: this.#producer.join(" ").trim(),
      irVersion: this.#irVersion,
      inputs: this.#inputs.filter((value) => !this.#initializers.has(value.name)),
      outputs: this.#outputs,
      operators: this.#operators,
      opsets: this.#opsets,
      externalData: this.#externalData,
      nodes: this.#nodes,
    };
  }

  #fields(field: Field, visit: FieldVisitor): Promise<void> {
    return this.#file.message(field.start, field.end, (inner) =>
      inner.wireType === 2 || inner.wireType === 0 ? visit(inner) : undefined,
    );
  }

  async #text(field: Field, set: (text: string) => void): Promise<void> {
    set(await this.#file.text(field));
  }

  async #opset(field: Field): Promise<void> {
    let domain = "";
    let version = 0;
    await this.#fields(field, (inner) => {
      if (isText(inner, 1))
        return this.#text(inner, (text) => {
          domain = text;
        });
      if (isNumber(inner, 2)) version = Number(inner.value);
      return undefined;
    });
    this.#opsets.set(domain, version);
  }

  async #graph(field: Field, depth: number): Promise<void> {
    const top = depth === 0;
    await this.#fields(field, (inner) => {
      if (inner.wireType !== 2) return undefined;
      if (inner.number === 1) return this.#node(inner, depth);
      if (inner.number === 5) return this.#tensor(inner, top);
      if (inner.number === 15) return this.#sparseTensor(inner, top);
      if (inner.number === 11 && top) return this.#value(inner, this.#inputs);
      if (inner.number === 12 && top) return this.#value(inner, this.#outputs);
      return undefined;
    });
  }

  async #functionBody(field: Field): Promise<void> {
    await this.#fields(field, (inner) => {
      if (inner.wireType !== 2) return undefined;
      if (inner.number === 7) return this.#node(inner, 1);
      if (inner.number === 9) return this.#opset(inner);
      return undefined;
    });
  }

  async #node(field: Field, depth: number): Promise<void> {
    let operator = "";
    let domain = "";
    this.#nodes++;
    await this.#fields(field, (inner) => {
      if (isText(inner, 4))
        return this.#text(inner, (text) => {
          operator = text;
        });
      if (isText(inner, 7))
        return this.#text(inner, (text) => {
          domain = text;
        });
      if (isText(inner, 5)) return this.#attribute(inner, depth);
      return undefined;
    });
    if (this.#operators.size < MAX_KEPT) this.#operators.add(`${domain}::${operator}`);
  }

  async #attribute(field: Field, depth: number): Promise<void> {
    await this.#fields(field, (inner) => {
      if (inner.wireType !== 2) return undefined;
      if (inner.number === 5 || inner.number === 10) return this.#tensor(inner, false);
      if (inner.number === 22 || inner.number === 23) return this.#sparseTensor(inner, false);
      if ((inner.number === 6 || inner.number === 11) && depth < MAX_SUBGRAPH_DEPTH) {
        return this.#graph(inner, depth + 1);
      }
      return undefined;
    });
  }

  async #sparseTensor(field: Field, isInitializer: boolean): Promise<void> {
    await this.#fields(field, (inner) => {
      if (isText(inner, 1)) return this.#tensor(inner, isInitializer);
      if (isText(inner, 2)) return this.#tensor(inner, false);
      return undefined;
    });
  }

  async #tensor(field: Field, isInitializer: boolean): Promise<void> {
    let name = "";
    let isExternal = false;
    const entries = new Map<string, string>();
    await this.#fields(field, (inner) => {
      if (isText(inner, 8))
        return this.#text(inner, (text) => {
          name = text;
        });
      if (isText(inner, 13)) return this.#entry(inner, entries);
      if (isNumber(inner, 14)) isExternal = inner.value === 1n;
      return undefined;
    });
    if (isInitializer && this.#initializers.size < MAX_KEPT) this.#initializers.add(name);
    // Marked or not: an entry with a location is a path that a runtime may open.
    const location = entries.get("location");
    if (!isExternal && location === undefined) return;
    const length = entries.get("length");
    keep(this.#externalData, {
      tensor: name,
      location: location ?? "",
      offset: Number(entries.get("offset") ?? 0),
      length: length === undefined ? undefined : Number(length),
    });
  }

  async #entry(field: Field, into: Map<string, string>): Promise<void> {
    let key = "";
    let value = "";
    await this.#fields(field, (inner) => {
      if (isText(inner, 1))
        return this.#text(inner, (text) => {
          key = text;
        });
      if (isText(inner, 2))
        return this.#text(inner, (text) => {
          value = text;
        });
      return undefined;
    });
    if (into.size < 16) into.set(key, value);
  }

  async #value(field: Field, into: OnnxValue[]): Promise<void> {
    let name = "";
    let type: Omit<OnnxValue, "name"> = { kind: "unknown", elementType: 0, shape: undefined };
    await this.#fields(field, (inner) => {
      if (isText(inner, 1))
        return this.#text(inner, (text) => {
          name = text;
        });
      if (isText(inner, 2))
        return this.#type(inner).then((read) => {
          type = read;
        });
      return undefined;
    });
    keep(into, { name, ...type });
  }

  async #type(field: Field): Promise<Omit<OnnxValue, "name">> {
    let kind: OnnxValue["kind"] = "unknown";
    let elementType = 0;
    let shape: number[] | undefined;
    await this.#fields(field, (inner) => {
      if (inner.wireType !== 2) return undefined;
      kind = KINDS.get(inner.number) ?? kind;
      if (inner.number !== 1) return undefined;
      return this.#fields(inner, (part) => {
        if (isNumber(part, 1)) elementType = Number(part.value);
        if (!isText(part, 2)) return undefined;
        const dims: number[] = [];
        shape = dims;
        return this.#fields(part, (dim) => (isText(dim, 1) ? this.#dim(dim, dims) : undefined));
      });
    });
    return { kind, elementType, shape };
  }

  async #dim(field: Field, into: number[]): Promise<void> {
    let length = -1;
    await this.#fields(field, (inner) => {
      if (isNumber(inner, 1)) length = Number(BigInt.asIntN(64, inner.value));
      // The two are a oneof: the later one counts.
      else if (isText(inner, 2)) length = -1;
      return undefined;
    });
    keep(into, length);
  }
}

const KINDS: ReadonlyMap<number, OnnxValue["kind"]> = new Map([
  [1, "tensor"],
  [4, "sequence"],
  [5, "map"],
  [8, "sparse tensor"],
  [9, "optional"],
]);

const isText = (field: Field, number: number) => field.number === number && field.wireType === 2;
const isNumber = (field: Field, number: number) => field.number === number && field.wireType === 0;

function keep<T>(list: T[], item: T): void {
  if (list.length < MAX_KEPT) list.push(item);
}
