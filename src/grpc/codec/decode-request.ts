/**
 * ModelInferRequest from the wire. Raw tensors become views of the bytes that
 * arrived; nothing of them is copied, whether the message came in one piece or many.
 */
import { StatusError, toStatusError } from "../../errors.ts";
import { onePiece } from "../../inference/pieces.ts";
import type {
  Parameters,
  Pieces,
  WireInput,
  WireOutput,
  WireRequest,
} from "../../inference/request.ts";
import { valueMissing } from "../../inference/request-parameters.ts";
import { sharedRangeOf } from "../../inference/shared-memory.ts";
import type { SharedRange } from "../../inference/shared-regions.ts";
import { gather } from "./gather.ts";
import { MAX_TENSORS, tooMany } from "./limits.ts";
import { ParameterMap } from "./parameters.ts";
import { readTensorHeader, type TensorHeader } from "./tensor-header.ts";
import { rawFromContents } from "./typed-contents.ts";
import { asBuffer, WireReader } from "./wire.ts";

const RAW_INPUT_CONTENTS = 0x3a;
const LAST_FIELD = 7;

/** The message as it stands on the wire, before tensors met their data. */
interface Fields {
  model: string;
  version: string;
  id: string;
  parameters: ParameterMap | undefined;
  readonly inputs: TensorHeader[];
  readonly outputs: WireOutput[];
  readonly raw: Pieces[];
}

/** @throws StatusError INTERNAL where the bytes are no such message, INVALID_ARGUMENT where it holds too much */
export function decodeInferRequest(message: Pieces): WireRequest {
  const only = message.pieces[0];
  if (only !== undefined && message.pieces.length === 1) {
    return assemble(readFields(asBuffer(only), []));
  }
  const { header, raw } = gather(message, RAW_INPUT_CONTENTS, LAST_FIELD);
  return assemble(readFields(header, raw));
}

function readFields(buffer: Buffer, raw: Pieces[]): Fields {
  const reader = new WireReader(buffer);
  const fields: Fields = {
    model: "",
    version: "",
    id: "",
    parameters: undefined,
    inputs: [],
    outputs: [],
    raw,
  };
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        fields.model = reader.name();
        break;
      case 0x12:
        fields.version = reader.name();
        break;
      case 0x1a:
        fields.id = reader.text();
        break;
      case 0x22:
        fields.parameters ??= new ParameterMap();
        fields.parameters.readEntry(reader);
        break;
      case 0x2a:
        if (fields.inputs.length >= MAX_TENSORS) throw tooMany("inputs", MAX_TENSORS);
        fields.inputs.push(readTensorHeader(reader));
        break;
      case 0x32:
        if (fields.outputs.length >= MAX_TENSORS) throw tooMany("outputs", MAX_TENSORS);
        fields.outputs.push(readOutput(reader));
        break;
      case RAW_INPUT_CONTENTS:
        if (raw.length >= MAX_TENSORS) throw tooMany("raw tensors", MAX_TENSORS);
        raw.push(onePiece(reader.bytes()));
        break;
      default:
        reader.skip(tag);
    }
  }
  return fields;
}

function readOutput(reader: WireReader): WireOutput {
  const outer = reader.enter();
  let name = "";
  let parameters: ParameterMap | undefined;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        name = reader.name();
        break;
      case 0x12:
        parameters ??= new ParameterMap();
        parameters.readEntry(reader);
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return { name, parameters: parameters?.values };
}

/** Gives every input its data, in Triton's order; the first that goes wrong is what the client hears. */
function assemble(fields: Fields): WireRequest {
  const { parameters } = fields;
  let dataError: StatusError | undefined;
  if (parameters?.emptyKey !== undefined) dataError = valueMissing(parameters.emptyKey);
  let nextRaw = 0;
  const inputs: WireInput[] = [];
  for (const header of fields.inputs) {
    const tensorParameters: Parameters | undefined = header.parameters?.values;
    let data: Pieces | undefined;
    let shared: SharedRange | undefined;
    if (dataError === undefined) {
      const range = sharedRangeOf(header.name, tensorParameters);
      if (range instanceof StatusError) dataError = range;
      else if (range !== undefined) {
        if (header.contents === undefined) shared = range;
        else dataError = contentsAndShared(header, fields);
      } else if (header.contents !== undefined) {
        try {
          data = typedData(header, header.contents, fields);
        } catch (thrown) {
          // No message at all is refused at once; what does not fit waits for its turn.
          const error = toStatusError(thrown);
          if (error.code !== "INVALID_ARGUMENT") throw error;
          dataError = error;
        }
      } else {
        data = fields.raw[nextRaw++];
        if (data === undefined) {
          dataError = invalid(
            `unable to find data for input tensor '${header.name}' for model '${fields.model}' in request.`,
          );
        }
      }
    }
    inputs.push({
      name: header.name,
      datatype: header.datatype,
      shape: header.shape,
      parameters: tensorParameters,
      data,
      shared,
    });
  }
  return {
    model: fields.model,
    version: fields.version,
    id: fields.id,
    parameters: parameters?.values,
    inputs,
    outputs: fields.outputs,
    dataError,
  };
}

function typedData(
  header: TensorHeader,
  contents: NonNullable<TensorHeader["contents"]>,
  fields: Fields,
): Pieces {
  if (fields.raw.length > 0) {
    throw invalid(
      `contents field must not be specified when using raw_input_contents for '${header.name}' for model '${fields.model}'`,
    );
  }
  return rawFromContents(contents, header.name, header.datatype, fields.model);
}

function contentsAndShared(header: TensorHeader, fields: Fields): StatusError {
  return invalid(
    `unexpected 'content' provided when using shared memory for input tensor '${header.name}' for model '${fields.model}'`,
  );
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
