/** The answer of an infer request: JSON, and behind it the raw outputs that were asked for as such. */
import type { InferResponse, OutputTensor } from "../../inference/request.ts";
import { quoted } from "../json-text.ts";
import type { OutputForms } from "./output-form.ts";
import { parametersJson } from "./response-parameters.ts";
import { tensorElements } from "./write-tensor.ts";

export interface WrittenResponse {
  readonly body: Buffer;
  /** Length of the JSON, where raw outputs follow it. */
  readonly jsonBytes: number | undefined;
}

/**
 * Copies every raw output once; `response` may be reused afterwards.
 * @throws StatusError where an output can't be written as JSON
 */
export function writeInferResponse(response: InferResponse, wanted: OutputForms): WrittenResponse {
  const { id, model, version, outputs } = response;
  let json = id === "" ? "{" : `{"id":${quoted(id)},`;
  json += `"model_name":${quoted(model)},"model_version":${quoted(version)}`;
  const parameters = parametersJson(response);
  if (parameters !== undefined) json += `,"parameters":${parameters}`;
  json += ',"outputs":[';
  let binaryBytes = 0;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i];
    if (output === undefined) continue;
    if (i > 0) json += ",";
    json += head(output);
    switch (wanted.forms[i] ?? wanted.otherwise) {
      case "binary":
        binaryBytes += output.data.byteLength;
        json += `,"parameters":{"binary_data_size":${output.data.byteLength}}}`;
        break;
      case "json":
        json += `,"data":[${tensorElements(output)}]}`;
        break;
      case "shared":
        json += "}";
        break;
    }
  }
  json += "]}";
  const body = Buffer.allocUnsafe(json.length + binaryBytes);
  body.write(json, 0, "latin1");
  if (binaryBytes === 0) return { body, jsonBytes: undefined };
  let at = json.length;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i];
    if (output === undefined || (wanted.forms[i] ?? wanted.otherwise) !== "binary") continue;
    body.set(output.data, at);
    at += output.data.byteLength;
  }
  return { body, jsonBytes: json.length };
}

function head({ name, datatype, shape }: OutputTensor): string {
  return `{"name":${quoted(name)},"datatype":"${datatype}","shape":[${shape.join(",")}]`;
}
