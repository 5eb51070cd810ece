/**
 * What the sequence batcher tells a model of each row: whether its sequence
 * starts, ends, whether there is a request at all, and whose it is. One element
 * a row; a request of a sequence has one row.
 */
import { StatusError } from "../errors.ts";
import { encodeBytesTensor } from "./bytes-tensor.ts";
import { elementSizeBytes } from "./datatypes.ts";
import type { MadeInput, MadeTensor } from "./made-inputs.ts";
import type { InferRequest, ModelSignature, SequenceMark } from "./request.ts";

type ControlInput = Extract<MadeInput, { readonly from: "sequence" }>;

const NOBODY: SequenceMark = { id: 0n, start: false, end: false, ready: false };

/** `input` for these requests, a row each. */
export function controlInput(input: ControlInput, requests: readonly InferRequest[]): MadeTensor {
  const elements = requests.map(({ sequence = NOBODY }) => {
    if (input.values === undefined) return idElement(sequence, input.spec.datatype);
    return holds(input.control, sequence) ? input.values.true : input.values.false;
  });
  const batched = (requests[0]?.signature.maxBatchSize ?? 0) > 0;
  return { shape: batched ? [elements.length, 1] : [1], data: Buffer.concat(elements) };
}

function holds(control: ControlInput["control"], { start, end, ready = true }: SequenceMark) {
  if (control === "READY") return ready;
  return control === "START" ? start : end;
}

/**
 * Whether the model can be told this id. Triton does not ask: it writes a text over the
 * number and past its end, and cuts off the high bits of a number, so that two sequences
 * are one to the model.
 * @throws StatusError INVALID_ARGUMENT
 */
export function checkCorrelation(signature: ModelSignature, { id }: SequenceMark): void {
  const corrid = signature.made?.find(
    (input) => input.from === "sequence" && input.control === "CORRID",
  );
  if (corrid === undefined) return;
  const { name, datatype } = corrid.spec;
  if (datatype === "BYTES") return;
  if (typeof id === "bigint" && fits(id, datatype)) return;
  const what = typeof id === "bigint" ? "does not fit" : "is a string, which does not fit";
  throw new StatusError(
    "INVALID_ARGUMENT",
    `inference request for sequence ${id} to model '${signature.name}': its correlation ID ${what} ` +
      `control input '${name}' of data-type ${datatype}`,
  );
}

/** A number below zero came as the uint64 of the same bits. */
function fits(id: bigint, datatype: string): boolean {
  if (datatype === "UINT32") return id < 2n ** 32n;
  if (datatype === "INT32") return BigInt.asIntN(32, id) === BigInt.asIntN(64, id);
  return true;
}

function idElement({ id }: SequenceMark, datatype: string): Uint8Array {
  if (datatype === "BYTES") return encodeBytesTensor([Buffer.from(String(id))]);
  // An INT64 is the same 64 bits, which is how the client sent it; the low ones come first.
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(typeof id === "bigint" ? id : 0n);
  return bytes.subarray(0, elementSizeBytes(datatype));
}
