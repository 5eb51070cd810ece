/**
 * The JSON of a connection's requests is mostly that of the request before, as only the raw tensors
 * behind it differ: then it is not parsed again.
 */
import { NO_BYTES, onePiece } from "../../inference/pieces.ts";
import type { ModelSignature, WireInput, WireRequest } from "../../inference/request.ts";
import type { OutputForms } from "../infer/output-form.ts";
import { readInferBody } from "../infer/read-body.ts";
import type { InferBody, RequestPlace } from "../infer/read-request.ts";

/** A longer one holds tensors, or is rare. */
const LONGEST_JSON_BYTES = 2048;

/** What a request's JSON says, without a byte of its tensors. */
interface Known {
  readonly json: Buffer;
  readonly wire: WireRequest;
  readonly outputs: OutputForms;
  /** Raw bytes of each of `wire.inputs`; undefined: they lie elsewhere. */
  readonly sizes: readonly (number | undefined)[];
  /** Of the whole body. */
  readonly byteLength: number;
}

export class LastRequest {
  #known: Known | undefined;

  /**
   * As `readInferBody`, of a body in one piece.
   * @throws StatusError
   */
  read(
    body: Uint8Array,
    jsonBytes: number,
    signature: ModelSignature,
    place: RequestPlace,
  ): InferBody {
    const known = this.#known;
    if (known !== undefined && says(known, body, jsonBytes, place)) {
      const { id, parameters, outputs } = known.wire;
      const inputs = inputsOf(known, body, jsonBytes);
      const { model, version } = place;
      return {
        wire: { model, version, id, parameters, inputs, outputs, dataError: undefined },
        outputs: known.outputs,
      };
    }
    this.#known = undefined;
    const whole = body.byteLength > 0 ? onePiece(body) : NO_BYTES;
    const read = readInferBody(whole, jsonBytes, signature, place);
    if (jsonBytes > 0 && jsonBytes <= LONGEST_JSON_BYTES) this.#keep(read, body, jsonBytes);
    return read;
  }

  #keep({ wire, outputs }: InferBody, body: Uint8Array, jsonBytes: number): void {
    const { byteLength } = body;
    const sizes = wire.inputs.map(({ data }) => data?.byteLength);
    // Otherwise tensors are in the JSON itself.
    if (sumOf(sizes) !== byteLength - jsonBytes) return;
    const inputs = wire.inputs.map((input) => ({ ...input, data: undefined }));
    const json = Buffer.from(body.subarray(0, jsonBytes));
    this.#known = { json, wire: { ...wire, inputs }, outputs, sizes, byteLength };
  }
}

function says(
  { json, wire, byteLength }: Known,
  body: Uint8Array,
  jsonBytes: number,
  { model, version }: RequestPlace,
): boolean {
  if (json.length !== jsonBytes || byteLength !== body.byteLength) return false;
  if (wire.model !== model || wire.version !== version) return false;
  return json.compare(body, 0, jsonBytes) === 0;
}

function inputsOf({ wire, sizes }: Known, body: Uint8Array, jsonBytes: number): WireInput[] {
  let at = jsonBytes;
  return wire.inputs.map((input, index) => {
    const size = sizes[index];
    if (size === undefined) return input;
    const { name, datatype, shape, parameters } = input;
    const data = size === 0 ? NO_BYTES : onePiece(body.subarray(at, at + size));
    at += size;
    return { name, datatype, shape, parameters, data };
  });
}

function sumOf(sizes: readonly (number | undefined)[]): number {
  let sum = 0;
  for (const size of sizes) sum += size ?? 0;
  return sum;
}
