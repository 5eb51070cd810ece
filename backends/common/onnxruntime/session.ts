/**
 * An ONNX Runtime session as a model instance: reads inputs where they lie and
 * writes outputs of known shape where they are wanted, without a copy.
 */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type Device,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
  type TensorSpec,
} from "../../contract.ts";
import { DATATYPE_OF, elementsOver, type OrtType, ortTypeOf, type Served } from "./elements.ts";
import { asBackendError, isShapeSurprise } from "./errors.ts";
import { decodeTexts, encodeTexts } from "./texts.ts";

type Metadata = InferenceSession.ValueMetadata;

/** An output of the session; `dims` where the file promises its length on every axis but the batch's. */
interface OutputPlan {
  readonly spec: TensorSpec;
  readonly batched: boolean;
  dims: readonly number[] | undefined;
}

/** What every session here is opened with; the provider comes on top. */
export function sessionSettings(threads: number): InferenceSession.SessionOptions {
  return {
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Neither was measurably faster; the arena keeps the memory of the largest batch for good
    // (+25 MB with a transformer at 64 rows), the other one remembers every batch size it met.
    enableCpuMemArena: false,
    enableMemPattern: false,
    // Errors come as exceptions; the log would repeat them for every bad request.
    logSeverityLevel: 4,
  };
}

/** @throws BackendError `artifact` where the file does not load or is not what the variant says. */
export async function openSession(
  variant: ModelVariant,
  device: Device,
  options: InferenceSession.SessionOptions,
): Promise<ModelInstance> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(variant.artifact.path, options);
  } catch (cause) {
    throw asBackendError("artifact", cause);
  }
  try {
    for (const name of session.inputNames) {
      if (variant.inputs.some((spec) => spec.name === name)) continue;
      throw new BackendError(
        "artifact",
        `the model wants an input "${name}" that is not configured`,
      );
    }
    for (const spec of variant.inputs) check("input", spec, session.inputMetadata);
    const plans = new Map(
      variant.outputs.map((spec) => {
        const found = check("output", spec, session.outputMetadata);
        const batched = variant.maxBatchSize > 0 && spec.unbatched !== true;
        return [spec.name, { spec, batched, dims: knownDims(found.shape, batched) }];
      }),
    );
    return new SessionInstance(session, device, plans);
  } catch (cause) {
    await session.release();
    throw cause;
  }
}

function check(role: string, spec: TensorSpec, metadata: readonly Metadata[]) {
  const found = metadata.find(({ name }) => name === spec.name);
  if (found === undefined) {
    const names = metadata.map(({ name }) => `"${name}"`).join(", ");
    throw new BackendError("artifact", `the model has no ${role} "${spec.name}"; it has ${names}`);
  }
  if (!found.isTensor) {
    throw new BackendError(
      "artifact",
      `${role} "${spec.name}" is a sequence or a map; only tensors can be served`,
    );
  }
  const datatype = DATATYPE_OF[found.type as OrtType];
  if (datatype === spec.datatype && ortTypeOf(datatype) !== undefined) return found;
  throw new BackendError(
    "artifact",
    `${role} "${spec.name}": configured ${spec.datatype}, the model has ${datatype ?? found.type}`,
  );
}

/** The fixed axes behind the batch axis, or all of them; undefined where one is free. */
function knownDims(
  shape: readonly (number | string)[],
  batched: boolean,
): readonly number[] | undefined {
  const dims = batched ? shape.slice(1) : shape;
  return dims.every((dim): dim is number => typeof dim === "number") ? dims : undefined;
}

class SessionInstance implements ModelInstance {
  readonly device: Device;
  readonly #session: InferenceSession;
  readonly #plans: ReadonlyMap<string, OutputPlan>;

  constructor(session: InferenceSession, device: Device, plans: ReadonlyMap<string, OutputPlan>) {
    this.device = device;
    this.#session = session;
    this.#plans = plans;
  }

  async execute(execution: Execution): Promise<readonly Tensor[]> {
    const feeds = this.#feeds(execution.inputs);
    const places = new Map<string, Uint8Array>();
    const fetches = this.#fetches(execution, places);
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds, fetches);
    } catch (cause) {
      if (places.size === 0 || !isShapeSurprise(cause)) throw asBackendError("internal", cause);
      // The file promises other shapes than it computes: believe it no longer.
      for (const plan of this.#plans.values()) plan.dims = undefined;
      return this.execute({ ...execution, reserve: () => undefined });
    }
    return execution.outputs.map((name) => {
      const result = results[name];
      if (result === undefined) throw new BackendError("internal", `no output "${name}"`);
      return toTensor(name, result, places.get(name));
    });
  }

  async unload(): Promise<void> {
    await this.#session.release();
  }

  #feeds(inputs: readonly Tensor[]): Record<string, OrtTensor> {
    const feeds: Record<string, OrtTensor> = {};
    for (const input of inputs) feeds[input.name] = this.#toOrt(input);
    for (const name of this.#session.inputNames) {
      if (feeds[name] === undefined) throw new BackendError("input", `input "${name}" is missing`);
    }
    return feeds;
  }

  #toOrt({ name, datatype, shape, data }: Tensor): OrtTensor {
    if (datatype === "BYTES") return new OrtTensor("string", decodeTexts(name, data), shape);
    return this.#numeric(datatype as Served, shape, data);
  }

  #numeric(datatype: Served, shape: readonly number[], data: Uint8Array): OrtTensor {
    // The overloads of Tensor's constructor pair each type with its array, which a table cannot show.
    const Tensor = OrtTensor as new (...of: readonly unknown[]) => OrtTensor;
    const elements = elementsOver(datatype, data);
    const tensor = new Tensor(ortTypeOf(datatype), elements, shape);
    // Where Node has Float16Array (24 and on) the constructor makes one of our bits, which the native code can't read.
    if (datatype === "FP16") Object.defineProperty(tensor, "cpuData", { value: elements });
    return tensor;
  }

  /** Only what is asked for; memory for it where its size is known and the caller has room. */
  #fetches(execution: Execution, places: Map<string, Uint8Array>) {
    const fetches: Record<string, OrtTensor | null> = {};
    let rows = 0;
    for (const member of execution.members) rows += member.rows;
    for (const name of execution.outputs) {
      const plan = this.#plans.get(name);
      if (plan === undefined) throw new BackendError("internal", `no output "${name}"`);
      fetches[name] = null;
      const { datatype } = plan.spec;
      if (plan.dims === undefined || datatype === "BYTES") continue;
      const shape = plan.batched ? [rows, ...plan.dims] : plan.dims;
      const place = execution.reserve(BYTES_PER_ELEMENT[datatype] * product(shape));
      if (place === undefined) continue;
      places.set(name, place);
      fetches[name] = this.#numeric(datatype as Served, shape, place);
    }
    return fetches;
  }
}

function product(shape: readonly number[]): number {
  let elements = 1;
  for (const dim of shape) elements *= dim;
  return elements;
}

function toTensor(name: string, result: OrtTensor, place: Uint8Array | undefined): Tensor {
  const datatype = DATATYPE_OF[result.type as OrtType];
  const shape = result.dims;
  if (place !== undefined) return { name, datatype, shape, data: place };
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: encodeTexts(result.data as string[]) };
  }
  const { buffer, byteOffset, byteLength } = result.data as Uint8Array;
  return { name, datatype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}
