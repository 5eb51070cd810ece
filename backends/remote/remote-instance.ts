/** A model of a far server: every batch goes there as one request. */
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type Device,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "../contract.ts";
import type { FarModel } from "./codec/infer-request.ts";
import { InferRequestWriter } from "./codec/infer-request.ts";
import { type FarTensor, readInferResponse } from "./codec/infer-response.ts";
import type { FarServer } from "./far-server.ts";
import { PREFIX_BYTES } from "./grpc/unary-call.ts";
import type { Readiness } from "./readiness.ts";

export interface RemoteInstanceParts {
  readonly variant: ModelVariant;
  readonly device: Device;
  readonly model: FarModel;
  readonly server: FarServer;
  readonly readiness: Readiness;
  readonly maxInFlight: number;
}

export class RemoteInstance implements ModelInstance {
  readonly device: Device;
  readonly maxInFlight: number;
  readonly #parts: RemoteInstanceParts;
  readonly #writer: InferRequestWriter;

  constructor(parts: RemoteInstanceParts) {
    this.device = parts.device;
    this.maxInFlight = parts.maxInFlight;
    this.#parts = parts;
    this.#writer = new InferRequestWriter(parts.model, parts.variant);
  }

  async execute(execution: Execution, signal: AbortSignal): Promise<readonly Tensor[]> {
    const { server, readiness } = this.#parts;
    const message = this.#writer.write(execution, PREFIX_BYTES);
    try {
      const answer = readInferResponse(await server.infer(message, signal));
      return execution.outputs.map((name) => this.#output(name, answer, execution));
    } catch (thrown) {
      if (thrown instanceof BackendError && thrown.fault === "device") readiness.suspect();
      throw thrown;
    }
  }

  watch(changed: (trouble: string | undefined) => void): void {
    this.#parts.readiness.watch(changed);
  }

  async unload(): Promise<void> {
    this.#parts.readiness.close();
  }

  #output(name: string, answer: readonly FarTensor[], { members }: Execution): Tensor {
    const { variant } = this.#parts;
    const tensor = answer.find((candidate) => candidate.name === name);
    const spec = variant.outputs.find((candidate) => candidate.name === name);
    if (tensor === undefined || spec === undefined) {
      throw this.#wrong(`output "${name}" is missing in the answer`);
    }
    const { datatype, shape, data } = tensor;
    if (datatype !== spec.datatype) {
      throw this.#wrong(`output "${name}" is ${datatype} instead of ${spec.datatype}`);
    }
    if (datatype !== "BYTES") {
      const expected = shape.reduce((product, axis) => product * axis, BYTES_PER_ELEMENT[datatype]);
      if (data.byteLength !== expected) {
        throw this.#wrong(`output "${name}" of shape [${shape}] has ${data.byteLength} bytes`);
      }
    }
    const rows = members.reduce((sum, member) => sum + member.rows, 0);
    if (variant.maxBatchSize > 0 && spec.unbatched !== true && shape[0] !== rows) {
      throw this.#wrong(`output "${name}" has shape [${shape}], ${rows} rows were asked for`);
    }
    return tensor;
  }

  /** Another server may know better. */
  #wrong(what: string): BackendError {
    return new BackendError("device", `server ${this.#parts.server.address}: ${what}`);
  }
}
