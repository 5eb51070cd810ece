/**
 * A decoupled model in the manner of Triton's `repeat_int32` example: a response
 * for every element of its first input, each after a delay of its own.
 *
 *   inputs:  values INT32[n], delays UINT32[n] in ms, wait UINT32[1] in ms
 *   outputs: value INT32[1], its position UINT32[1]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BackendError, type Execution, type ModelVariant, type Tensor } from "../contract.ts";

/** Longest time of a timer, 24 days; a delay of UINT32 may be twice that. */
const LONGEST_MS = 2 ** 31 - 1;
const INPUTS = "INT32,UINT32,UINT32";
const OUTPUTS = "INT32,UINT32";

/** @throws BackendError `artifact` unless the variant takes and gives the tensors above, for one request at a time. */
export function checkRepeatable({ inputs, outputs, maxBatchSize, decoupled }: ModelVariant): void {
  const datatypes = (specs: ModelVariant["inputs"]) => specs.map((spec) => spec.datatype).join();
  const fits = datatypes(inputs) === INPUTS && datatypes(outputs) === OUTPUTS;
  if (fits && maxBatchSize === 0 && decoupled === true) return;
  throw new BackendError(
    "artifact",
    `mode repeat_elements: needs inputs ${INPUTS} and outputs ${OUTPUTS} in this order, max_batch_size 0 and model_transaction_policy { decoupled: true }`,
  );
}

/** Resolves after the last response, and not before the wait is over. @throws BackendError `input`. */
export async function repeatElements(
  execution: Execution,
  variant: ModelVariant,
  emit: (member: number, outputs: readonly Tensor[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const [values, delays, wait] = execution.inputs.map(numbers);
  if (!values || !delays || !wait || values.length !== delays.length || wait.length !== 1) {
    const lengths = execution.inputs.map(({ name, shape }) => `${name} [${shape.join(",")}]`);
    throw new BackendError(
      "input",
      `expected as many delays as values and one wait, got ${lengths.join(", ")}`,
    );
  }
  const waited = pause(wait[0] ?? 0, signal);
  for (const [position, value] of values.entries()) {
    await pause(delays[position] ?? 0, signal);
    if (signal.aborted) break;
    await emit(0, response(execution, variant, value, position));
  }
  await waited;
}

/** Ends early, without a word, where nobody waits any more. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(Math.min(ms, LONGEST_MS), undefined, { signal }).catch(() => {});
}

function response(
  { outputs }: Execution,
  variant: ModelVariant,
  value: number,
  position: number,
): Tensor[] {
  const made = [value, position].map((number, i) => {
    const data = Buffer.alloc(4);
    if (i === 0) data.writeInt32LE(number);
    else data.writeUInt32LE(number);
    const { name = "", datatype = "INT32" } = variant.outputs[i] ?? {};
    return { name, datatype, shape: [1], data };
  });
  return made.filter(({ name }) => outputs.includes(name));
}

function numbers({ datatype, data }: Tensor): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const all: number[] = [];
  for (let at = 0; at + 4 <= data.byteLength; at += 4) {
    all.push(datatype === "INT32" ? view.getInt32(at, true) : view.getUint32(at, true));
  }
  return all;
}
