/** For the gate: an artifact loaded by the same way that would serve it, and one batch at a time through it. */
import type { Tensor } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Account } from "../inference/outcome.ts";
import { onePiece } from "../inference/pieces.ts";
import { type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type {
  InferCall,
  InferResponse,
  Parameter,
  Parameters,
  WireRequest,
} from "../inference/request.ts";
import { newTimeline } from "../inference/timeline.ts";
import type { GateExecutor } from "../registry/gate/executor.ts";
import { hasRowsApart } from "../registry/golden/requests-of.ts";
import type { Loader, ModelDefinition } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { admit } from "./infer-line.ts";

export interface GateExecutorParts {
  /** Reports to no account of users. */
  readonly loader: Loader<Served>;
  readonly clock: Clock;
}

/**
 * A row of a sequence model is a sequence of one request, always with the same id: a model that is told it answers as
 * another artifact does that is told the same.
 * @throws StatusError as the load does; FAILED_PRECONDITION for a decoupled model
 */
export async function gateExecutor(
  { loader, clock }: GateExecutorParts,
  definition: ModelDefinition,
  signal: AbortSignal,
): Promise<GateExecutor> {
  const { signature, sequence } = definition;
  if (signature.decoupled) {
    const text = "a decoupled model has any number of answers: the gate cannot compare them";
    throw new StatusError("FAILED_PRECONDITION", `${text}; register it with --validate-only`);
  }
  const { warmup: _, ...rest } = definition;
  const trial: ModelDefinition = { ...rest, rules: rulesFor(definition), instances: 1 };
  const parameters = sequence === undefined ? undefined : WHOLE_SEQUENCE;
  const loaded = await loader.load(trial, signal);
  let device = { id: "none", vendor: "none", platform: "none", emulated: false };
  return {
    maxBatchSize:
      sequence === undefined ? signature.maxBatchSize : Math.min(1, signature.maxBatchSize),
    get device() {
      return device;
    },
    async execute(requests, abort) {
      const submits = requests.map((inputs) => (call: InferCall) => {
        const wire = wireOf(definition, inputs, parameters);
        admit({ definition: trial, loaded }, wire, call, { require() {} });
      });
      const answers = await answersOf(submits, clock, abort).catch((cause: unknown) => {
        throw loaded.instances.length > 0 ? cause : withoutDevice(definition, cause);
      });
      const found = loaded.instances[0]?.report.device;
      if (found !== undefined) {
        const { id, vendor, platform, emulated = false } = found;
        device = { id, vendor, platform, emulated };
      }
      return answers;
    },
    close: () => loader.unload(loaded),
  };
}

/** It waited for a device that others keep, or that does not take it. */
function withoutDevice({ name, artifact }: ModelDefinition, cause: unknown): unknown {
  if (!(cause instanceof StatusError) || cause.code !== "UNAVAILABLE") return cause;
  const what = `no device of platform ${artifact.platform} became free to prove model '${name}'`;
  const remedy =
    "'beamgate device ls' shows who has them and why; free or lease one, and verify again";
  return new StatusError("UNAVAILABLE", `${what} (${cause.message}): ${remedy}`, { cause });
}

/** What is submitted together runs together: as one request, or as all that wait when the device is free. */
function rulesFor({ signature }: ModelDefinition): QueueRules {
  if (!hasRowsApart(signature)) return UNBATCHED;
  return { ...UNBATCHED, dynamic: true, preferredRows: [Math.max(1, signature.maxBatchSize)] };
}

const WHOLE_SEQUENCE: Parameters = new Map<string, Parameter>([
  ["sequence_id", { type: "int64", value: 1 }],
  ["sequence_start", { type: "bool", value: true }],
  ["sequence_end", { type: "bool", value: true }],
]);

/** What a client would have sent. */
export function wireOf(
  { name, version }: ModelDefinition,
  inputs: readonly Tensor[],
  parameters: Parameters | undefined,
): WireRequest {
  return {
    model: name,
    version,
    id: "",
    parameters,
    inputs: inputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      parameters: undefined,
      data: onePiece(data),
    })),
    outputs: [],
    dataError: undefined,
  };
}

/** Outputs are copied: they are gone after the call that brings them. One that fails takes the others with it. */
function answersOf(
  submits: readonly ((call: InferCall) => void)[],
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly (readonly Tensor[])[]> {
  return new Promise((resolve, reject) => {
    const answers: (readonly Tensor[])[] = [];
    const calls: InferCall[] = [];
    let left = submits.length;
    let cancelled = false;
    const giveUp = (reason: unknown) => {
      if (cancelled) return;
      cancelled = true;
      signal.removeEventListener("abort", onAbort);
      for (const call of calls) call.onCancel?.();
      reject(reason);
    };
    const onAbort = () => giveUp(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    for (const [at, submit] of submits.entries()) {
      const call: InferCall = {
        timeline: newTimeline(clock.now()),
        deadline: Number.POSITIVE_INFINITY,
        get cancelled() {
          return cancelled;
        },
        onCancel: undefined,
        respond({ outputs }: InferResponse) {
          answers[at] = outputs.map(({ name, datatype, shape, data }) => ({
            ...{ name, datatype, shape },
            data: Uint8Array.from(data),
          }));
          left -= 1;
          if (left > 0) return;
          signal.removeEventListener("abort", onAbort);
          resolve(answers);
        },
        fail: giveUp,
      };
      calls.push(call);
      submit(call);
      if (cancelled) return;
    }
  });
}

/** What the gate executes is no request of anybody. */
export const uncounted: Account = {
  request() {},
  execution() {},
  response() {},
  cacheMiss() {},
  lost() {},
  pending() {},
};
