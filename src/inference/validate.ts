/**
 * A decoded request against its model: Triton's checks, in Triton's order, with
 * Triton's texts (`SetInferenceRequestMetadata`, `InferGRPCToInput`,
 * `InferenceRequest::Normalize`). What comes out fits its model.
 */
import { StatusError } from "../errors.ts";
import { checkInput } from "./check-input.ts";
import { deliveriesOf } from "./deliveries.ts";
import { joinPieces } from "./pieces.ts";
import type {
  InferRequest,
  InputTensor,
  ModelSignature,
  WireInput,
  WireRequest,
} from "./request.ts";
import { readRequestParameters } from "./request-parameters.ts";
import { withSharedBytes } from "./shared-inputs.ts";
import type { RegionLookup, SharedBytes } from "./shared-regions.ts";
import { factsOf, type SignatureFacts } from "./signature-facts.ts";

/** Unary ModelInfer has one answer; called before `checkRequest`, where Triton does. */
export function requireOneResponse(signature: ModelSignature): void {
  if (!signature.decoupled) return;
  throw new StatusError(
    "UNIMPLEMENTED",
    "ModelInfer RPC doesn't support models with decoupled transaction policy",
  );
}

/**
 * @param regions memory shared with clients; undefined where that is switched off
 * @throws StatusError the first thing that is wrong
 */
export function checkRequest(
  received: WireRequest,
  signature: ModelSignature,
  regions?: RegionLookup,
): InferRequest {
  let wire = received;
  const facts = factsOf(signature);
  const prefix = () => `[request id: ${wire.id === "" ? "<id_unknown>" : wire.id}] `;

  const settings = readRequestParameters(wire.parameters);
  refuseDuplicates(wire.inputs, prefix);
  if (repeatedName(wire.outputs) !== undefined) {
    // An output asked for twice comes once, as it was asked for last.
    const asked = new Map(wire.outputs.map((output) => [output.name, output]));
    wire = { ...wire, outputs: [...asked.values()] };
  }
  if (wire.dataError !== undefined) throw wire.dataError;
  let borrowed: SharedBytes[] | undefined;
  if (wire.inputs.some(isShared)) {
    borrowed = [];
    wire = { ...wire, inputs: withSharedBytes(wire.inputs, regions, borrowed) };
  }
  const deliveries = deliveriesOf(wire.outputs, regions);

  const outputs = findOutputs(wire, signature, facts);
  checkInputCount(wire, signature, facts, prefix);
  const rows = countRows(wire, signature, facts, prefix);
  const inputs: InputTensor[] = [];
  let inOrder = true;
  for (const input of wire.inputs) {
    const known = facts.inputs.get(input.name);
    if (known === undefined) throw unexpectedInput(input, signature);
    const checked = checkInput(input, known, signature, prefix);
    inOrder &&= checked.index > (inputs.at(-1)?.index ?? -1);
    inputs.push(checked);
  }
  if (!inOrder) inputs.sort((a, b) => a.index - b.index);

  return {
    id: wire.id,
    signature,
    inputs,
    outputs,
    rows,
    batchKey: facts.free && signature.maxBatchSize > 0 ? batchKeyOf(inputs, signature) : "",
    reproducible: settings.reproducible,
    alone: settings.reproducible || signature.reproducible || signature.maxBatchSize === 0,
    priority: settings.priority,
    timeoutUs: settings.timeoutUs,
    deliveries,
    borrowed,
    sequence: settings.sequence,
    parameters: settings.custom,
    bundled: wire.bundled,
  };
}

const isShared = ({ shared }: WireInput) => shared !== undefined;

function refuseDuplicates(inputs: readonly WireInput[], prefix: () => string): void {
  const repeated = repeatedName(inputs);
  if (repeated === undefined) return;
  throw invalid(`${prefix()}input '${repeated}' already exists in request`);
}

function repeatedName(tensors: readonly { readonly name: string }[]): string | undefined {
  if (tensors.length < 2) return undefined;
  return tensors.length <= 8 ? repeatedAmongFew(tensors) : repeatedAmongMany(tensors);
}

