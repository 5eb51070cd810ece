/** Requests of nobody as one batch on an instance, past every queue. */
import type { Tensor } from "../../backends/contract.ts";
import { splitOutputs } from "../inference/split-outputs.ts";
import { checkRequest } from "../inference/validate.ts";
import type { Lane } from "../pool/lane.ts";
import type { ModelDefinition } from "../registry/types.ts";
import type { ShadowRun } from "../scheduling/shadow/shadow-target.ts";
import { wireOf } from "./gate-executor.ts";

/** Outputs are copies, by name. @param batch inputs of each request */
export async function runOnLane(
  lane: Lane,
  definition: ModelDefinition,
  batch: readonly (readonly Tensor[])[],
): Promise<ShadowRun> {
  const { signature } = definition;
  const started = performance.now();
  const requests = batch.map((inputs) =>
    checkRequest(wireOf(definition, inputs, undefined), signature, undefined),
  );
  // Up to its first wait it is written and sent.
  const executing = lane.execute(requests);
  const sent = performance.now();
  const executed = await executing;
  const received = performance.now();
  try {
    const parts = splitOutputs(signature, requests, executed.outputs);
    const outputs = parts.map(
      (tensors) => new Map(tensors.map(({ name, data }) => [name, Uint8Array.from(data)])),
    );
    const gatewayUs = (sent - started + performance.now() - received) * 1000;
    return { outputs, deviceUs: executed.timing.inferUs, gatewayUs };
  } finally {
    executed.release();
  }
}
