/** Builders: a request, a call, an entry that are right in every way but the ones a test names. */
import type { StatusError } from "../../src/errors.ts";
import type {
  InferCall,
  InferRequest,
  InferResponse,
  ModelSignature,
} from "../../src/inference/request.ts";
import { newTimeline } from "../../src/inference/timeline.ts";

export function aSignature(given: Partial<ModelSignature> = {}): ModelSignature {
  return {
    name: "jets",
    version: "1",
    maxBatchSize: 64,
    inputs: [{ name: "x", datatype: "UINT8", shape: [2] }],
    outputs: [{ name: "y", datatype: "UINT8", shape: [2] }],
    decoupled: false,
    reproducible: false,
    ...given,
  };
}

/** Rows of two bytes each, all of them `value`. */
export function aRequest(given: Partial<InferRequest> & { value?: number } = {}): InferRequest {
  const { value = 0, rows = 1, ...rest } = given;
  const bytes = new Uint8Array(rows * 2).fill(value);
  return {
    id: "",
    signature: aSignature(),
    inputs: [
      {
        index: 0,
        datatype: "UINT8",
        shape: [rows, 2],
        data: { byteLength: bytes.byteLength, pieces: [bytes] },
      },
    ],
    outputs: [0],
    rows,
    batchKey: "",
    alone: false,
    priority: 0,
    timeoutUs: 0,
    ...rest,
  };
}

/** A client that remembers what it was told, and can hang up. */
export class FakeCall implements InferCall {
  readonly timeline = newTimeline(0);
  readonly deadline = Number.POSITIVE_INFINITY;
  cancelled = false;
  onCancel: (() => void) | undefined;
  /** First byte of each answer's first output, copied while it was valid. */
  readonly answers: number[][] = [];
  /** The last answer came. */
  finished = false;
  readonly errors: StatusError[] = [];

  respond(response: InferResponse, final = true): void {
    this.finished ||= final;
    this.answers.push(response.outputs.map((output) => output.data[0] ?? Number.NaN));
  }

  fail(error: StatusError): void {
    this.errors.push(error);
  }

  hangUp(): void {
    this.cancelled = true;
    this.onCancel?.();
  }

  /** Times it was told anything. */
  get told(): number {
    return this.answers.length + this.errors.length;
  }
}
