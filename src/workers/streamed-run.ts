/** One execution of a decoupled model in the worker: its responses leave as they come. */
import { setImmediate as othersTurn } from "node:timers/promises";
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type Execution,
  type ModelVariant,
  type Tensor,
} from "../../backends/contract.ts";
import { elementCount } from "../inference/shapes.ts";
import type { Channel } from "./channel.ts";
import { responseFrame } from "./run-frames.ts";

/** The backend is made to wait while the gateway is this far behind with reading. */
const BACKLOG_BYTES = 2 ** 20;
/** A backend that answers without a pause lets the worker hear the gateway this often. */
const TURN_MS = 5;
/** Longer outputs are sent from where they lie, and the backend waits until they have left. */
const COPY_BYTES = 64 * 1024;

export class StreamedRun {
  readonly #run: number;
  readonly #execution: Execution;
  readonly #variant: ModelVariant;
  readonly #channel: Channel;
  readonly #abort = new AbortController();
  readonly #begin = performance.now();
  #turnAt = this.#begin;
  #outputMs = 0;
  #over = false;

  constructor(run: number, execution: Execution, variant: ModelVariant, channel: Channel) {
    this.#run = run;
    this.#execution = execution;
    this.#variant = variant;
    this.#channel = channel;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort.abort();
  }

  /**
   * Resolves when there is room for the next one; the tensors are the backend's again then.
   * @throws BackendError `internal` where they are not what the model was asked for.
   */
  async emit(member: number, tensors: readonly Tensor[]): Promise<void> {
    const from = performance.now();
    if (this.#over) throw new BackendError("internal", "a response after the last one");
    if (!(member >= 0 && member < this.#execution.members.length)) {
      throw new BackendError("internal", `a response to member ${member}, which is not there`);
    }
    let payloadBytes = 0;
    const outputs = tensors.map((tensor) => {
      payloadBytes += tensor.data.byteLength;
      const { shape, data } = tensor;
      return { index: this.#indexOf(tensor), shape, byteLength: data.byteLength };
    });
    const data = tensors.map((tensor) => tensor.data);
    const copied = payloadBytes <= COPY_BYTES;
    const inferUs = (from - this.#begin) * 1000;
    const outputUs = (performance.now() - from) * 1000;
    const message = { run: this.#run, member, inferUs, outputUs, outputs };
    this.#channel.send(
      responseFrame(message, payloadBytes),
      copied && payloadBytes > 0 ? [Buffer.concat(data, payloadBytes)] : data,
    );
    if (!copied || this.#channel.backlogBytes > BACKLOG_BYTES) await this.#channel.drained();
    if (from - this.#turnAt > TURN_MS) {
      await othersTurn();
      this.#turnAt = performance.now();
    }
    this.#outputMs += performance.now() - from;
  }

  /** No more responses. @returns µs: of the backend, and of handing responses over. */
  end(): { readonly inferUs: number; readonly outputUs: number } {
    this.#over = true;
    const inferMs = Math.max(0, performance.now() - this.#begin - this.#outputMs);
    return { inferUs: inferMs * 1000, outputUs: this.#outputMs * 1000 };
  }

  #indexOf({ name, datatype, shape, data }: Tensor): number {
    const index = this.#variant.outputs.findIndex((spec) => spec.name === name);
    if (index < 0 || !this.#execution.outputs.includes(name)) {
      const asked = this.#execution.outputs.join(", ");
      throw new BackendError("internal", `asked for outputs ${asked}, got ${name}`);
    }
    const sizeBytes =
      datatype === "BYTES" ? undefined : elementCount(shape) * BYTES_PER_ELEMENT[datatype];
    if (sizeBytes === undefined || sizeBytes === data.byteLength) return index;
    const found = `${data.byteLength} bytes for shape [${shape.join(",")}] of ${datatype}`;
    throw new BackendError("internal", `output "${name}" has ${found}`);
  }
}
