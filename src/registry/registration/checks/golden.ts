import { toStatusError } from "../../../errors.ts";
import { shapeText } from "../../../inference/datatypes.ts";
import type { ClientTensorSpec, ModelSignature } from "../../../inference/request.ts";
import { type NpzArray, openNpz } from "../../../npz/read-npz.ts";
import { type Check, failed, passed, skipped } from "../check.ts";
import { configurationOrReason } from "../configuration.ts";

/** The golden files are npz files with rows of the version's tensors. What is in the rows is the gate's business. */
export const goldenCheck: Check = {
  name: "golden",
  needs: ["config"],
  async run(context) {
    const { candidate } = context;
    const { golden } = candidate;
    if (golden === undefined) return skipped("no golden files were given");
    const settled = configurationOrReason(context);
    if (typeof settled === "string" || settled.signature === undefined) {
      return skipped("there is no configuration to compare them with");
    }
    const names = [golden.inputs, golden.outputs] as const;
    try {
      const inputs = await arraysOf(golden.inputs);
      const outputs = await arraysOf(golden.outputs);
      const problem = problemOf(settled.signature, inputs, outputs);
      if (problem !== undefined) return failed(problem, REMEDY);
      const rows = rowsOf(inputs, settled.signature.inputs);
      return passed(`${rows} rows`);
    } catch (thrown) {
      const { message } = toStatusError(thrown);
      const shown = message
        .replaceAll(`'${names[0]}'`, "the file of inputs")
        .replaceAll(`'${names[1]}'`, "the file of outputs");
      return failed(shown, REMEDY);
    }
  },
};

const REMEDY =
  "save them with numpy.savez, an array a tensor, axis 0 = rows, in the tensors' datatypes";

async function arraysOf(path: string): Promise<readonly NpzArray[]> {
  const file = await openNpz(path);
  file.close();
  return file.arrays;
}

function problemOf(
  { inputs, outputs, maxBatchSize }: ModelSignature,
  given: readonly NpzArray[],
  expected: readonly NpzArray[],
): string | undefined {
  const needed = inputs.filter(({ optional }) => optional !== true);
  const absent = needed.find(({ name }) => !given.some((array) => array.name === name));
  if (absent !== undefined) return `the file of inputs has no array '${absent.name}'`;
  const known = outputs.filter(({ name }) => expected.some((array) => array.name === name));
  if (known.length === 0) return "the file of outputs has no array of an output of the version";
  for (const [tensors, arrays] of [
    [inputs, given],
    [outputs, expected],
  ] as const) {
    for (const tensor of tensors) {
      const array = arrays.find(({ name }) => name === tensor.name);
      const problem = array && problemOfArray(array, tensor, maxBatchSize > 0);
      if (problem !== undefined) return problem;
    }
  }
  const rows = rowsOf(given, inputs);
  const other = [...needed, ...known]
    .map(({ name }) => [...given, ...expected].find((array) => array.name === name))
    .find((array) => array !== undefined && array.shape[0] !== rows);
  if (other !== undefined)
    return `array '${other.name}' has ${other.shape[0]} rows, another has ${rows}`;
  return rows > 0 ? undefined : "there are no rows";
}

function problemOfArray(
  { name, datatype, shape }: NpzArray,
  tensor: ClientTensorSpec,
  batched: boolean,
): string | undefined {
  if (datatype !== tensor.datatype) {
    return `array '${name}' is ${datatype}, the tensor ${tensor.datatype}`;
  }
  const row = shape.slice(1);
  const agrees =
    !batched ||
    tensor.ragged === true ||
    (row.length === tensor.shape.length &&
      tensor.shape.every((length, axis) => length === -1 || length === row[axis]));
  if (agrees && shape.length > 0) return undefined;
  return `array '${name}' has shape ${shapeText(shape)}, expected ${shapeText([-1, ...tensor.shape])}`;
}

function rowsOf(arrays: readonly NpzArray[], inputs: readonly ClientTensorSpec[]): number {
  return arrays.find(({ name }) => inputs.some((tensor) => tensor.name === name))?.shape[0] ?? 0;
}
