/** One input of a request against what its model expects: datatype, shape, bytes. */
import { StatusError } from "../errors.ts";
import { scanBytesTensor } from "./bytes-tensor.ts";
import { protocolName, shapeText } from "./datatypes.ts";
import type { InputTensor, ModelSignature, WireInput } from "./request.ts";
import type { InputFacts } from "./signature-facts.ts";

const LARGEST = 2n ** 63n - 1n;

/**
 * Triton's checks of a single input, in its order. The batch axis was compared before.
 * @param prefix `[request id: ID] `
 * @throws StatusError INVALID_ARGUMENT with Triton's text
 */
export function checkInput(
  input: WireInput,
  facts: InputFacts,
  signature: ModelSignature,
  prefix: () => string,
): InputTensor {
  const { spec } = facts;
  if (input.datatype !== spec.datatype) {
    throw invalid(
      `${prefix()}inference input '${input.name}' data-type is '${protocolName(input.datatype)}', but model '${signature.name}' expects '${spec.datatype}'`,
    );
  }
  checkShape(input, facts, signature, prefix);
  const elements = countElements(input, facts);
  const data = input.data;
  if (data === undefined) {
    throw invalid(
      `unable to find data for input tensor '${input.name}' for model '${signature.name}' in request.`,
    );
  }
  if (spec.datatype === "BYTES") {
    checkBytesElements(input, elements, signature, prefix);
  } else if (data.byteLength !== elements * facts.elementBytes) {
    throw invalid(
      `${prefix()}input byte size mismatch for input '${input.name}' for model '${signature.name}'. Expected ${exactByteSize(input, facts)}, got ${data.byteLength}`,
    );
  }
  return { index: facts.index, datatype: spec.datatype, shape: input.shape, data };
}

function checkShape(
  input: WireInput,
  { spec }: InputFacts,
  signature: ModelSignature,
  prefix: () => string,
): void {
  const batched = signature.maxBatchSize > 0 && spec.shapeTensor !== true;
  const skipped = batched ? 1 : 0;
  let fits = spec.shape.length === input.shape.length - skipped;
  for (let axis = 0; fits && axis < spec.shape.length; axis++) {
    const dimension = input.shape[axis + skipped];
    if (dimension === -1) {
      throw invalid(
        `${prefix()}All input dimensions should be specified for input '${input.name}' for model '${signature.name}', got ${shapeText(input.shape)}`,
      );
    }
    const expected = spec.shape[axis];
    fits = expected === -1 || expected === dimension;
  }
  if (fits) return;
  const expected = shapeText(batched ? [-1, ...spec.shape] : spec.shape);
  const note = batched
    ? "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size."
    : "";
  throw invalid(
    `${prefix()}unexpected shape for input '${input.name}' for model '${signature.name}'. Expected ${expected}, got ${shapeText(input.shape)}. ${note}`,
  );
}

/** Infinity where the number is too large for any data to have it. */
function countElements(input: WireInput, facts: InputFacts): number {
  let elements = 1;
  for (const dimension of input.shape) {
    if (dimension < 0) {
      const where = facts.elementBytes === 0 ? " in shape" : "";
      throw invalid(
        `tensor '${input.name}' contains an invalid dimension${where} ${shapeText(input.shape)}`,
      );
    }
    elements *= dimension;
  }
  if (elements * Math.max(facts.elementBytes, 1) <= Number.MAX_SAFE_INTEGER) return elements;
  if (exactByteSize(input, facts) > LARGEST) {
    const what = facts.elementBytes === 0 ? "element count" : "byte size";
    throw invalid(`${what} for tensor '${input.name}' exceeds maximum size of ${LARGEST}`);
  }
  return Number.POSITIVE_INFINITY;
}

/** For texts only: exact where a number is not. Counts elements where the datatype has no fixed size. */
function exactByteSize(input: WireInput, facts: InputFacts): bigint {
  return input.shape.reduce(
    (product, dimension) => product * BigInt(dimension),
    BigInt(Math.max(facts.elementBytes, 1)),
  );
}

function checkBytesElements(
  input: WireInput,
  expected: number,
  signature: ModelSignature,
  prefix: () => string,
): void {
  if (input.data === undefined) return;
  const scan = scanBytesTensor(input.data, expected);
  const where = `for inference input '${input.name}' for model '${signature.name}'`;
  if (scan.elements > expected) {
    throw invalid(
      `${prefix()}unexpected number of string elements ${scan.elements} ${where}, expecting ${expected}`,
    );
  }
  if (scan.lengthBytesLeft > 0) {
    throw invalid(
      `${prefix()}incomplete string length indicator ${where}, expecting 4 bytes but only ${scan.lengthBytesLeft} bytes available. Please make sure the string length indicator is in one buffer.`,
    );
  }
  if (scan.cutOff !== undefined) {
    // Triton leaves this one to its backends; one batch for several clients must not wait that long.
    const { expected: claimed, available } = scan.cutOff;
    throw invalid(
      `${prefix()}incomplete string data ${where}, expecting string of length ${claimed} but only ${available} bytes available`,
    );
  }
  if (scan.elements !== expected) {
    throw invalid(`${prefix()}expected ${expected} string elements ${where}, got ${scan.elements}`);
  }
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
