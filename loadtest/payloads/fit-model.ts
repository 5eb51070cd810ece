/** Generated tensors under the names that the model has for them. */
import { StatusError } from "../../src/errors.ts";
import { shapeText } from "../../src/inference/datatypes.ts";
import type { ModelShape, PayloadTensor } from "../types.ts";

/**
 * By name where the model knows all names, else by position.
 * @throws StatusError that says what the model takes
 */
export function fitModel(
  inputs: readonly PayloadTensor[],
  model: ModelShape,
  what: string,
): PayloadTensor[] {
  const wrong = (text: string) => new StatusError("INVALID_ARGUMENT", `${what}: ${text}`);
  const byName = inputs.every(({ name }) => model.inputs.some((input) => input.name === name));
  if (inputs.length !== model.inputs.length) {
    const names = model.inputs.map(({ name }) => name).join(", ");
    throw wrong(
      `makes ${inputs.length} tensors, model ${model.name} takes ${model.inputs.length} (${names})`,
    );
  }
  return inputs.map((made, at) => {
    const input = byName ? model.inputs.find(({ name }) => name === made.name) : model.inputs[at];
    if (input === undefined) throw wrong(`model ${model.name} has no input ${made.name}`);
    const fits =
      input.datatype === made.datatype &&
      input.shape.length === made.shape.length &&
      input.shape.every((length, axis) => length < 0 || length === made.shape[axis]);
    if (!fits) {
      throw wrong(
        `makes ${made.datatype} ${shapeText(made.shape)}, input '${input.name}' of model ${model.name} takes ${input.datatype} ${shapeText(input.shape)}`,
      );
    }
    return { ...made, name: input.name };
  });
}

/** @throws StatusError where a request would be refused for its rows */
export function checkRows(rows: number, { name, maxBatchSize }: ModelShape, what: string): void {
  if (maxBatchSize === undefined || maxBatchSize === 0 || rows <= maxBatchSize) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `${what}: ${rows} rows in a request, model ${name} takes ${maxBatchSize} at most; pack fewer events, or give fewer rows an event`,
  );
}

/** An open first axis is taken for the batch's where the server does not say how many rows it takes. */
export function hasBatchAxis({ maxBatchSize, inputs }: ModelShape): boolean {
  if (maxBatchSize !== undefined) return maxBatchSize > 0;
  return inputs.length > 0 && inputs.every(({ shape }) => shape[0] === -1);
}
