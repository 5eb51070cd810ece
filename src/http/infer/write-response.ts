/** The answer of an infer request: JSON, and behind it the raw outputs that were asked for as such. */
import type { InferResponse, OutputTensor } from "../../inference/request.ts";
import { quoted } from "../json-text.ts";
import type { OutputForms } from "./output-form.ts";
import { parametersJson, type Told } from "./response-parameters.ts";
import { tensorElements } from "./write-tensor.ts";

export interface WrittenResponse {
  /** JSON that is not long; a character for each byte. */
  readonly text: string;
  /** What follows the text: raw outputs, or everything. */
  readonly rest: Buffer;
  /** Length of the JSON, where raw outputs follow it. */
  readonly jsonBytes: number | undefined;
}

/** One buffer with all of it. */
export interface WholeResponse {
  readonly body: Buffer;
  /** Length of the JSON, where raw outputs follow it. */
  readonly jsonBytes: number | undefined;
}

/** The JSON of an answer without its parameters. */
export interface ResponseFrame {
  readonly before: string;
  readonly behind: string;
  readonly rawBytes: number;
}

const NOTHING = Buffer.alloc(0);
/** Longer JSON is bytes at once: an answer may wait long for those before it, and strings wait in the heap. */
const LONGEST_TEXT = 16 * 1024;

/**
 * Copies every raw output once; `response` may be reused afterwards.
 * @throws StatusError where an output can't be written as JSON
 */
export function writeInferResponse(response: InferResponse, wanted: OutputForms): WrittenResponse {
  const frame = frameOf(response, wanted);
  const text = framedJson(response, frame);
  const jsonBytes = frame.rawBytes > 0 ? text.length : undefined;
  if (text.length > LONGEST_TEXT) {
    return { text: "", rest: wholeBody(text, response, wanted, frame), jsonBytes };
  }
  return { text, rest: rawOutputs(response, wanted, frame.rawBytes), jsonBytes };
}

/**
 * As `writeInferResponse`, in one buffer.
 * @throws StatusError where an output can't be written as JSON
 */
export function wholeInferResponse(response: InferResponse, wanted: OutputForms): WholeResponse {
  const frame = frameOf(response, wanted);
  const json = framedJson(response, frame);
  const jsonBytes = frame.rawBytes > 0 ? json.length : undefined;
  return { body: wholeBody(json, response, wanted, frame), jsonBytes };
}

function wholeBody(
  json: string,
  { outputs }: InferResponse,
  wanted: OutputForms,
  { rawBytes }: ResponseFrame,
): Buffer {
  const body = Buffer.allocUnsafe(json.length + rawBytes);
  body.write(json, 0, "latin1");
  copyRaw(outputs, wanted, body, json.length);
  return body;
}

/** @throws StatusError where an output can't be written as JSON */
export function frameOf(response: InferResponse, wanted: OutputForms): ResponseFrame {
  const { id, model, version, outputs } = response;
  const identity = id === "" ? "" : `"id":${quoted(id)},`;
  const before = `{${identity}"model_name":${quoted(model)},"model_version":${quoted(version)}`;
  let behind = ',"outputs":[';
  let rawBytes = 0;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i];
    if (output === undefined) continue;
    if (i > 0) behind += ",";
    behind += head(output);
    switch (formOf(wanted, i)) {
      case "binary":
        rawBytes += output.data.byteLength;
        behind += `,"parameters":{"binary_data_size":${output.data.byteLength}}}`;
        break;
      case "json":
        behind += `,"data":[${tensorElements(output)}]}`;
        break;
      case "shared":
        behind += "}";
        break;
    }
  }
  return { before, behind: `${behind}]}`, rawBytes };
}

/** @param told of the answer itself, in numbers or in what stands for them */
export function framedJson(told: Told, { before, behind }: ResponseFrame): string {
  const parameters = parametersJson(told);
  return parameters === undefined
    ? before + behind
    : `${before},"parameters":${parameters}${behind}`;
}

/** @param rawBytes of those that are asked for as raw bytes. @returns a copy of them, one behind the other */
export function rawOutputs(
  { outputs }: Pick<InferResponse, "outputs">,
  wanted: OutputForms,
  rawBytes: number,
): Buffer {
  if (rawBytes === 0) return NOTHING;
  const raw = Buffer.allocUnsafe(rawBytes);
  copyRaw(outputs, wanted, raw, 0);
  return raw;
}

function copyRaw(
  outputs: InferResponse["outputs"],
  wanted: OutputForms,
  target: Buffer,
  start: number,
): void {
  let at = start;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i];
    if (output === undefined || formOf(wanted, i) !== "binary") continue;
    target.set(output.data, at);
    at += output.data.byteLength;
  }
}

/** Of the output at a position. */
export function formOf({ forms, otherwise }: OutputForms, at: number) {
  return forms[at] ?? otherwise;
}

function head({ name, datatype, shape }: OutputTensor): string {
  return `{"name":${quoted(name)},"datatype":"${datatype}","shape":[${shape.join(",")}]`;
}
