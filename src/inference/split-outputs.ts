/** The outputs of a batch, cut along the batch axis into what each request gets. */
import { StatusError } from "../errors.ts";
import { bytesRowEnds } from "./bytes-tensor.ts";
import { elementSizeBytes } from "./datatypes.ts";
import type { ClientTensorSpec, InferRequest, ModelSignature, OutputTensor } from "./request.ts";
import { scatter } from "./scatter.ts";
import { elementCount, reshaped } from "./shapes.ts";

/** An output of the whole batch. Same shape as the workers' own type. */
export interface BatchOutput {
  /** Position in the signature's outputs. */
  readonly index: number;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * What each request of the batch gets: the outputs it asked for, in the order in
 * which it named them, as views of `outputs`. A model without a batch axis ran
 * for one request, which gets everything as it is.
 * @throws StatusError INTERNAL naming the output, where the model returned one
 * that cannot be parted or left one out
 */
export function splitOutputs(
  signature: ModelSignature,
  requests: readonly InferRequest[],
  outputs: readonly BatchOutput[],
): OutputTensor[][] {
  const byIndex: (BatchOutput | undefined)[] = [];
  for (const output of outputs) byIndex[output.index] = output;
  if (signature.maxBatchSize === 0) {
    if (requests.length > 1) throw new RangeError("a batch of a model without a batch axis");
    return requests.map((request) =>
      request.outputs.map((index) => whole(signature, found(signature, byIndex, index), request)),
    );
  }

  let rows = 0;
  for (const request of requests) rows += request.rows;
  const cuts: Cut[] = [];
  for (const output of outputs) cuts[output.index] = cutOf(signature, output, requests, rows);

  const answers: OutputTensor[][] = [];
  let fromRow = 0;
  for (let member = 0; member < requests.length; member++) {
    const request = requests[member];
    if (request === undefined) continue;
    const toRow = fromRow + request.rows;
    const answer: OutputTensor[] = [];
    for (const index of request.outputs) {
      const cut = cuts[index];
      if (cut === undefined) throw leftOut(signature, index);
      answer.push(cut(fromRow, toRow, member));
    }
    answers.push(answer);
    fromRow = toRow;
  }
  return answers;
}

/** Gives the rows `fromRow` up to `toRow` of an output to the request at position `member`. */
type Cut = (fromRow: number, toRow: number, member: number) => OutputTensor;

/** Checks one output of the batch. */
function cutOf(
  signature: ModelSignature,
  output: BatchOutput,
  requests: readonly InferRequest[],
  rows: number,
): Cut {
  const spec = specAt(signature, output.index);
  if (spec.scatteredLike !== undefined) {
    const parts = scattered(signature, spec, requests, output);
    return (_fromRow, _toRow, member) => {
      const part = parts[member];
      if (part === undefined) throw leftOut(signature, output.index);
      return part;
    };
  }
  if (spec.shapeTensor === true) {
    const { name, datatype } = spec;
    return () => ({ name, datatype, shape: output.shape, data: output.data });
  }
  return rowCutter(signature, spec, output, rows);
}

function rowCutter(
  signature: ModelSignature,
  spec: ClientTensorSpec,
  output: BatchOutput,
  rows: number,
): Cut {
  const { name, datatype } = spec;
  const { data } = output;
  const shape = clientShape(signature, spec, output.shape);
  if (shape[0] !== rows) {
    const returned = shape[0] === undefined ? "no batch axis" : `${shape[0]} rows`;
    throw broken(signature, name, `returned ${returned} for a batch of ${rows}`);
  }
  let elementsPerRow = 1;
  for (let axis = 1; axis < shape.length; axis++) elementsPerRow *= shape[axis] ?? 1;

  let ends: readonly number[] | undefined;
  const rowBytes = elementsPerRow * elementSizeBytes(datatype);
  if (datatype === "BYTES") {
    try {
      ends = bytesRowEnds(data, elementsPerRow, rows);
    } catch (cause) {
      throw broken(signature, name, `returned a BYTES tensor that is broken: ${String(cause)}`);
    }
  } else if (data.byteLength !== rowBytes * rows) {
    throw broken(
      signature,
      name,
      `returned ${data.byteLength} bytes for shape [${shape.join(",")}] of ${datatype}`,
    );
  }
  const start = (row: number) => {
    if (ends === undefined) return row * rowBytes;
    return row === 0 ? 0 : (ends[row - 1] ?? data.byteLength);
  };
  return (fromRow, toRow) => {
    if (fromRow === 0 && toRow === rows) return { name, datatype, shape, data };
    const part = shape.slice();
    part[0] = toRow - fromRow;
    return { name, datatype, shape: part, data: data.subarray(start(fromRow), start(toRow)) };
  };
}

/** The output of a request that ran alone, in a model without a batch axis. */
function whole(
  signature: ModelSignature,
  output: BatchOutput,
  request: InferRequest,
): OutputTensor {
  const spec = specAt(signature, output.index);
  const { name, datatype } = spec;
  const [part] =
    spec.scatteredLike === undefined ? [] : scattered(signature, spec, [request], output);
  const shape = clientShape(signature, spec, output.shape);
  return part ?? { name, datatype, shape, data: output.data };
}

function scattered(
  signature: ModelSignature,
  spec: ClientTensorSpec,
  requests: readonly InferRequest[],
  { data }: BatchOutput,
): OutputTensor[] {
  try {
    return scatter(spec, requests, data, signature.maxBatchSize > 0);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw broken(signature, spec.name, `cannot be parted: ${reason}`);
  }
}

/** `reshape` of an output undone. @throws StatusError INTERNAL where it has another shape than that. */
export function clientShape(
  signature: ModelSignature,
  spec: ClientTensorSpec,
  shape: readonly number[],
): readonly number[] {
  if (spec.modelShape === undefined || spec.scatteredLike !== undefined) return shape;
  const leadingAxes = signature.maxBatchSize > 0 ? 1 : 0;
  const outer = reshaped(shape, spec.modelShape, spec.shape, leadingAxes);
  if (elementCount(outer) === elementCount(shape)) return outer;
  throw broken(
    signature,
    spec.name,
    `returned shape [${shape.join(",")}], which is not [${spec.modelShape.join(",")}] as its reshape says`,
  );
}

function found(
  signature: ModelSignature,
  byIndex: readonly (BatchOutput | undefined)[],
  index: number,
): BatchOutput {
  const output = byIndex[index];
  if (output === undefined) throw leftOut(signature, index);
  return output;
}

function specAt(signature: ModelSignature, index: number): ClientTensorSpec {
  const spec = signature.outputs[index];
  if (spec === undefined) {
    throw new StatusError(
      "INTERNAL",
      `model '${signature.name}' returned an output at position ${index}; it has ${signature.outputs.length}`,
    );
  }
  return spec;
}

function leftOut(signature: ModelSignature, index: number): StatusError {
  return broken(signature, specAt(signature, index).name, "was not returned");
}

function broken(signature: ModelSignature, output: string, what: string): StatusError {
  return new StatusError(
    "INTERNAL",
    `output '${output}' of model '${signature.name}' version ${signature.version} ${what}`,
  );
}
