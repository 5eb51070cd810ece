/**
 * The parameters of a response. Those that all answers of an instance share are encoded once
 * and copied; before them go the two numbers of an answer, behind bytes that never change.
 *
 *     0x22 length │ 0x0a length key │ 0x12 length │ 0x10 varint
 */
import { BATCH_SIZE, QUEUE_US } from "../../inference/provenance.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { parametersSize, writeParameters } from "./parameters.ts";
import { textFieldSize, varintSize, writeTextField, writeVarint } from "./write.ts";

type Told = Pick<InferResponse, "parameters" | "batchRows" | "queueUs">;

/** Field 4 of a ModelInferResponse. */
const PARAMETERS = 0x22;
const BATCH_KEY = keyField(BATCH_SIZE);
const QUEUE_KEY = keyField(QUEUE_US);
/** Around a key and a value: tag and length of the entry and of the value, tag of the number. */
const AROUND_BYTES = 5;

const known = new WeakMap<Parameters, Buffer>();
let lastParameters: Parameters | undefined;
let lastBytes: Buffer = Buffer.alloc(0);

export function responseParametersSize(told: Told): number {
  const { parameters } = told;
  return (parameters === undefined ? 0 : bytesOf(parameters).length) + responseNumbersSize(told);
}

export function writeResponseParameters(target: Buffer, offset: number, told: Told): number {
  const at = writeResponseNumbers(target, offset, told);
  if (told.parameters === undefined) return at;
  const bytes = bytesOf(told.parameters);
  target.set(bytes, at);
  return at + bytes.length;
}

/** Without the parameters that are shared. */
export function responseNumbersSize({ batchRows, queueUs }: Told): number {
  const size = batchRows === undefined ? 0 : numberSize(BATCH_KEY, batchRows);
  return queueUs === undefined ? size : size + numberSize(QUEUE_KEY, queueUs);
}

export function writeResponseNumbers(
  target: Buffer,
  offset: number,
  { batchRows, queueUs }: Told,
): number {
  let at = offset;
  if (batchRows !== undefined) at = writeNumber(target, at, BATCH_KEY, batchRows);
  if (queueUs !== undefined) at = writeNumber(target, at, QUEUE_KEY, queueUs);
  return at;
}

function numberSize(key: Buffer, value: number): number {
  return AROUND_BYTES + key.length + varintSize(value);
}

function writeNumber(target: Buffer, offset: number, key: Buffer, value: number): number {
  const valueBytes = 1 + varintSize(value);
  target[offset] = PARAMETERS;
  target[offset + 1] = key.length + 2 + valueBytes;
  let at = offset + 2;
  // Shorter than what a call into native code pays for.
  for (let i = 0; i < key.length; i++) target[at + i] = key[i] ?? 0;
  at += key.length;
  target[at] = 0x12;
  target[at + 1] = valueBytes;
  target[at + 2] = 0x10;
  return writeVarint(target, at + 3, value);
}

/** Entries of the map, each with its tag. */
function bytesOf(parameters: Parameters): Buffer {
  if (parameters === lastParameters) return lastBytes;
  let bytes: Buffer | undefined = known.get(parameters);
  if (bytes === undefined) {
    // Not from the pool of small buffers: it stays for long.
    bytes = Buffer.alloc(parametersSize(parameters));
    writeParameters(bytes, 0, PARAMETERS, parameters);
    known.set(parameters, bytes);
  }
  lastParameters = parameters;
  lastBytes = bytes;
  return bytes;
}

function keyField(key: string): Buffer {
  const bytes = Buffer.alloc(textFieldSize(key));
  writeTextField(bytes, 0, 0x0a, key);
  return bytes;
}
