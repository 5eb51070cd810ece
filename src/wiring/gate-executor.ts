/** For the gate: an artifact loaded by the same way that would serve it, and one batch at a time through it. */
import type { Tensor } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Account } from "../inference/outcome.ts";
import { onePiece } from "../inference/pieces.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type {
  InferCall,
  InferResponse,
  Parameter,
  Parameters,
  WireRequest,
} from "../inference/request.ts";
import { newTimeline } from "../inference/timeline.ts";
import type { GateExecutor } from "../registry/gate/executor.ts";
import type { Loader, ModelDefinition } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { admit } from "./infer-line.ts";

export interface GateExecutorParts {
  /** Reports to no account of users. */
  readonly loader: Loader<Served>;
  readonly clock: Clock;
}

/** @throws StatusError as the load does; FAILED_PRECONDITION for a decoupled model */
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
  const trial: ModelDefinition = { ...rest, rules: UNBATCHED, instances: 1 };
  const loaded = await loader.load(trial, signal);
  let device = { id: "none", vendor: "none", platform: "none", emulated: false };
  let sequences = 0n;
  return {
    // Rows of a sequence model are sequences of one request each.
    maxBatchSize:
      sequence === undefined ? signature.maxBatchSize : Math.min(1, signature.maxBatchSize),
    get device() {
      return device;
    },
    async execute(inputs, abort) {
      sequences += 1n;
      const parameters = sequence === undefined ? undefined : wholeSequence(sequences);
      const wire = wireOf(definition, inputs, parameters);
      const outputs = await answerOf(
        (call) => admit({ definition: trial, loaded }, wire, call, { require() {} }),
        clock,
        abort,
      ).catch((cause: unknown) => {
        throw loaded.instances.length > 0 ? cause : withoutDevice(definition, cause);
      });
      const found = loaded.instances[0]?.report.device;
      if (found !== undefined) {
        const { id, vendor, platform, emulated = false } = found;
        device = { id, vendor, platform, emulated };
      }
      return outputs;
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

function wholeSequence(id: bigint): Parameters {
  return new Map<string, Parameter>([
    ["sequence_id", { type: "uint64", value: id }],
    ["sequence_start", { type: "bool", value: true }],
    ["sequence_end", { type: "bool", value: true }],
  ]);
}

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

/** Outputs are copied: they are gone after the call that brings them. */
function answerOf(
  submit: (call: InferCall) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Tensor[]> {
  return new Promise((resolve, reject) => {
    let cancelled = false;
    const onAbort = () => {
      cancelled = true;
      call.onCancel?.();
      reject(signal.reason);
    };
    const end = () => signal.removeEventListener("abort", onAbort);
    const call: InferCall = {
      timeline: newTimeline(clock.now()),
      deadline: Number.POSITIVE_INFINITY,
      get cancelled() {
        return cancelled;
      },
      onCancel: undefined,
      respond({ outputs }: InferResponse) {
        end();
        resolve(
          outputs.map(({ name, datatype, shape, data }) => ({
            name,
            datatype,
            shape,
            data: Uint8Array.from(data),
          })),
        );
      },
      fail(error) {
        end();
        reject(error);
      },
    };
    signal.addEventListener("abort", onAbort, { once: true });
    submit(call);
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