function repeatedAmongFew(tensors: readonly { readonly name: string }[]): string | undefined {
  for (let i = 1; i < tensors.length; i++) {
    const name = tensors[i]?.name;
    for (let j = 0; j < i; j++) if (tensors[j]?.name === name) return name;
  }
  return undefined;
}

function repeatedAmongMany(tensors: readonly { readonly name: string }[]): string | undefined {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

function findOutputs(
  wire: WireRequest,
  signature: ModelSignature,
  facts: SignatureFacts,
): readonly number[] {
  if (wire.outputs.length === 0) return facts.allOutputs;
  const positions: number[] = [];
  for (const { name } of wire.outputs) {
    const position = facts.outputs.get(name);
    if (position === undefined) {
      throw invalid(`unexpected inference output '${name}' for model '${signature.name}'`);
    }
    positions.push(position);
  }
  return positions;
}

function checkInputCount(
  wire: WireRequest,
  signature: ModelSignature,
  facts: SignatureFacts,
  prefix: () => string,
): void {
  const given = wire.inputs.length;
  const most = signature.inputs.length;
  if (given <= most && given >= facts.requiredInputs) return;
  const missing = signature.inputs
    .filter((spec) => spec.optional !== true && !wire.inputs.some((i) => i.name === spec.name))
    .map((spec) => `'${spec.name}'`);
  const got = wire.inputs.map((input) => `'${input.name}'`);
  const expected =
    most === facts.requiredInputs
      ? `expected ${most} inputs`
      : `expected number of inputs between ${facts.requiredInputs} and ${most}`;
  // A list of nothing loses its opening bracket in Triton; its tests rely on the text.
  const missingText = missing.length === 0 ? "]" : `[${missing.join(",")}]`;
  throw invalid(
    `${prefix()}${expected} but got ${given} inputs for model '${signature.name}'. Got input(s) [${got.join(",")}], but missing required input(s) ${missingText}. Please provide all required input(s).`,
  );
}

function countRows(
  wire: WireRequest,
  signature: ModelSignature,
  facts: SignatureFacts,
  prefix: () => string,
): number {
  if (signature.maxBatchSize === 0) return 1;
  let rows: number | undefined;
  for (const input of wire.inputs) {
    const known = facts.inputs.get(input.name);
    if (known === undefined) throw unexpectedInput(input, signature);
    if (known.spec.shapeTensor === true) continue;
    const first = input.shape[0];
    if (first === undefined) {
      throw invalid(
        `${prefix()}input '${input.name}' has no shape but model requires batch dimension for '${signature.name}'`,
      );
    }
    rows ??= first;
    if (rows !== first) {
      throw invalid(
        `${prefix()}input '${input.name}' batch size does not match other inputs for '${signature.name}'`,
      );
    }
  }
  // Every input is optional and none was given: there is nothing to run on.
  rows ??= 0;
  // Triton reads a negative batch size as unsigned, hence as too large.
  if (rows > signature.maxBatchSize || rows < 0) {
    throw invalid(
      `${prefix()}inference request batch-size must be <= ${signature.maxBatchSize} for '${signature.name}'`,
    );
  }
  if (rows === 0) {
    throw invalid(`${prefix()}inference request batch-size must be >= 1 for '${signature.name}'`);
  }
  return rows;
}

function batchKeyOf(inputs: readonly InputTensor[], signature: ModelSignature): string {
  let key = "";
  for (const { index, shape, data } of inputs) {
    const spec = signature.inputs[index];
    key += `${index}:`;
    if (spec?.ragged === true) continue;
    if (spec?.shapeTensor === true)
      key += `${shape[0]},${Buffer.from(joinPieces(data)).toString("hex")},`;
    for (let axis = 1; axis < shape.length; axis++) key += `${shape[axis]},`;
  }
  return key;
}

function unexpectedInput(input: WireInput, signature: ModelSignature): StatusError {
  return invalid(`unexpected inference input '${input.name}' for model '${signature.name}'`);
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
