/** The far model against the model that is to be served by it. */
import { BackendError, type ModelVariant, type TensorSpec } from "../contract.ts";
import type { FarModelMetadata, FarTensorSpec } from "./codec/answers.ts";
import type { FarModelConfig } from "./codec/model-config.ts";

/**
 * @param config undefined: the far server has no such call
 * @throws BackendError `artifact` naming what differs
 */
export function checkAgreement(
  variant: ModelVariant,
  far: FarModelMetadata,
  config: FarModelConfig | undefined,
): void {
  if (variant.decoupled || config?.decoupled) {
    throw wrong("it may give a request several responses, which this backend does not forward");
  }
  if (variant.states !== undefined || config?.hasSequences) {
    throw wrong("its requests belong to sequences, which cannot be forwarded in batches");
  }
  const { maxBatchSize } = variant;
  const most = config?.maxBatchSize ?? 0;
  if (most > 0 && maxBatchSize > most) {
    throw wrong(
      `max_batch_size is ${maxBatchSize} here and ${most} there: make it ${most} or less`,
    );
  }
  for (const input of variant.inputs) compare("input", input, far.inputs, maxBatchSize);
  for (const output of variant.outputs) compare("output", output, far.outputs, maxBatchSize);
  const missing = far.inputs.find(
    ({ name }) =>
      !variant.inputs.some((input) => input.name === name) &&
      config?.inputs.find((input) => input.name === name)?.optional !== true,
  );
  if (missing !== undefined)
    throw wrong(`it needs an input "${missing.name}", which is missing here`);
}

function compare(
  role: string,
  { name, datatype, shape, unbatched }: TensorSpec,
  known: readonly FarTensorSpec[],
  maxBatchSize: number,
): void {
  const there = known.find((candidate) => candidate.name === name);
  if (there === undefined) {
    const names = known.map((candidate) => `"${candidate.name}"`).join(", ") || "none";
    throw wrong(`it has no ${role} "${name}"; it has ${names}`);
  }
  if (there.datatype !== datatype) {
    throw wrong(`${role} "${name}" is ${datatype} here and ${there.datatype} there`);
  }
  const batched = maxBatchSize > 0 && unbatched !== true;
  const full = batched ? [-1, ...shape] : shape;
  if (batched && there.shape[0] !== -1) {
    throw wrong(
      `${role} "${name}" has shape [${there.shape}] there, without a free first axis: ` +
        "rows cannot be joined, so max_batch_size must be 0",
    );
  }
  const agrees =
    full.length === there.shape.length &&
    full.every(
      (length, axis) => length === -1 || there.shape[axis] === -1 || length === there.shape[axis],
    );
  if (!agrees) throw wrong(`${role} "${name}" has shape [${full}] here and [${there.shape}] there`);
}

function wrong(what: string): BackendError {
  return new BackendError("artifact", what);
}
