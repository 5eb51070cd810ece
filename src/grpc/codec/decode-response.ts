/**
 * ModelInferResponse from the wire, as a client reads it: for the load generator
 * and for tests. Also answers of other servers, which may fill `contents`.
 */

import { NO_BYTES, onePiece } from "../../inference/pieces.ts";
import type { Parameters, Pieces } from "../../inference/request.ts";
import { gather } from "./gather.ts";
import { MAX_TENSORS, tooMany } from "./limits.ts";
import { ParameterMap } from "./parameters.ts";
import { readTensorHeader, type TensorHeader } from "./tensor-header.ts";
import { rawFromContents } from "./typed-contents.ts";
import { asBuffer, WireReader } from "./wire.ts";

const RAW_OUTPUT_CONTENTS = 0x32;
const LAST_FIELD = 6;

export interface DecodedOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters: Parameters | undefined;
  /** Views of the message, or typed contents turned into raw bytes. */
  readonly data: Pieces;
}

export interface DecodedResponse {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: Parameters | undefined;
  readonly outputs: readonly DecodedOutput[];
}

export interface DecodedStreamResponse {
  /** Empty: `response` is good. */
  readonly errorMessage: string;
  readonly response: DecodedResponse | undefined;
}

/** @throws StatusError where the bytes are no such message */
export function decodeInferResponse(message: Pieces): DecodedResponse {
  const only = message.pieces[0];
  if (only !== undefined && message.pieces.length === 1) {
    return readResponse(new WireReader(asBuffer(only)), []);
  }
  const { header, raw } = gather(message, RAW_OUTPUT_CONTENTS, LAST_FIELD);
  return readResponse(new WireReader(header), raw);
}

/** @param message in one piece. @throws StatusError where the bytes are no such message */
export function decodeStreamResponse(message: Uint8Array): DecodedStreamResponse {
  const reader = new WireReader(asBuffer(message));
  let errorMessage = "";
  let response: DecodedResponse | undefined;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        errorMessage = reader.text();
        break;
      case 0x12:
        response = decodeInferResponse(onePiece(reader.bytes()));
        break;
      default:
        reader.skip(tag);
    }
  }
  return { errorMessage, response };
}

function readResponse(reader: WireReader, raw: Pieces[]): DecodedResponse {
  let model = "";
  let version = "";
  let id = "";
  let parameters: ParameterMap | undefined;
  const headers: TensorHeader[] = [];
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        model = reader.name();
        break;
      case 0x12:
        version = reader.name();
        break;
      case 0x1a:
        id = reader.text();
        break;
      case 0x22:
        parameters ??= new ParameterMap();
        parameters.readEntry(reader);
        break;
      case 0x2a:
        if (headers.length >= MAX_TENSORS) throw tooMany("outputs", MAX_TENSORS);
        headers.push(readTensorHeader(reader));
        break;
      case RAW_OUTPUT_CONTENTS:
        if (raw.length >= MAX_TENSORS) throw tooMany("raw tensors", MAX_TENSORS);
        raw.push(onePiece(reader.bytes()));
        break;
      default:
        reader.skip(tag);
    }
  }
  const outputs = headers.map((header, index) => ({
    name: header.name,
    datatype: header.datatype,
    shape: header.shape,
    parameters: header.parameters?.values,
    data: dataOf(header, raw[index], model),
  }));
  return { model, version, id, parameters: parameters?.values, outputs };
}

function dataOf(header: TensorHeader, raw: Pieces | undefined, model: string): Pieces {
  if (raw !== undefined) return raw;
  if (header.contents === undefined) return NO_BYTES;
  return rawFromContents(header.contents, header.name, header.datatype, model);
}
