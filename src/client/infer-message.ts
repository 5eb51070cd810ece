/** Requests and answers between this client's words and the protocol's. */
import {
  fromWire,
  type Parameters,
  type ParameterValue,
  toWire,
  type WireParameter,
} from "./parameters.ts";
import { elementsOf, rawOf } from "./raw-elements.ts";
import { type Datatype, type Tensor, tensor, type ValuesOf } from "./tensor.ts";

export interface RequestedOutput {
  readonly name: string;
  /** The so many largest elements as `value:index:label` (BYTES) in place of all. */
  readonly classification?: number;
}

export interface Sequence {
  /** 1 or more, or a text that is not empty. */
  readonly id: number | bigint | string;
  readonly start?: boolean;
  readonly end?: boolean;
}

export interface InferRequest {
  readonly model: string;
  /** Absent: the server chooses. */
  readonly version?: string;
  /** Comes back in the answer. */
  readonly id?: string;
  readonly inputs: readonly Tensor[];
  /** Absent: all outputs. */
  readonly outputs?: readonly (string | RequestedOutput)[];
  readonly sequence?: Sequence;
  /** Further ones, such as `priority`, `timeout` (µs of waiting), `beamgate_vendor`. */
  readonly parameters?: Parameters;
}

export class InferResult {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  readonly outputs: ReadonlyMap<string, Tensor>;

  constructor(answer: WireAnswer) {
    this.model = answer.modelName;
    this.version = answer.modelVersion;
    this.id = answer.id;
    this.parameters = fromWire(answer.parameters);
    this.outputs = new Map(
      answer.outputs.map((output, at) => [
        output.name,
        tensorOf(output, answer.rawOutputContents[at]),
      ]),
    );
  }

  /** True for the last answer to a request; models that are not decoupled give one. */
  get final(): boolean {
    return this.parameters.get("triton_final_response") !== false;
  }

  /** @throws RangeError where there is no such output, or it has another datatype */
  output<D extends Datatype>(name: string, datatype: D): Tensor<D> {
    const found = this.outputs.get(name);
    if (found === undefined) {
      const names = [...this.outputs.keys()].join(", ") || "none";
      throw new RangeError(`${this.model} gave no output ${name}; there are: ${names}`);
    }
    if (found.datatype !== datatype) {
      throw new RangeError(`output ${name} of ${this.model} is ${found.datatype}, not ${datatype}`);
    }
    return found as Tensor<D>;
  }
}

interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  /** Of servers that do not answer with raw contents. */
  readonly contents?: Readonly<Record<string, readonly unknown[]>> | null;
}

/** `ModelInferResponse` as proto-loader gives it. */
export interface WireAnswer {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly outputs: readonly WireTensor[];
  readonly rawOutputContents: readonly Uint8Array[];
}

/** `ModelInferRequest` as proto-loader takes it. */
export function toMessage(request: InferRequest): object {
  const { model, version = "", id = "", inputs, outputs = [], sequence, parameters = {} } = request;
  return {
    modelName: model,
    modelVersion: version,
    id,
    parameters: toWire({ ...parameters, ...(sequence && sequenceParameters(sequence)) }),
    inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    outputs: outputs.map((output) => {
      if (typeof output === "string") return { name: output };
      const { name, classification } = output;
      return { name, parameters: toWire(classification === undefined ? {} : { classification }) };
    }),
    rawInputContents: inputs.map(rawOf),
  };
}

function sequenceParameters({ id, start = false, end = false }: Sequence): Parameters {
  return { sequence_id: id, sequence_start: start, sequence_end: end };
}

function tensorOf({ name, datatype, shape, contents }: WireTensor, raw: Uint8Array | undefined) {
  const lengths = shape.map(Number);
  if (raw !== undefined) {
    return { name, datatype, shape: lengths, data: elementsOf(datatype, raw) } as Tensor;
  }
  const typed = Object.values(contents ?? {}).find((values) => values.length > 0) ?? [];
  const wide = datatype === "INT64" || datatype === "UINT64";
  const values = wide ? typed.map((value) => BigInt(value as string)) : typed;
  return tensor(name, datatype as Datatype, lengths, values as unknown as ValuesOf<Datatype>);
}
