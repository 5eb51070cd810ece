/** Requests as they were recorded, in the order in which they came. */
import { basename } from "node:path";
import { StatusError } from "../../src/errors.ts";
import { linesOf, type TraceLine } from "../arrivals/trace.ts";
import type { ModelShape, Payload, PayloadSource } from "../types.ts";
import { hasBatchAxis } from "./fit-model.ts";

/** @throws StatusError where the trace holds no tensors for the model */
export function recordedPayloads(
  trace: readonly TraceLine[],
  model: ModelShape,
  file: string,
): PayloadSource {
  const batched = hasBatchAxis(model);
  const pool = linesOf(trace, model.name, file)
    .filter((line) => line.inputs !== undefined)
    .map(({ inputs = [] }, key): Payload => {
      const rows = batched ? (inputs[0]?.shape[0] ?? 1) : 1;
      return { key, inputs, rows };
    });
  if (pool.length === 0) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `trace ${file}: no line has \`inputs\` for model ${model.name}; record with tensors`,
    );
  }
  let next = 0;
  return {
    pool,
    describe: `${pool.length} requests recorded in ${basename(file)}, in turn`,
    next() {
      const payload = pool[next] as Payload;
      next = next + 1 === pool.length ? 0 : next + 1;
      return payload;
    },
  };
}
